"""Relevance in half precision: its size, its order, and how far it is from what was computed."""

import h5py
import numpy as np
import pandas as pd
import pytest

from speechlrp.artifacts.relevance import FEW, PLACES, TOP, Maps, keeps_order, merge, rounded
from speechlrp.artifacts.shards import Shards

AXES = {"frequency": np.linspace(0, 4000, 40), "time": np.arange(50) / 100}


def heavy_tailed(n: int = 4) -> np.ndarray:
    """Maps as networks give them."""
    return np.random.default_rng(0).standard_t(3, size=(n, 1, 40, 50)).astype(np.float32)


def written(folder, maps) -> h5py.File:
    shards = Shards(folder / "units", 2)
    for unit, rows in enumerate(np.array_split(np.arange(len(maps)), 2)):
        table = pd.DataFrame({"id": [f"r{row}" for row in rows], "label": rows})
        arrays = {"relevance": maps[rows], "output": np.eye(len(maps))[rows], "target": rows}
        shards.put(unit, arrays, table)
    path = folder / "relevance.h5"
    with h5py.File(path, "w") as file:
        classes = [str(n) for n in range(len(maps))]
        merge(file, shards, axes=AXES, classes=classes, units="logit", facts={"seed": 1})
    return h5py.File(path)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_what_counts_comes_back_to_eleven_bits_and_the_rest_to_a_128th(tmp_path, scale):
    maps = heavy_tailed() * np.float32(scale)
    with written(tmp_path, maps) as file:
        assert file["relevance"].dtype == np.float16
        held = Maps(file)
        assert (held.units, held.bins, len(held)) == ("logit", 2000, 4)
        for row in range(4):
            falling = np.sort(maps[row].ravel())
            bound = min(falling[-200], -falling[199])
            ends = np.abs(maps[row]) >= bound * 1.001
            assert ends.sum() > 390
            np.testing.assert_allclose(held[row][ends], maps[row][ends], rtol=2**-11)
            np.testing.assert_allclose(held[row], maps[row], rtol=2**-11, atol=bound / 127)
        np.testing.assert_array_equal(held[1:3], held[[1, 2]])
        assert file["relevance"].id.get_storage_size() < maps.nbytes / 2


def test_rounding_swaps_no_bins():
    for row in (heavy_tailed() * 1e3).reshape(4, -1):
        order = np.argsort(-row, kind="stable")
        half = rounded(row[None])[0]
        assert half.dtype == np.float16
        assert (np.diff(half[order].astype(float)) <= 0).all()
        assert len(np.unique(half)) < len(np.unique(row.astype(np.float16)))


def test_one_sided_maps_are_not_coarser():
    maps = np.abs(heavy_tailed())
    np.testing.assert_array_equal(rounded(maps), maps.astype(np.float16))


def test_recordings_of_very_different_size_are_rounded_by_themselves(tmp_path):
    maps = heavy_tailed() * np.float32([1e-30, 1, 1e30, 0])[:, None, None, None]
    with written(tmp_path, maps) as file:
        assert file["relevance"].dtype == np.float32
        np.testing.assert_allclose(
            Maps(file)[1:2], rounded(maps[1:2] * 2048).astype("f4") / 2048, rtol=1e-6
        )
        near = np.abs(Maps(file)[:] - maps).max(axis=(1, 2, 3))
        assert (near[:3] <= np.abs(maps[:3]).max(axis=(1, 2, 3)) * 2**-10).all()
        assert not Maps(file)[3].any()
        assert file["relevance"].id.get_storage_size() < maps.nbytes / 2


def worst_move(values: np.ndarray, sign: int) -> float:
    """Places that a bin may move among its equals, over what it may, counted one by one."""
    order = np.argsort(-sign * values, kind="stable")
    falling, half = values[order], rounded(values[None])[0][order]
    worst = 0.0
    for rank in range(round(TOP * len(falling))):
        (equal,) = np.nonzero(half == half[rank])
        if len(set(falling[equal])) > 1:
            worst = max(worst, (len(equal) - 1) / max(FEW, PLACES * (equal[-1] + 1)))
    return worst


@pytest.mark.parametrize("spread", [2.0, 0.5, 0.1, 1e-2, 1e-4])
def test_where_too_many_bins_become_equal_all_bits_are_kept(spread, tmp_path):
    generator = np.random.default_rng(1)
    maps = np.exp(spread * generator.normal(size=(2, 1, 40, 50))).astype(np.float32)
    right = all(worst_move(one.ravel(), sign) <= 1 for one in maps for sign in (1, -1))
    assert keeps_order(maps) == right
    with written(tmp_path, maps) as file:
        assert file["relevance"].dtype == (np.float16 if right else np.float32)
        for row, one in enumerate(maps):
            if not keeps_order(one[None]):
                np.testing.assert_array_equal(Maps(file)[row], one)
    assert {2.0: True, 1e-4: False}.get(spread, right) == right


def test_bins_that_were_equal_are_no_loss():
    maps = np.zeros((1, 1, 40, 50), np.float32)
    maps[0, 0, :3] = 1
    assert keeps_order(maps)
    assert not keeps_order(np.full_like(maps, np.nan))


def test_xarray_opens_it_with_named_axes(tmp_path):
    xarray = pytest.importorskip("xarray", reason="needs xarray and h5netcdf")
    pytest.importorskip("h5netcdf", reason="needs xarray and h5netcdf")
    maps = heavy_tailed()[1:3] * 1e-3
    written(tmp_path, maps).close()
    with xarray.open_dataset(tmp_path / "relevance.h5", engine="h5netcdf") as data:
        assert data.relevance.dims == ("recording", "channel", "frequency", "time")
        assert data.frequency.attrs["units"] == "Hz"
        assert data.time.attrs["units"] == "s"
        whole = data.relevance.sel(recording="r1", channel=0)
        near = whole.sel(frequency=2040, method="nearest").values
        row = np.abs(AXES["frequency"] - 2040).argmin()
        np.testing.assert_allclose(near, maps[1, 0, row], atol=2e-5)
        assert data.output.dims == ("recording", "class")
