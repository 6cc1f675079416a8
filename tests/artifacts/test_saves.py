"""What processes put down: whole, apart, and added up by whoever goes on."""

import numpy as np
import pytest

from speechlrp.artifacts.saves import Saves
from speechlrp.errors import SpeechLRPError


def test_each_process_has_a_file_and_all_files_count(tmp_path):
    first, second = (Saves(tmp_path / "sums", rank) for rank in range(2))
    assert first.own() is None
    assert first.done() == set()
    first.put([0, 2], {"part/x": np.arange(3.0)})
    first.put([0, 2, 4], {"part/x": np.arange(4.0)})
    second.put([1], {"part/x": np.ones(2)})
    assert second.done() == {0, 1, 2, 4}
    done, arrays = first.own()
    assert done == [0, 2, 4]
    np.testing.assert_array_equal(arrays["part/x"], np.arange(4.0))
    (other,) = first.others()
    np.testing.assert_array_equal(other["part/x"], np.ones(2))
    assert len(list(Saves(tmp_path / "sums", 7).others())) == 2
    first.remove()
    assert not (tmp_path / "sums").exists()


@pytest.mark.parametrize("keep", [0, 30, 150])
def test_a_damaged_file_is_deleted_and_named(tmp_path, keep):
    saves = Saves(tmp_path)
    saves.put([0], {"x": np.arange(100)})
    path = saves.path(0)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(SpeechLRPError, match=r"000000\.npz was damaged and is deleted"):
        saves.done()
    assert Saves(tmp_path).done() == set()


def test_what_a_kill_left_beside_is_no_file(tmp_path):
    saves = Saves(tmp_path)
    (tmp_path / ".000000.npz.77.partial").write_bytes(b"half")
    assert saves.done() == set()
