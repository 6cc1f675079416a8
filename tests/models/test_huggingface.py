"""Networks of transformers: the same logits as with their own feature extractors."""

import json

import numpy as np
import pytest
import torch

from speechlrp.audio.fbank import FbankSettings
from speechlrp.config.composing import compose_config
from speechlrp.data.dataset import feature_settings
from speechlrp.errors import SpeechLRPError
from speechlrp.lrp import attribute
from speechlrp.lrp.presets import PRESETS
from speechlrp.models import MODELS
from speechlrp.training.description import build
from tests.toys.hf_folders import FRAMES, KINDS, save

pytest.importorskip("transformers", reason="transformers is not installed")

BANKS = {
    "name": "fbank", "rate": 16000, "bands": 32, "window": 400, "hop": 160,
    "window_type": "hanning", "low_hz": 20.0, "high_hz": None, "normalise": False, "floor": 4.85203,
}  # fmt: skip


def made(folder, train="none", classes=2):
    return MODELS["huggingface"](classes=classes, folder=str(folder), train=train).eval()


def samples(generator, count=400 + 160 * (FRAMES - 1)):
    return 0.1 * torch.randn(2, count, generator=generator)


def inputs_of(kind, waves):
    if kind != "ast":
        return waves[:, None]
    given = {key: value for key, value in BANKS.items() if key != "name"}
    return FbankSettings(length=waves.shape[1], segment_s=None, **given).transform(waves)


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_behind_the_networks_own_extractor(tmp_path, generator, kind):
    model, extractor = save(kind, tmp_path)
    waves = samples(generator)
    values = extractor([w.numpy() for w in waves], sampling_rate=16000, return_tensors="pt")
    with torch.no_grad():
        expected = model(**values).logits
        found = made(tmp_path)(inputs_of(kind, waves))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_is_made_again_without_its_folder(tmp_path, generator, kind):
    save(kind, tmp_path)
    ours, x = made(tmp_path), inputs_of(kind, samples(generator))
    kwargs = json.loads(json.dumps(ours.kwargs))
    meta = {"model": "huggingface", "kwargs": kwargs, "classes": ["a", "b"]}
    again = build(meta, ours.state_dict()).eval()
    with torch.no_grad():
        assert torch.equal(again(x), ours(x))


@pytest.mark.parametrize("preset", ["cp_lrp", "attnlrp"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_explained_down_to_its_input(tmp_path, generator, kind, preset):
    save(kind, tmp_path)
    ours, x = made(tmp_path), inputs_of(kind, samples(generator))
    output, relevance = attribute(ours, x, 0, PRESETS[preset]())
    torch.testing.assert_close(output, ours(x))
    assert relevance.shape == x.shape
    assert relevance.abs().sum() > 0


def test_a_constant_factor_is_normalised_away(tmp_path, generator):
    save("wav2vec2", tmp_path)
    ours, x = made(tmp_path), samples(generator)[:, None]
    torch.testing.assert_close(ours(3 * x), ours(x), rtol=1e-3, atol=1e-6)


def test_a_head_is_trained_and_the_rest_is_frozen(tmp_path, generator):
    save("wav2vec2", tmp_path)
    ours = made(tmp_path, "head", classes=5).train()
    assert not ours.model.wav2vec2.training
    assert ours.model.classifier.training
    logits = ours(samples(generator)[:, None])
    assert logits.shape == (2, 5)
    logits.sum().backward()
    names = {name.split(".")[1] for name, p in ours.named_parameters() if p.grad is not None}
    assert names == {"projector", "classifier"}
    assert all(p.requires_grad for p in made(tmp_path, "all").parameters())


def test_features_are_compared_with_the_extractors(tmp_path):
    save("ast", tmp_path)
    made(tmp_path).check_features(BANKS)
    with pytest.raises(SpeechLRPError, match=r"add features\.bands=32 features\.normalise=false$"):
        made(tmp_path).check_features({**BANKS, "bands": 64, "normalise": True})
    with pytest.raises(SpeechLRPError, match=r"add features=fbank features\.rate=16000"):
        made(tmp_path).check_features({"name": "waveform", "rate": 8000})


def test_the_committed_features_are_asts():
    load = compose_config("preprocess", ["features=fbank_ast", "run=x", "data_run=x"])
    settings = feature_settings(load)
    from speechlrp.models.preparations import Filterbanks

    wanted = Filterbanks(16000, 128, 1024, 0.0, 1.0).features
    for key in ("rate", "bands", "window", "hop", "window_type", "low_hz", "high_hz", "normalise"):
        assert getattr(settings, key) == wanted[key]
    assert settings.floor == pytest.approx(wanted["floor"], abs=1e-5)
    assert settings.shape == (128, 100)
    banks = settings.transform(0.1 * torch.randn(1, settings.length))
    empty = (banks == banks[0, 0, 3, 0]).all(dim=3)[0, 0]
    assert empty[3]  # between two frequencies of the transform
    assert 1 <= empty.sum() < 16


def test_outputs_come_in_the_order_of_the_classes(tmp_path, generator):
    save("hubert", tmp_path)
    ours, x = made(tmp_path), samples(generator)[:, None]
    with torch.no_grad():
        before = ours(x)
        ours.reordered(["female", "male"])
        np.testing.assert_allclose(ours(x), before.flip(1), rtol=1e-5)
    assert ours.labels == ["female", "male"]
    with pytest.raises(SpeechLRPError, match="classes are female, male, and the data's a, b"):
        ours.reordered(["a", "b"])


def test_too_many_frames_are_told(tmp_path):
    save("ast", tmp_path)
    with pytest.raises(SpeechLRPError, match="up to 48 frames, and the features have 49"):
        made(tmp_path)(torch.zeros(1, 1, 32, 49))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("config.json", "no config.json"),
        ("preprocessor_config.json", "no preprocessor_config.json"),
        ("model.safetensors", r"no model.safetensors.*\(weights as safetensors\)"),
    ],
)
def test_a_folder_that_lacks_a_file_is_one_line(tmp_path, name, words):
    save("wav2vec2", tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(SpeechLRPError, match=words):
        made(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"model_type": "bert"}', '{"model_type": "no"}'])
def test_a_folder_of_other_content_is_one_line(tmp_path, content):
    save("wav2vec2", tmp_path)
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(SpeechLRPError, match=r"model\.folder=.* cannot be read: ") as error:
        made(tmp_path)
    assert "\n" not in str(error.value)


def test_a_network_without_a_folder_is_one_line():
    with pytest.raises(SpeechLRPError, match="needs a folder that save_pretrained"):
        MODELS["huggingface"](classes=2)
    with pytest.raises(SpeechLRPError, match="is no folder"):
        MODELS["huggingface"](classes=2, folder="nowhere/here")
