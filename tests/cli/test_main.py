"""The commands, their help, and that choices, tables and configurations stay together."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from speechlrp.audio import FEATURES
from speechlrp.cli.help import names
from speechlrp.cli.main import main
from speechlrp.cli.options import OPTIONS
from speechlrp.config.names import conf_dir
from speechlrp.corpora import CORPORA, DOWNLOADS, SPLITS
from speechlrp.explainers import EXPLAINERS
from speechlrp.flipping import FILL_INS, FILLS, STRATEGIES
from speechlrp.letters import DECODERS
from speechlrp.lrp import PRESETS, RULES
from speechlrp.measures import ORDERS, SCORES
from speechlrp.models import MODELS
from speechlrp.stages import CLASSES, LETTERS, SUMMARIES
from speechlrp.training import LOGGERS

ROOT = Path(__file__).resolve().parents[2]
RUN = "from speechlrp.cli.main import main; main(prog_name='speechlrp')"


@pytest.mark.parametrize("verb", [None, *main.commands])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help(speechlrp, verb, flag):
    result = speechlrp(*filter(None, [verb, flag]))
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: speechlrp {verb or '[OPTIONS]'}")
    for option in OPTIONS.get(verb, ()):
        assert option.flag in result.stdout
    if verb in SUMMARIES:
        assert SUMMARIES[verb] in result.stdout


@pytest.mark.parametrize("arguments", [[], ["train"], ["flip"], ["download"], ["synth"]])
def test_help_is_quick_because_it_imports_little(arguments):
    heavy = "torch", "hydra", "omegaconf", "numpy", "pandas", "matplotlib", "h5py"
    code = (
        f"import sys; sys.argv[1:] = {[*arguments, '--help']}\n"
        f"try:\n    {RUN}\nfinally:\n"
        f"    print([m for m in {heavy} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert done.stdout.startswith("Usage: speechlrp")


def test_from_another_folder_in_a_process_of_its_own(tmp_path):
    arguments = ["flip", "flipping.baseline=silence", "--cfg", "job", "--strategy", "lrp"]
    command = [sys.executable, "-W", "error", "-c", RUN, *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
    assert done.returncode == 0, done.stderr
    shown = yaml.safe_load(done.stdout)["flipping"]
    assert (shown["strategy"], shown["baseline"]) == ("lrp", "silence")
    assert list(tmp_path.iterdir()) == []


def test_stages(speechlrp):
    lines = speechlrp("stages").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(SUMMARIES)


def test_list_of_lists(speechlrp):
    lines = speechlrp("list").stdout.splitlines()
    assert any(line.startswith("models: alexnet, ") for line in lines)
    assert len({line.split(":")[0] for line in lines}) == len(lines)


@pytest.mark.parametrize(
    ("what", "table"),
    {
        "stages": SUMMARIES, "corpora": CORPORA, "downloads": DOWNLOADS, "splits": SPLITS,
        "features": FEATURES, "models": MODELS, "explainers": EXPLAINERS, "rules": RULES,
        "presets": PRESETS, "strategies": STRATEGIES, "baselines": FILL_INS, "fills": FILLS,
        "decodings": DECODERS, "scores": SCORES, "loggers": LOGGERS,
    }.items(),
)  # fmt: skip
def test_list_shows_the_table(speechlrp, what, table):
    lines = speechlrp("list", what).stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(table)


def test_list_shows_the_configurations():
    for folder in conf_dir().glob("*/"):
        shown = [line.split()[0] for line in names(f"conf/{folder.name}")]
        assert shown == sorted(p.stem for p in folder.glob("*.yaml"))


def test_a_stage_is_a_command_a_summary_and_a_configuration():
    primary = {path.stem for path in conf_dir().glob("*.yaml")}
    assert {*CLASSES, *LETTERS} == set(SUMMARIES)
    assert primary == {*SUMMARIES, "run", "base"}
    assert set(OPTIONS) == {*SUMMARIES, "run"}
    assert set(main.commands) == {
        *SUMMARIES,
        "run",
        "demo",
        "stages",
        "runs",
        "list",
        "download",
        "synth",
        "init",
        "table",
        "help",
        "export",
    }
    for name, stage in {**CLASSES, **LETTERS}.items():
        assert stage.name == name


@pytest.mark.parametrize(
    ("group", "key", "table"),
    [
        ("dataset", "name", CORPORA),
        ("split", "name", SPLITS),
        ("features", "name", FEATURES),
        ("model", "name", MODELS),
        ("explainer", "kind", EXPLAINERS),
        ("decoding", "name", DECODERS),
    ],
)
def test_configurations_choose_what_the_table_has_and_all_of_it(group, key, table):
    contents = [yaml.safe_load(p.read_text()) for p in (conf_dir() / group).glob("*.yaml")]
    assert {content[key] for content in contents if key in content} == set(table)


def test_choices_of_options_are_the_tables():
    choices = {o.flag: o.choices for options in OPTIONS.values() for o in options if o.choices}
    assert choices["--strategy"] == ("all", *STRATEGIES)
    assert choices["--baseline"] == ("all", *FILL_INS)
    assert choices["--fill"] == tuple(FILLS)
    assert choices["--sanity"] == ("none", *ORDERS)
    assert choices["--decoding"] == tuple(DECODERS)
    assert choices["--from"] == choices["--to"] == tuple(SUMMARIES)


def test_options_stand_for_settings_that_there_are(speechlrp):
    shown = yaml.safe_load(speechlrp("run", "--cfg", "job").stdout)
    for option in {o for options in OPTIONS.values() for o in options}:
        *path, last = option.key.split(".")
        holder = shown
        for key in path:
            holder = holder[key]
        assert last in holder


def test_download_and_synth_hand_their_options_on(speechlrp, monkeypatch, tmp_path):
    calls = []
    here = "speechlrp.cli.download"
    monkeypatch.setattr(f"{here}.download_corpus", lambda *a: calls.append(a))
    monkeypatch.setattr(f"{here}.synthesise_corpus", lambda *a, **k: calls.append((*a, k)))
    speechlrp("download", "librispeech", "--subset", "a", "--subset", "b", "--data", "d")
    speechlrp("synth", "audiomnist", "--out", "o", "--speakers", "4", "--workers", "1")
    assert calls[0] == ("librispeech", ("a", "b"), "d", None)
    given = {"manifest": None, "speakers": 4, "per_speaker": 50, "seed": 1, "workers": 1}
    assert calls[1] == ("audiomnist", "o", {**given, "swap_f0": False, "force": False})


def test_the_version(speechlrp):
    from speechlrp import __version__

    assert speechlrp("--version").stdout.strip().endswith(__version__)


def test_a_working_folder_that_was_deleted_is_said(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    done = CliRunner().invoke(main, ["list", "models"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "error: the folder that you are in was deleted; change to another\n"
