"""Flipping against a plain loop, and the numbers of a curve against hand-computed ones."""

import numpy as np
import pandas as pd
import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.flipping.curve import flip, grid_counts, summarise
from speechlrp.flipping.strategies import flipping_order

BINS = 227 * 227


@pytest.mark.parametrize(
    ("grid", "expected"),
    [
        ({"percent": [0, 0.5, 1, 5]}, [0, 258, 515, 2576]),
        ({"percent": [100, 0]}, [0, BINS]),
        ({"percent": ["1"]}, [515]),
        ({"bins": [5, 0, 5, 3]}, [0, 3, 5]),
        ({"bins": "0:516:5"}, list(range(0, 516, 5))),
        ({"bins": "2:5"}, [2, 3, 4]),
    ],
)
def test_grid_counts(grid, expected):
    counts = grid_counts(grid, BINS)
    assert counts.dtype == np.int64
    assert counts.tolist() == expected


@pytest.mark.parametrize(
    "grid",
    [
        {},
        {"percent": [0], "bins": [0]},
        {"decibels": [0]},
        {"percent": 5},
        {"percent": "50"},
        {"percent": {0: 50}},
        {"percent": ["many"]},
        {"percent": [float("inf")]},
        {"percent": [float("nan")]},
        {"percent": [None]},
        {"bins": "0:10:0"},
        {"bins": "a:b"},
        {"bins": [2.5]},
        {"bins": None},
        [0, 1],
        "table",
        None,
    ],
)
def test_what_is_no_grid_is_refused(grid):
    with pytest.raises(SpeechLRPError, match="a flipping grid is") as caught:
        grid_counts(grid, 10)
    assert str(grid) in str(caught.value)


@pytest.mark.parametrize("grid", [{"bins": [11]}, {"bins": [-1, 3]}, {"percent": [110]},
                                  {"percent": []}, {"bins": "5:5"},
                                  {"bins": "0:9999999999999:1"}])  # fmt: skip
def test_points_outside_the_spectrogram_are_refused(grid):
    with pytest.raises(SpeechLRPError, match=r"must lie in 0\.\.10 bins; found"):
        grid_counts(grid, 10)


def _flipped_plainly(inputs, order, baseline, count):
    expected = inputs.clone()
    for b in range(len(inputs)):
        for place in order[b, :count].tolist():
            f, t = divmod(place, inputs.shape[3])
            expected[b, :, f, t] = baseline.view(inputs.shape[1:])[:, f, t]
    return expected


@pytest.mark.parametrize("counts", [[0, 1, 2, 7, 12], [0], [12], [3, 3, 9]])
@pytest.mark.parametrize("layout", ["contiguous", "transposed", "channels_last"])
def test_flip_agrees_with_a_loop_over_bins(generator, counts, layout):
    inputs = torch.randn(3, 2, 3, 4, generator=generator)
    if layout == "transposed":
        inputs = torch.randn(3, 2, 4, 3, generator=generator).transpose(2, 3)
    elif layout == "channels_last":
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    before = inputs.clone()
    baseline = torch.randn(24, generator=generator)
    order = flipping_order("lrp", torch.randn(3, 12, generator=generator), list("abc"), 1)
    for count, flipped in zip(counts, flip(inputs, order, baseline, counts), strict=True):
        assert torch.equal(flipped, _flipped_plainly(before, order, baseline, count))
    assert torch.equal(inputs, before)


def test_flip_takes_counts_from_a_grid(generator):
    inputs = torch.randn(1, 1, 2, 5, generator=generator)
    order = torch.arange(10)[None]
    counts = grid_counts({"percent": [0, 50, 100]}, 10)
    zeros = [(f == 0).sum().item() for f in flip(inputs, order, torch.zeros(10), counts)]
    assert zeros == [0, 5, 10]


def _rows(strategy, repeat, accuracy):
    return [
        {"strategy": strategy, "baseline": "zero", "repeat": repeat, "bins": b, "n": 8,
         "accuracy": a, "probability": a / 2}
        for b, a in zip((0, 10, 30), accuracy, strict=True)
    ]  # fmt: skip


def test_summarise_against_hand_computed_values():
    curve = pd.DataFrame(
        _rows("lrp", 0, (1.0, 0.5, 0.25))
        + _rows("random", 0, (1.0, 1.0, 0.5))
        + _rows("random", 1, (1.0, 0.8, 0.25))
    )
    found = summarise(curve, bins=200).set_index("strategy")
    assert list(found.index) == ["lrp", "random"]
    assert found.loc["lrp", "auc"] == pytest.approx((7.5 + 7.5) / 30)
    assert found.loc["random", "auc"] == pytest.approx((9.5 + 12.75) / 30)
    assert found.loc["lrp", "bins_at_50"] == pytest.approx(10.0)
    assert found.loc["random", "bins_at_50"] == pytest.approx(10 + 0.4 / 0.525 * 20)
    assert found.loc["lrp", "percent_at_50"] == pytest.approx(5.0)
    assert found.repeats.tolist() == [1, 2]
    assert found.n.tolist() == [8, 8]
    assert found.symmetric_gain.isna().all()


def test_the_symmetric_gain_is_the_area_between_an_order_and_its_opposite():
    curve = pd.DataFrame(_rows("lrp", 0, (1.0, 0.5, 0.25)) + _rows("lrp_rev", 0, (1.0, 1.0, 0.5)))
    table = summarise(curve, bins=200).set_index("strategy")
    assert table.symmetric_gain["lrp"] == pytest.approx((10 + 15) / 30 - (7.5 + 7.5) / 30)
    assert table.symmetric_gain["lrp_rev"] == -table.symmetric_gain["lrp"]


def test_a_measure_of_ones_own_is_a_column():
    curve = pd.DataFrame(_rows("lrp", 0, (1.0, 0.5, 0.25)))
    table = summarise(curve, 200, ["speechlrp.flipping.measures:bins_at_half"])
    assert table.bins_at_half.tolist() == table.bins_at_50.tolist()
    with pytest.raises(SpeechLRPError, match="unknown measure of a curve 'steepness'"):
        summarise(curve, 200, ["steepness"])


def test_a_curve_of_one_point():
    curve = pd.DataFrame(_rows("lrp", 0, (0.75, 1, 1))[:1])
    assert summarise(curve, bins=200).auc.tolist() == [0.75]
