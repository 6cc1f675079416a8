"""Numbers of flipping curves."""

import math

import numpy as np
import pytest

from speechlrp.flipping import CURVES
from speechlrp.flipping.measures import Curve, area, falls_below, insertion


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        ([1.0, 0.75, 0.25, 0.0], 15.0),  # half-way between 10 and 20
        ([1.0, 0.9, 0.4, 0.9], 18.0),  # 10 + 0.4 / 0.5 * 10
        ([1.0, 0.5, 0.4, 0.3], 10.0),  # at 50 % itself it has not passed yet
        ([0.4, 0.3, 0.2, 0.1], math.nan),  # there before a bin is flipped
        ([1.0, 0.5, 0.5, 0.5], math.nan),
        ([1.0, 0.8, 0.7, 0.6], math.nan),
    ],
)
def test_where_a_curve_falls_below(y, expected):
    found = falls_below(np.array([0.0, 10, 20, 40]), np.array(y), 0.5)
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", CURVES)
def test_every_measure_of_a_straight_line(name):
    line = np.linspace(1, 0, 11)
    flat = Curve(np.arange(0, 110, 10.0), np.full(11, 0.75), line, 200)
    curve = Curve(np.arange(0, 110, 10.0), line, line, 200, flat)
    expected = {"auc": 0.5, "bins_at_50": 50, "percent_at_50": 25, "symmetric_gain": 0.25}
    expected["insertion"] = math.nan  # the grid ends at half of the bins
    assert CURVES[name](curve) == pytest.approx(expected[name], abs=1e-9, nan_ok=True)


def test_inserting_bins_is_flipping_the_others_first():
    """A network whose accuracy is a function of the bins that are left alone."""
    bins = np.array([0.0, 1, 2, 3, 4])
    gained = np.array([0.1, 0.7, 0.8, 0.9, 1.0])  # with the first k bins there, no others
    reverse = Curve(bins, gained[::-1], gained[::-1], 4)
    curve = Curve(bins, np.ones(5), np.ones(5), 4, reverse)
    assert insertion(curve) == pytest.approx(np.trapezoid(gained, bins) / 4)


def test_the_area_is_that_of_the_range_that_was_run():
    assert area(Curve(np.array([50.0, 60]), np.array([1, 0.5]), np.zeros(2), 200)) == 0.75
