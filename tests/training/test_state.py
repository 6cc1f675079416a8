"""The state to go on from: what is refused."""

import contextlib
import math
import os
import resource
import signal

import numpy as np
import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.training.state import load_state, save_state


class Payload:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_state_that_would_run_code_is_refused(tmp_path):
    torch.save({"model": Payload(tmp_path / "ran")}, tmp_path / "state.pt")
    with pytest.raises(
        SpeechLRPError, match=r"state.pt .*needs code.*refused.*speechlrp train --force"
    ):
        load_state(tmp_path / "state.pt", {})
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"not a state", "truncated"),
        (b"PK\x03\x04 cut off", "truncated"),
        (b"\x80\x02.", "truncated"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "Git-LFS pointer"),
        (b"<!DOCTYPE html>", "HTML page"),
    ],
)
def test_damaged_states_name_the_file(tmp_path, content, words):
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(SpeechLRPError, match=rf"cannot go on from .*state.pt \(.*{words}"):
        load_state(tmp_path / "state.pt", {})


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "state.pt")
    with pytest.raises(SpeechLRPError, match="no regular file"):
        load_state(tmp_path / "state.pt", {})


@pytest.fixture
def interrupted(toy, features, tmp_path):
    """The state of a training that was stopped after its second epoch."""

    def stop(row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        toy.train(tmp_path / "run", features, on_epoch=stop)
    return tmp_path / "run" / "state.pt"


def changed(path, change) -> None:
    state = torch.load(path, weights_only=True)
    change(state)
    torch.save(state, path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.update(epoch="2"), "epoch is str"),
        (lambda state: state.update(epoch=5), "not those of its epochs"),
        (lambda state: state.update(step=-1), "not those of its epochs"),
        (lambda state: state.update(best=None), "best is NoneType"),
        (lambda state: state.update(metrics=[1, 2]), "not those of its epochs"),
        (lambda state: state.update(metrics=[{"epoch": "x"}] * 2), "not those of its epochs"),
        (lambda state: state.update(model={}), "Missing key"),
        (lambda state: state["model"].update({"head.bias": torch.zeros(3)}), "size mismatch"),
        (lambda state: state["model"].update({"head.bias": 3.0}), "head.bias is no tensor"),
        (lambda state: state["model"]["head.bias"].fill_(math.nan), "head.bias is not finite"),
        (lambda state: state.update(optimizer={}), "optimizer is another"),
        (lambda state: state["optimizer"]["param_groups"].clear(), "optimizer"),
        (lambda state: state["optimizer"].update(param_groups=3), "damaged"),
        (lambda state: state["optimizer"].update(state={0: 3}), "damaged"),
        (
            lambda state: state["optimizer"]["state"].update({99: state["optimizer"]["state"][0]}),
            "range",
        ),
        (lambda state: state["optimizer"]["state"][0]["exp_avg"].fill_(math.inf), "not finite"),
        (
            lambda state: state["optimizer"]["state"][0].update(exp_avg=torch.zeros(2)),
            "optimizer",
        ),
        (lambda state: state["optimizer"]["param_groups"][0].update(weight_decay="x"), "another"),
        (lambda state: state["optimizer"]["param_groups"][0].pop("betas"), "optimizer"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(toy, features, interrupted, change, words):
    changed(interrupted, change)
    with pytest.raises(
        SpeechLRPError, match=rf"cannot go on from .*state.pt \(.*{words}"
    ) as caught:
        toy.train(interrupted.parent, features)
    assert "\n" not in str(caught.value)


def test_damage_anywhere_is_noticed(toy, features, interrupted):
    """Bytes changed, cut out and cut off: the state is refused, or is what it was."""
    rng, whole = np.random.default_rng(0), interrupted.read_bytes()
    wanted = torch.load(interrupted, weights_only=True)
    for number in range(150):
        content = bytearray(whole)
        place = int(rng.integers(len(content)))
        content[place : place + (1, 7, len(content))[number % 3]] = (rng.bytes(1), b"", b"")[
            number % 3
        ]
        interrupted.write_bytes(content)
        with contextlib.suppress(SpeechLRPError):
            state = load_state(interrupted, wanted["identity"])
            assert state["metrics"] == wanted["metrics"]
            for name, values in wanted["model"].items():
                assert torch.equal(state["model"][name], values)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_state_names_the_file(toy, features, tmp_path, share):
    toy.train(tmp_path / "run", features)
    path = tmp_path / "run" / "state.pt"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(SpeechLRPError, match=r"cannot go on from .*state.pt"):
        toy.train(tmp_path / "run", features)


def test_a_foreign_state_is_refused(tmp_path):
    torch.save({"weights": torch.zeros(2)}, tmp_path / "state.pt")
    with pytest.raises(SpeechLRPError, match="foreign"):
        load_state(tmp_path / "state.pt", {})


def test_no_state_is_none(tmp_path):
    assert load_state(tmp_path / "state.pt", {}) is None


def test_a_full_disk_names_the_file_and_leaves_the_old_state(tmp_path):
    path = tmp_path / "state.pt"
    save_state(path, {"model": torch.zeros(1)})
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: .*state.pt"):
            save_state(path, {"model": torch.zeros(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]
