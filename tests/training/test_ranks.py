"""Two processes take the steps of one with the double batch."""

import importlib.util
from pathlib import Path

import forks
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from speechlrp.training.ranks import Ranks, joined

SCRIPTS = {name: Path(__file__).with_name(f"{name}.py") for name in ("two", "two_speakers")}
TIMES = ["seconds", "model_seconds"]


def module(name):
    spec = importlib.util.spec_from_file_location(f"training_{name}", SCRIPTS[name])
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture
def two():
    """The module `two.py`."""
    return module("two")


@pytest.fixture
def speakers():
    """The module `two_speakers.py`."""
    return module("two_speakers")


def start_two(name, folder):
    """Train in two processes, and give the metrics of each."""
    done = forks.run(forks.script(SCRIPTS[name]), folder, ranks=2)
    assert done.returncode == 0, done.stderr
    return [pd.read_csv(folder / f"rank{rank}.csv").drop(columns=TIMES) for rank in (0, 1)]


def assert_same_weights(one, other, start):
    """Check that two trainings ended alike, away from where they began."""
    one, other = (load_file(folder / "last.safetensors") for folder in (one, other))
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, rtol=1e-4, atol=1e-6)
    assert any(not torch.allclose(value, start[name], atol=1e-3) for name, value in one.items())


def test_two_processes_take_the_steps_of_one_with_the_double_batch(two, tmp_path):
    two.write(tmp_path)
    alone = two.train(tmp_path, Ranks(), 4, "one")
    times = TIMES
    ours, other = start_two("two", tmp_path)
    pd.testing.assert_frame_equal(ours, other)
    pd.testing.assert_frame_equal(ours, alone.drop(columns=times), rtol=1e-5)
    assert ours.too_short.tolist() == [1, 1, 1]
    assert_same_weights(tmp_path / "one", tmp_path / "two", two.network().state_dict())


def test_two_processes_train_a_classifier_of_speakers_as_one_does(speakers, tmp_path):
    """Windows, mixtures, margin and schedule are those of one process, as are the steps."""
    speakers.write(tmp_path)
    alone = speakers.train(tmp_path, Ranks(), 6, "one").drop(columns=TIMES)
    ours, other = start_two("two_speakers", tmp_path)
    pd.testing.assert_frame_equal(ours, other)
    pd.testing.assert_frame_equal(ours, alone, rtol=1e-5)
    assert_same_weights(tmp_path / "one", tmp_path / "two", speakers.network().state_dict())


def test_accumulated_batches_take_the_steps_of_a_larger_one(speakers, tmp_path):
    speakers.write(tmp_path)
    whole = speakers.train(tmp_path, Ranks(), 4, "one")
    parts = speakers.train(tmp_path, Ranks(), 2, "parts", accumulate=2)
    pd.testing.assert_frame_equal(parts.drop(columns=TIMES), whole.drop(columns=TIMES), rtol=1e-5)
    assert_same_weights(tmp_path / "one", tmp_path / "parts", speakers.network().state_dict())


@pytest.mark.parametrize("size", [None, "2", "x"])
def test_alone_nothing_is_exchanged(monkeypatch, size):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    if size:  # as a scheduler may set it, for no torchrun
        monkeypatch.setenv("WORLD_SIZE", size)
    model = torch.nn.BatchNorm1d(2)
    with joined() as ranks:
        assert ranks == Ranks(0, 1)
        assert ranks.leader
        assert ranks.spread(model) is model
        assert ranks.total([1, 2.5]) == [1, 2.5]
        assert ranks.share("x") == "x"
        ranks.align(model)
    assert not torch.distributed.is_initialized()
