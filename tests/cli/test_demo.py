"""The demonstrations: what they synthesise is what their experiments read."""

import pytest
import yaml

from speechlrp.cli import download as demo
from speechlrp.cli.main import LAYOUTS

KINDS = [(), *((kind,) for kind in demo.DEMOS)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_corpus_lies_where_the_experiment_reads(speechlrp, kind):
    shown = yaml.safe_load(speechlrp("demo", *kind, "--cfg", "job", "--resolve").stdout)
    chosen = demo.DEMOS[kind[0] if kind else "gender"]
    assert shown["run"] == chosen.experiment
    assert shown["dataset"]["root"] == f"data/demo/{chosen.folder}"
    assert chosen.layout in LAYOUTS


def test_recordings_come_first_and_settings_go_on(speechlrp, monkeypatch, tmp_path):
    calls = []
    monkeypatch.setenv("SPEECHLRP_DATA", "elsewhere")
    monkeypatch.setattr(demo, "synthesise_corpus", lambda *a, **k: calls.append(a))
    monkeypatch.setattr(
        "speechlrp.stages.sequence.run_verb", lambda *a: calls.append((a[0], vars(a[1])))
    )
    speechlrp("demo", "letters", "trainer.epochs=2", "--to", "train")
    assert calls[0] == ("librispeech", "elsewhere/demo/LibriSpeech")
    verb, config = calls[1]
    assert verb == "run"
    assert config["run"] == "demo_letters-epochs-2"
    assert config["paths"].data == "elsewhere/demo"
    assert config["trainer"]["epochs"] == 2
    assert config["sequence"].last == "train"


def test_recordings_lie_where_they_are_asked_to(speechlrp, monkeypatch):
    calls = []
    monkeypatch.setattr(demo, "synthesise_corpus", lambda *a, **k: calls.append(a))
    monkeypatch.setattr("speechlrp.stages.sequence.run_verb", lambda *a: calls.append(a))
    speechlrp("demo", "paths.data='my data'")
    assert calls[0] == ("audiomnist", "my data/audiomnist")
    assert calls[1][1].paths.data == "my data"
    assert "paths.data='my data'" in calls[1][2].overrides


REFUSED = {
    "music": (2, "'music'; there are: gender, letters, speaker"),
    "letters speaker": (2, "one demonstration at a time, not letters and speaker"),
    "letters trainer.epoch=2": (1, "unknown setting of trainer 'epoch'"),
    "hydra.run.dir=elsewhere": (2, "results lie below paths.outputs"),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_refused_synthesises_nothing(speechlrp, tmp_path, words):
    status, reason = REFUSED[words]
    result = speechlrp("demo", *words.split())
    assert result.exit_code == status
    assert reason in result.stderr
    assert not list(tmp_path.iterdir())
