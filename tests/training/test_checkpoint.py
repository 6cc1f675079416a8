"""Models on disk: what comes back, and what is refused."""

import contextlib
import json
import os
import pickle

import numpy as np
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


def store(path, tensors, meta, header=None):
    """Write weights whose header and JSON agree, whatever they say."""
    save_file(tensors, path, metadata={"speechlrp": header or json.dumps(meta)})
    path.with_suffix(".json").write_text(json.dumps(meta))


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
    refused(saved, "truncated or not safetensors|it is empty")


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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        ("{", "it is not JSON"),
        ("\x00", "it is zeros"),
        ("[" * 100_000, "nested too deeply"),
        ("<!DOCTYPE html>", "HTML page"),
    ],
)
def test_a_broken_json_is_refused(saved, text, words):
    saved.with_suffix(".json").write_text(text)
    with pytest.raises(SpeechLRPError, match=rf"best.json \(.*{words}.*speechlrp train") as caught:
        load_model(saved)
    assert "\n" not in str(caught.value)


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
    store(saved, tensors, toy.META)
    refused(saved, match)


def test_whoever_may_read_the_description_may_read_the_weights(toy, tmp_path):
    path = save_model(tmp_path / "best.safetensors", toy.toy_model(), toy.META)
    assert path.stat().st_mode == path.with_suffix(".json").stat().st_mode


def test_an_unwritable_folder_is_named(toy, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file'"):
        save_model(tmp_path / "file" / "best.safetensors", toy.toy_model(), toy.META)


def test_code_that_only_the_file_names_is_not_run(toy, saved, tmp_path, monkeypatch):
    """Whether it makes the model or a part of it, and however it is named."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_trap_1.py").write_text("open('sprung', 'w').close()\ndef make(classes): ...\n")
    for change in (
        {"model": "own_trap_1:make"},
        {"model": "own_trap_1:make", "kwargs": {"name": "toy"}},
        {"model": "custom", "kwargs": {"factory": "own_trap_1:make"}},
    ):
        path = save_model(tmp_path / "own.safetensors", toy.toy_model(5), toy.META | change)
        for factory in (None, "another:make"):
            with pytest.raises(SpeechLRPError, match=r"trust it, add model.*own_trap_1:make"):
                load_model(path, factory=factory)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kwargs": "x"}, "kwargs is no table"),
        ({"kwargs": None}, "kwargs is no table"),
        ({"model": 3}, "model is no name"),
        ({"model": None}, "model is no name"),
        ({"classes": []}, "classes are no names"),
        ({"classes": [1, 2]}, "classes are no names"),
        ({"classes": "ab"}, "classes is no list"),
        ({"input_scale": "1"}, "input_scale is no number"),
        ({"input_scale": True}, "input_scale is no number"),
        ({"input_scale": float("nan")}, "input_scale is not finite"),
        ({"input_scale": 10**400}, "input_scale is not finite"),
        ({"loss": "guess"}, "its loss is 'guess'"),
        ({"kwargs": {"classes": -3}}, "does not describe a model: .*negative"),
        ({"kwargs": {"classes": 10**9}}, r"a size of 1e\+09 for"),
        ({"kwargs": {"width": 10**400}}, r"a size of 1e\+300 for"),
        ({"kwargs": {"width": "4"}}, "does not describe a model"),
        ({"kwargs": {"width": 4.5}}, "does not describe a model"),
        ({"model": "os:system"}, "asks for os:system"),
    ],
)
def test_a_description_that_is_none(saved, toy, change, words):
    store(saved, load_file(saved), {**toy.META, **change})
    with pytest.raises(SpeechLRPError, match=words) as caught:
        load_model(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("meta", [[], "x", None, 3])
def test_a_description_that_is_no_table(saved, toy, meta):
    store(saved, load_file(saved), meta)
    refused(saved, "no table")


def test_a_header_that_is_nested_deeply(saved, toy):
    store(saved, load_file(saved), toy.META, header="[" * 100_000)
    refused(saved, "nested too deeply")


def test_sizes_beyond_the_memory_are_refused_before_they_are_built(saved, toy):
    store(saved, load_file(saved), {**toy.META, "kwargs": {"width": 900_000}})
    refused(saved, r"body.0.weight is \[4, 1, 3, 3\], not \[900000, 1, 3, 3\]")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(saved, toy, value):
    tensors = load_file(saved)
    tensors["head.bias"][1] = value
    store(saved, tensors, toy.META)
    refused(saved, "head.bias is not finite in 1 of 2 places")


def test_weights_of_another_type_are_refused(saved, toy):
    tensors = load_file(saved)
    tensors["head.bias"] = tensors["head.bias"].long()
    store(saved, tensors, toy.META)
    refused(saved, "head.bias is torch.int64, not torch.float32")


def test_a_flipped_bit_is_noticed(saved):
    content = bytearray(saved.read_bytes())
    content[-5] ^= 1
    saved.write_bytes(content)
    refused(saved, "checksum does not hold")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "Git-LFS pointer"),
        (b"<!DOCTYPE html><html>", "HTML page"),
        (bytes(500), "zeros"),
        (b"\xff" * 100, "truncated or not safetensors"),
    ],
)
def test_what_stands_in_place_of_weights_is_called_that(saved, content, words):
    saved.write_bytes(content)
    refused(saved, words)


def test_a_pipe_is_not_waited_for(saved):
    saved.unlink()
    os.mkfifo(saved)
    refused(saved, "no regular file")


def test_damage_anywhere_is_one_line(saved, toy):
    """Bytes changed, cut out and cut off, in the weights and in their JSON."""
    rng, beside = np.random.default_rng(0), saved.with_suffix(".json")
    contents = {path: path.read_bytes() for path in (saved, beside)}
    for number in range(300):
        path = (saved, beside)[number % 2]
        content = bytearray(contents[path])
        for _ in range(rng.integers(1, 4)):
            place = int(rng.integers(len(content)))
            kind = number // 2 % 3
            content[place : place + (1, 7, len(content))[kind]] = rng.bytes(1) if kind == 0 else b""
            if not content:
                break
        path.write_bytes(content)
        if content == contents[path]:
            continue
        with contextlib.suppress(SpeechLRPError):
            assert load_model(saved)[1] == toy.META  # a blank in the JSON: nobody looks at it
        path.write_bytes(contents[path])
