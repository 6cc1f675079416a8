"""Sweeps whose members run elsewhere: Hydra's launchers, where they are installed."""

import importlib.util

import pytest

LAUNCHERS = {"joblib": "hydra_joblib_launcher", "submitit_local": "hydra_submitit_launcher"}


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_members_are_trained_and_tabulated(project, launcher):
    package = f"hydra_plugins.{LAUNCHERS[launcher]}"
    if not importlib.util.find_spec("hydra_plugins") or not importlib.util.find_spec(package):
        pytest.skip(f"{package} is not installed")
    assert project.speechlrp("preprocess", "run=toy").returncode == 0
    for verb in ("train", "evaluate"):
        sweep = ("-m", "run=toy", "seed=1,2", f"hydra/launcher={launcher}")
        done = project.speechlrp(verb, *sweep, before="pass")  # in a process of its own
        assert done.returncode == 0, done.stderr
    bare = type(project)(project.data, project.outputs, ())
    done = bare.speechlrp("table", "toy,seed=*")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "2 runs: toy-seed-1, toy-seed-2"
    assert "accuracy" in done.stdout
