"""The state to go on from: what is refused."""

import resource
import signal

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
    with pytest.raises(SpeechLRPError, match=r"state.pt .*run code.*speechlrp train --force"):
        load_state(tmp_path / "state.pt", {})
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"not a state", b"PK\x03\x04 cut off"])
def test_damaged_states_name_the_file(tmp_path, content):
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(SpeechLRPError, match=r"cannot go on from .*state.pt"):
        load_state(tmp_path / "state.pt", {})


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


def test_a_full_disk_is_one_line_and_leaves_the_old_state(tmp_path):
    path = tmp_path / "state.pt"
    save_state(path, {"model": torch.zeros(1)})
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(SpeechLRPError, match=r"cannot write .*state.pt") as caught:
            save_state(path, {"model": torch.zeros(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["state.pt"]
