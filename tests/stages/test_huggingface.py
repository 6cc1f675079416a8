"""Networks of transformers through the stages: a head trained here, or taken as they are."""

import json

import h5py
import pytest

import speechlrp
from tests.stages.test_contract import one_line
from tests.toys.hf_folders import save
from tests.toys.toy_project import TOY

pytest.importorskip("transformers", reason="transformers is not installed")

PLAIN = tuple(s for s in TOY if not s.startswith(("features.", "model=")))
WAVES = ("features=waveform", "features.rate=16000", "features.length=12000")
STFT = ("explainer.view=stft", "explainer.window_length=256", "explainer.hop=64")


@pytest.fixture
def folder(tmp_path):
    save("wav2vec2", tmp_path / "net")
    return tmp_path / "net"


def project_of(project_class, corpus, tmp_path, *settings):
    return project_class(corpus, tmp_path / "outputs", (*PLAIN, *settings))


def test_a_head_is_trained_and_explained(project_class, corpus, tmp_path, folder):
    network = ("model=huggingface", f"model.folder={folder}", "trainer.epochs=2")
    project = project_of(project_class, corpus, tmp_path, *WAVES, *network)
    for verb, settings in (("preprocess", ()), ("train", ()), ("explain", STFT)):
        done = project.speechlrp(verb, settings=settings)
        assert done.returncode == 0, done.stderr
    with h5py.File(project.run / "explain/train-lrp_stft-test/relevance.h5") as file:
        assert file["relevance"].shape == (8, 1, 129, 189)
    for file in folder.iterdir():
        file.unlink()
    run = speechlrp.load(project.run)
    assert run.model.labels == ["LABEL_0", "LABEL_1"] or set(run.model.labels) == set(run.classes)
    answer = run.explain(next((corpus / "audiomnist/data/01").glob("*.wav")), settings=STFT)
    assert answer.relevance.shape[0] == 129


def test_a_network_is_taken_as_it_is(project_class, corpus, tmp_path):
    save("ast", tmp_path / "net", labels=("female", "male"))
    features = ("features=fbank_ast", "features.bands=32", "features.length=6640",
                "features.segment_s=0.4", "features.min_segment_s=0.2")  # fmt: skip
    network = ("model=huggingface", f"model.folder={tmp_path / 'net'}", "model.train=none")
    project = project_of(project_class, corpus, tmp_path, *features, *network)
    for verb in ("preprocess", "train", "evaluate", "explain"):
        done = project.speechlrp(verb)
        assert done.returncode == 0, done.stderr
    meta = json.loads((project.run / "train/last.json").read_text())
    assert meta["published"] == "net"
    assert meta["kwargs"]["architecture"]["id2label"] == {"0": "male", "1": "female"}


def test_other_features_are_one_line(project_class, corpus, tmp_path, folder):
    settings = ("features=waveform", "model=huggingface", f"model.folder={folder}")
    project = project_of(project_class, corpus, tmp_path, *settings)
    assert project.speechlrp("preprocess").returncode == 0
    assert "add features.rate=16000" in one_line(project.speechlrp("train"))
