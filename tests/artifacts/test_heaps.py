"""Heaps of text without an end, which libhdf5 follows for ever."""

import h5py
import numpy as np
import pytest

from speechlrp.artifacts import heaps
from speechlrp.artifacts.heaps import HEADER, SIGNATURE, check_heaps
from speechlrp.artifacts.layout import Damaged


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "texts.h5"
    with h5py.File(path, "w") as file:
        file["texts"] = [f"text {number} of some length" * (number % 7) for number in range(2000)]
        file.attrs["kind"], file["numbers"] = "features", np.arange(5000.0)
    return path


def zeroed(path, begin: int, count: int = 64) -> None:
    with path.open("r+b") as file:
        file.seek(begin)
        file.write(bytes(count))


def test_a_whole_file_passes(path):
    assert path.read_bytes().count(SIGNATURE) >= 3
    check_heaps(path)


@pytest.mark.parametrize("which", [0, 2, -1])
def test_a_heap_of_zeros_is_refused(path, which):
    pieces = path.read_bytes().split(SIGNATURE)
    begin = len(SIGNATURE.join(pieces[: which % (len(pieces) - 1) + 1]))
    zeroed(path, begin + HEADER)
    with pytest.raises(Damaged, match="no end"):
        check_heaps(path)


def test_what_is_cut_off_within_a_heap_is_for_the_library_to_tell(path):
    data = path.read_bytes()
    for more in (0, len(SIGNATURE), HEADER, HEADER + 5, HEADER + 40):
        path.write_bytes(data[: data.rfind(SIGNATURE) + more])
        check_heaps(path)


def test_large_files_are_not_looked_at(path, monkeypatch):
    zeroed(path, path.read_bytes().find(SIGNATURE) + HEADER)
    monkeypatch.setattr(heaps, "MOST", 100)
    check_heaps(path)
