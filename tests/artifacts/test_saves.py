"""What processes put down: whole, apart, and added up by whoever goes on."""

import io
import pickle

import numpy as np
import pytest

from speechlrp.artifacts.shards import Saves
from speechlrp.errors import SpeechLRPError


def test_each_process_has_a_file_and_all_files_count(tmp_path):
    first, second = (Saves(tmp_path / "sums", rank) for rank in range(2))
    assert first.mine() is None
    assert first.done() == set()
    first.put([0, 2], {"part/x": np.arange(3.0)})
    first.put([0, 2, 4], {"part/x": np.arange(4.0)})
    second.put([1], {"part/x": np.ones(2)})
    assert second.done() == {0, 1, 2, 4}
    done, arrays = first.mine()
    assert done == [0, 2, 4]
    np.testing.assert_array_equal(arrays["part/x"], np.arange(4.0))
    (other,) = first.others()
    np.testing.assert_array_equal(other["part/x"], np.ones(2))
    assert len(list(Saves(tmp_path / "sums", 7).others())) == 2
    first.remove()
    assert not (tmp_path / "sums").exists()


def _flagged(whole: bytes, place: int, value: int) -> bytes:
    """With another byte in the zip file's last list of its members."""
    start = whole.index(b"PK\x01\x02")
    return whole[: start + place] + bytes([value]) + whole[start + place + 1 :]


def _npz(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:30],
        lambda whole: whole[:150],
        lambda whole: whole.replace(np.arange(7, 9).tobytes(), np.arange(8, 10).tobytes()),
        lambda whole: _flagged(whole, 8, 1),  # encrypted
        lambda whole: _flagged(whole, 10, 99),  # compressed in an unknown way
        lambda whole: b"<!DOCTYPE html>",
        lambda whole: pickle.dumps({"units": [0]}),
        lambda whole: _npz(x=np.arange(3)),
        lambda whole: _npz(units=np.array(["a"])),
        lambda whole: _npz(units=np.zeros((2, 2), np.int64)),
    ],
)
def test_a_damaged_file_is_deleted_and_named(tmp_path, damage):
    saves = Saves(tmp_path)
    saves.put([0], {"x": np.arange(100)})
    path = saves.path(0)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SpeechLRPError, match=r"000000\.npz was damaged and is deleted"):
        saves.done()
    assert Saves(tmp_path).done() == set()


def test_mutated_bytes_are_whole_or_damaged(tmp_path):
    """Whatever byte is another: the arrays that were put down, or one line."""
    saves, draw = Saves(tmp_path), np.random.default_rng(0)
    saves.put([0, 1], {"x": np.arange(9.0)})
    whole = saves.path(0).read_bytes()
    damaged = 0
    for place, value in zip(draw.integers(len(whole), size=300), draw.bytes(300), strict=True):
        saves.path(0).write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
        try:
            units, arrays = saves.mine()
        except SpeechLRPError:
            damaged += 1
            continue
        assert units == [0, 1]
        for values in arrays.values():
            np.testing.assert_array_equal(values, np.arange(9.0))
    assert damaged > 200


def test_what_a_kill_left_beside_is_no_file(tmp_path):
    saves = Saves(tmp_path)
    (tmp_path / ".000000.npz.77.partial").write_bytes(b"half")
    assert saves.done() == set()
