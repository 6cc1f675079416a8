"""An exported run stands alone: it answers bit for bit, and its card has the run's numbers."""

import json
import os
import shutil

import h5py
import numpy as np
import pytest
import yaml

import speechlrp
from speechlrp.answers import exporting
from speechlrp.answers.exporting import export
from speechlrp.errors import SpeechLRPError
from tests.stages.test_contract import one_line


@pytest.fixture
def exported(finished, tmp_path):
    return export(speechlrp.load(finished.run), tmp_path / "my export")


@pytest.fixture
def recording(finished, tmp_path):
    return shutil.copy(finished.data / "audiomnist/data/01/0_01_0.wav", tmp_path / "a.wav")


@pytest.mark.parametrize("explainer", ["lrp", "lrp_mean", "smoothgrad"])
def test_it_answers_bit_for_bit_where_the_run_is_gone(finished, tmp_path, recording, explainer):
    copy = shutil.copytree(finished.outputs, tmp_path / "outputs") / finished.run.name
    run = speechlrp.load(copy)
    ours = run.explain(recording, explainer=explainer, target="male", against="female")
    folder = export(run, tmp_path / "my export")
    shutil.rmtree(tmp_path / "outputs")
    theirs = speechlrp.load(folder).explain(
        recording, explainer=explainer, target="male", against="female"
    )
    np.testing.assert_array_equal(ours.relevance, theirs.relevance)
    assert ours.probabilities == theirs.probabilities
    assert ours.describe() == theirs.describe()


def test_it_holds_no_recording(exported, finished):
    with (
        h5py.File(exported / "features.h5") as file,
        h5py.File(finished.features / "features.h5") as whole,
    ):
        assert file["features"].shape[0] == len(file["table/id"]) == 1
        assert not file["features"][:].any()
        assert (
            file["table/path"].asstr()[:].tolist() == file["table/id"].asstr()[:].tolist() == [""]
        )
        np.testing.assert_array_equal(file["train_mean"][:], whole["train_mean"][:])
        assert file["frequency"].attrs["units"] == "Hz"
    assert sum(path.stat().st_size for path in exported.iterdir()) < 4e6
    assert str(finished.data) not in (exported / "run.json").read_text()


def test_the_card_has_the_numbers_of_the_records(exported, finished):
    text = (exported / "README.md").read_text()
    front, _, body = text.removeprefix("---\n").partition("---\n")
    assert yaml.safe_load(front)["pipeline_tag"] == "audio-classification"
    for split in ("test", "validate"):
        found = json.loads((finished.run / f"evaluate/train-{split}/evaluation.json").read_text())
        assert f"| {split} | accuracy | {found['accuracy']:.2%} |" in body
    assert "The network tells 2 classes apart" in body
    assert "aug_zero" not in body.split("## Use")[0].split("|---")[1].split("\n\n")[0]
    assert "male" in body


def test_the_command_line_exports_and_asks(finished, exported, recording, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project = type(finished)(finished.data, finished.outputs, toy=())
    done = project.speechlrp("export", str(finished.run), "there", "--weights", "aug_zero")
    assert done.returncode == 0, done.stderr
    weights = finished.run / "retrain/zero/last.safetensors"
    assert (tmp_path / "there/model.safetensors").read_bytes() == weights.read_bytes()
    done = project.speechlrp("explain", "a.wav", "--run", "there")
    assert done.returncode == 0, done.stderr
    assert "a.wav: " in done.stdout
    assert "has something in it" in one_line(project.speechlrp("export", "there", "there"))
    again = project.speechlrp("export", "there", "again")
    assert again.returncode == 0, again.stderr
    assert "is not known" in (tmp_path / "again/README.md").read_text()


def test_of_what_changes_while_it_is_read_nothing_is_exported(finished, tmp_path, monkeypatch):
    copy = shutil.copytree(finished.outputs, tmp_path / "outputs") / finished.run.name
    run = speechlrp.load(copy)

    def trained_again(run):
        os.utime(copy / "train/last.safetensors", (1, 1))
        return "a card"

    monkeypatch.setattr(exporting, "card", trained_again)
    with pytest.raises(SpeechLRPError, match=r"last\.safetensors changed while export read it"):
        export(run, tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]


def test_it_has_one_network(exported):
    with pytest.raises(SpeechLRPError, match="exported with one network; leave out aug_mean"):
        speechlrp.load(exported, weights="aug_mean")


def test_ones_own_settings_go_along(project, corpus, recording, tmp_path):
    own = tmp_path / "own"
    (own / "experiment").mkdir(parents=True)
    (own / "experiment/mine.yaml").write_text(
        "# @package _global_\nexplainer: {bands_hz: [0, 1000, 4000]}\n"
    )
    settings = ("experiment=mine", "--config-dir", str(own), "run=mine")
    for verb in ("preprocess", "train"):
        done = project.speechlrp(verb, *settings)
        assert done.returncode == 0, done.stderr
    folder = export(speechlrp.load(project.outputs / "mine"), tmp_path / "there")
    shutil.rmtree(own)
    answer = speechlrp.load(folder).explain(recording)
    assert answer.bands_hz == (0, 1000, 4000)
