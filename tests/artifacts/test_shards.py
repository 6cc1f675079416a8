"""Work in units: interrupted, in any order, in several processes, or in one go."""

import os
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.shards import Shards
from speechlrp.errors import SpeechLRPError

SIZES = (3, 0, 2, 4)


def _unit(unit: int) -> tuple[dict, pd.DataFrame]:
    rng, n = np.random.default_rng(unit), SIZES[unit]
    arrays = {
        "features": rng.normal(size=(n, 1, 2, 3)).astype(np.float32),
        "order": rng.integers(0, 6, size=(n, 6)).astype(np.uint16),
    }
    ids = [f"ü{unit}-{i}" if i else None for i in range(n)]
    return arrays, pd.DataFrame({"id": pd.Series(ids, dtype=object), "label": np.arange(n)})


def _merged(shards, path):
    with h5py.File(path, "w") as file:
        table = shards.merge(file)
        arrays = {name: file[name][:] for name in ("features", "order")}
        pd.testing.assert_frame_equal(read_table(file), table, check_dtype=False)
    return arrays, table


def test_a_unit_comes_back(tmp_path):
    shards = Shards(tmp_path / "units", 4)
    arrays, table = _unit(0)
    shards.put(0, arrays, table)
    found, rows = shards.get(0)
    for name, values in arrays.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_array_equal(found[name], values)
    assert rows.id.tolist() == ["", "ü0-1", "ü0-2"]
    assert rows.label.tolist() == [0, 1, 2]


def test_in_pieces_and_out_of_order_equals_in_one_go(tmp_path):
    at_once = Shards(tmp_path / "a", 4)
    for unit in at_once.missing():
        at_once.put(unit, *_unit(unit))
    Shards(tmp_path / "b", 4).put(2, *_unit(2))
    other = Shards(tmp_path / "b", 4)
    assert other.missing() == [0, 1, 3]
    other.put(3, *_unit(3))
    third = Shards(tmp_path / "b", 4)
    for unit in reversed(third.missing()):
        third.put(unit, *_unit(unit))
    assert third.missing() == []
    arrays, table = _merged(at_once, tmp_path / "a.h5")
    same, rows = _merged(third, tmp_path / "b.h5")
    for name in arrays:
        np.testing.assert_array_equal(arrays[name], same[name])
    pd.testing.assert_frame_equal(table, rows)
    expected = np.concatenate([_unit(unit)[0]["features"] for unit in range(4)])
    np.testing.assert_array_equal(arrays["features"], expected)
    assert table.label.tolist() == [0, 1, 2, 0, 1, 0, 1, 2, 3]
    pd.testing.assert_frame_equal(third.table(), table, check_dtype=False)


def test_merging_shows_every_unit(tmp_path):
    shards, seen = Shards(tmp_path / "a", 4), []

    def shown(arrays, table):
        seen.append((len(arrays["order"]), len(table)))
        return {"order": arrays["order"] + 1}

    for unit in range(4):
        shards.put(unit, *_unit(unit))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        shards.merge(file, shown)
        orders = np.concatenate([_unit(unit)[0]["order"] for unit in range(4)])
        np.testing.assert_array_equal(file["order"][:], orders + 1)
        assert "features" not in file
    assert seen == [(n, n) for n in SIZES]


def test_only_empty_units(tmp_path):
    shards = Shards(tmp_path / "a", 1)
    shards.put(0, *_unit(1))
    arrays, table = _merged(shards, tmp_path / "a.h5")
    assert arrays["features"].shape == (0, 1, 2, 3)
    assert len(table) == 0


def test_a_half_written_unit_is_missing(tmp_path):
    shards = Shards(tmp_path / "a", 2)
    (shards.folder / ".000000.npz.99.partial").write_bytes(b"half")
    assert shards.missing() == [0, 1]


@pytest.mark.parametrize("spoil", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"hello"])
def test_a_damaged_unit_is_named_and_made_again(tmp_path, spoil):
    shards = Shards(tmp_path / "a", 1)
    shards.put(0, *_unit(0))
    path = shards.path(0)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(SpeechLRPError, match="was damaged and is deleted") as caught:
        shards.get(0)
    assert str(path) in str(caught.value)
    assert shards.missing() == [0]


def test_a_unit_never_unpickles(tmp_path):
    shards = Shards(tmp_path / "a", 1)
    with shards.path(0).open("wb") as file:
        np.savez(file, features=np.array([{"a": 1}], dtype=object))
    with pytest.raises(SpeechLRPError):
        shards.get(0)


def test_remove(tmp_path):
    shards = Shards(tmp_path / "a", 1)
    shards.put(0, *_unit(0))
    shards.remove()
    assert not (tmp_path / "a").exists()


def test_a_disk_that_is_too_small_for_all_units_is_said_with_the_first(tmp_path, monkeypatch):
    shards = Shards(tmp_path / "units", 1000)
    free = 1000 * 4000
    usage = shutil._ntuple_diskusage(10**9, 0, free)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    values = np.zeros((1, 1000), np.float32)
    with pytest.raises(SpeechLRPError, match=r"needs about .* MB more, and its disk has 4 MB free"):
        shards.put(7, {"x": values}, pd.DataFrame({"id": ["a"]}))
    few = Shards(tmp_path / "few", 10)
    for unit in range(10):
        few.put(unit, {"x": values}, pd.DataFrame({"id": ["a"]}))
    assert few.missing() == []


ODD = {
    "columns of several lengths": {"table.id": np.array(["a"]), "table.n": np.arange(2)},
    "a column of two axes": {"table.id": np.zeros((2, 2)), "table.n": np.arange(2)},
    "a number in place of rows": {"x": np.float32(1), "table.id": np.array(["a"])},
    "a pickle in it": {"x": np.array([{}], dtype=object)},
}


@pytest.mark.parametrize("name", ODD)
def test_a_unit_that_is_none_is_deleted_to_be_made_again(tmp_path, name):
    shards = Shards(tmp_path, 1)
    with shards.path(0).open("wb") as file:
        np.savez(file, **ODD[name])
    with pytest.raises(SpeechLRPError, match="was damaged and is deleted"):
        shards.get(0)
    assert shards.missing() == [0]


def test_a_pipe_in_place_of_a_unit_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "000000.npz")
    with pytest.raises(SpeechLRPError, match="is no file; remove it"):
        Shards(tmp_path, 1).get(0)
