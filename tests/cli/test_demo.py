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
    monkeypatch.setattr(demo, "launch", lambda *a: calls.append(a))
    speechlrp("demo", "letters", "trainer.epochs=2", "--to", "train")
    assert calls[0] == ("librispeech", "elsewhere/demo/LibriSpeech")
    verb, overrides, values = calls[1]
    assert verb == "run"
    assert overrides == (
        "experiment=demo_letters",
        "paths.data=elsewhere/demo",
        "trainer.epochs=2",
    )
    assert values["to_"] == "train"


def test_a_demonstration_that_there_is_not(speechlrp, tmp_path):
    result = speechlrp("demo", "music")
    assert result.exit_code == 2
    assert "'music'; there are: gender, letters, speaker" in result.stderr
    assert not list(tmp_path.iterdir())
