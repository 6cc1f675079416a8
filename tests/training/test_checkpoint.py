"""Models on disk: what comes back, and what is refused."""

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from speechlrp.errors import SpeechLRPError
from speechlrp.training.checkpoint import load_model, save_model, weights_path

pytestmark = pytest.mark.usefixtures("toy_registry")


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.fixture
def saved(toy, tmp_path):
    return save_model(tmp_path / "best.safetensors", toy.toy_model(5), toy.META)


def refused(path, match):
    with pytest.raises(SpeechLRPError, match=match) as caught:
        load_model(path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    assert "speechlrp train" in str(caught.value)


def test_a_model_comes_back(toy, saved):
    model, meta = load_model(saved, torch.device("cpu"))
    assert meta == toy.META
    assert not model.training
    for name, value in toy.toy_model(5).state_dict().items():
        assert torch.equal(model.state_dict()[name], value)


def test_loading_draws_no_random_numbers(saved):
    before = torch.random.get_rng_state()
    load_model(saved)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_folder_stands_for_its_best(tmp_path, toy):
    assert save_model(tmp_path, toy.toy_model(), toy.META) == tmp_path / "best.safetensors"
    assert weights_path(tmp_path / "new") == tmp_path / "new" / "best.safetensors"
    assert weights_path(tmp_path / "last.safetensors") == tmp_path / "last.safetensors"
    assert load_model(tmp_path)[1] == toy.META


def test_channels_last_weights_are_saved(toy, tmp_path):
    model = toy.toy_model().to(memory_format=torch.channels_last)
    path = save_model(tmp_path, model, toy.META)
    assert torch.equal(load_model(path)[0].body[0].weight, model.body[0].weight)


def test_a_missing_model_names_the_command(tmp_path):
    refused(tmp_path / "none.safetensors", "no model at .* `speechlrp train`")


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9])
def test_truncated_weights_are_refused(saved, share):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(share * len(whole))])
    refused(saved, "truncated or not safetensors")


@pytest.mark.parametrize("how", ["pickle", "torch"])
def test_a_pickle_is_refused_and_does_not_run(saved, tmp_path, how):
    payload = {"weights": Payload(tmp_path / "ran")}
    if how == "pickle":
        saved.write_bytes(pickle.dumps(payload))
    else:
        torch.save(payload, saved)
    refused(saved, "pickle, which can run code")
    assert not (tmp_path / "ran").exists()


def test_a_missing_json_is_refused(saved):
    saved.with_suffix(".json").unlink()
    refused(saved, "best.json beside it is missing")


@pytest.mark.parametrize("text", ["", "{", "\x00"])
def test_a_broken_json_is_refused(saved, text):
    saved.with_suffix(".json").write_text(text)
    with pytest.raises(SpeechLRPError, match=r"best.json \(it is not JSON\).*speechlrp train"):
        load_model(saved)


def test_a_json_of_other_weights_is_refused(saved, toy):
    saved.with_suffix(".json").write_text(json.dumps({**toy.META, "epoch": 7}))
    refused(saved, "belongs to other weights")


def test_weights_of_somebody_else_are_refused(saved):
    save_file(load_file(saved), saved)  # no header of ours
    refused(saved, "belongs to other weights")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"model": "unheard"}, "does not describe a model"),
        ({"kwargs": {"depth": 3}}, "does not describe a model"),
        ({"kwargs": {"width": 5}}, r"body.0.weight is \[4, 1, 3, 3\], not \[5, 1, 3, 3\]"),
        ({"classes": ["a", "b", "c"]}, r"head.weight is \[2, 48\], not \[3, 48\]"),
    ],
)
def test_weights_that_do_not_fit_their_json(toy, tmp_path, change, match):
    refused(save_model(tmp_path, toy.toy_model(), {**toy.META, **change}), match)


@pytest.mark.parametrize(
    ("extra", "dropped", "match"),
    [({"more": torch.zeros(1)}, None, "more is not wanted"), ({}, "head.bias", "head.bias is mis")],
)
def test_missing_and_extra_weights(saved, toy, extra, dropped, match):
    tensors = {k: v for k, v in load_file(saved).items() if k != dropped} | extra
    save_file(tensors, saved, metadata={"speechlrp": json.dumps(toy.META)})
    refused(saved, match)


def test_an_unwritable_folder_is_one_line(toy, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpeechLRPError, match=r"cannot write .*best.safetensors: "):
        save_model(tmp_path / "file" / "best.safetensors", toy.toy_model(), toy.META)


def test_code_that_only_the_file_names_is_not_run(toy, saved, tmp_path, monkeypatch):
    """Whether it makes the model or a part of it, and however it is named."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_trap_1.py").write_text("open('sprung', 'w').close()\ndef make(classes): ...\n")
    for change in (
        {"model": "own_trap_1:make"},
        {"model": "custom", "kwargs": {"factory": "own_trap_1:make"}},
    ):
        path = save_model(tmp_path / "own.safetensors", toy.toy_model(5), toy.META | change)
        for factory in (None, "another:make"):
            with pytest.raises(SpeechLRPError, match=r"trust it, add model.*own_trap_1:make"):
                load_model(path, factory=factory)
    assert not (tmp_path / "sprung").exists()
