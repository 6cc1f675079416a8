"""Numbers of planted maps that can be worked out."""

import numpy as np
import pandas as pd
import pytest
from torch import nn

from speechlrp.measures import SCORES
from speechlrp.measures.scores import Maps, bands, mean_and_error
from speechlrp.measures.texture import (
    checkerboard,
    entropy,
    first_stride,
    sign_mixing,
    texture,
    total_variation,
)

ROWS, COLUMNS = np.mgrid[0:60, 0:48]
FLAT = np.ones((60, 48))
BOARD = (-1.0) ** (ROWS + COLUMNS)
NOISE = np.random.default_rng(5).normal(size=(60, 48))
POINT = np.zeros((60, 48))
POINT[30, 20] = 7.0
HALVES = np.where(ROWS < 30, 1.0, -1.0)


def _one(number, relevance, *more, **options) -> float:
    (found,) = number(relevance[None], *more, **options)
    return float(found)


@pytest.mark.parametrize(
    ("relevance", "expected"),
    [(FLAT, 0), (POINT, 4), (BOARD, 2 * (59 / 60 + 47 / 48)), (HALVES, 2 * 48 / (60 * 48))],
)
def test_total_variation(relevance, expected):
    assert _one(total_variation, relevance) == pytest.approx(expected)


def test_white_noise_varies_as_it_should():
    assert _one(total_variation, NOISE) == pytest.approx(4 / np.sqrt(2), rel=0.05)
    assert _one(sign_mixing, NOISE) == pytest.approx(2 / 3, abs=0.03)
    assert _one(checkerboard, NOISE, 2, axis=1) == pytest.approx(1 / 60, abs=0.015)


@pytest.mark.parametrize(("relevance", "expected"), [(FLAT, 1), (POINT, 0), (-BOARD, 1)])
def test_entropy(relevance, expected):
    assert _one(entropy, relevance) == pytest.approx(expected, abs=1e-12)
    half = np.where(ROWS < 30, 1.0, 0.0)
    assert _one(entropy, half) == pytest.approx(np.log(60 * 24) / np.log(60 * 48))


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("period", [2, 3, 4])
def test_checkerboard_finds_the_planted_period_along_its_axis_alone(axis, period):
    place = (ROWS, COLUMNS)[axis - 1]
    wave = np.cos(2 * np.pi * place / period)
    assert _one(checkerboard, wave, period, axis=axis) == pytest.approx(1)
    assert _one(checkerboard, wave, period, axis=3 - axis) == pytest.approx(0, abs=1e-12)
    mixed = wave * np.sqrt(2 if period > 2 else 1) + 2
    assert _one(checkerboard, mixed, period, axis=axis) == pytest.approx(1 / 5)


def test_checkerboard_leaves_out_what_does_not_fill_a_period():
    wave = np.cos(2 * np.pi * ROWS / 7)  # 60 = 8 x 7 + 4
    assert _one(checkerboard, wave, 7, axis=1) == pytest.approx(1)
    assert np.isnan(_one(checkerboard, wave, 1, axis=1))


def test_sign_mixing():
    assert _one(sign_mixing, FLAT) == pytest.approx(0)
    assert _one(sign_mixing, BOARD) == pytest.approx(8 / 9)
    # two of 58 rows of neighbourhoods reach over the edge: one row of three against two
    assert _one(sign_mixing, HALVES) == pytest.approx(2 / 58 * 2 / 3)
    assert np.isnan(_one(sign_mixing, FLAT[:2]))


@pytest.mark.parametrize("scale", [1e-9, 3.0, -1e6])
def test_scale_and_sign_do_not_matter(scale):
    table = pd.DataFrame({"id": ["a"]})
    some = [Maps(x[None], table, np.arange(60.0), np.arange(48.0), [0, 60], 2)
            for x in (NOISE, scale * NOISE)]  # fmt: skip
    first, second = map(texture, some)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_allclose(value, second[name], rtol=1e-9)


@pytest.mark.filterwarnings("error")
def test_a_map_of_nothing_has_no_texture():
    maps = Maps(np.zeros((2, 8, 8)), pd.DataFrame(), np.arange(8.0), np.arange(8.0), [0, 8], 2)
    for name in ("texture", "bands"):
        for column, value in SCORES[name](maps).items():
            assert np.isnan(value).all(), column


def test_bands_share_out_all_of_it():
    relevance = np.zeros((1, 4, 3))
    relevance[0, :, 0] = 1, -2, 3, 4
    maps = Maps(relevance, pd.DataFrame(), np.array([0.0, 500, 1000, 2000]), np.zeros(3),
                [0, 500, 1000, 2000], 2)  # fmt: skip
    found = {name: float(value[0]) for name, value in bands(maps).items()}
    assert found == pytest.approx(
        {"share_0_500_hz": 0.1, "share_500_1000_hz": 0.2, "share_1000_2000_hz": 0.7}
    )


def test_mean_and_error_leave_out_what_is_undefined():
    rows = pd.DataFrame({"who": ["a", "a", "a", "b"], "x": [1.0, 3.0, np.nan, 5.0]})
    found = mean_and_error(rows, ["who"], ["x"]).set_index("who")
    assert found.loc["a", ["mean", "n", "undefined"]].tolist() == [2, 2, 1]
    assert found.loc["a", "standard_error"] == pytest.approx(np.sqrt(2) / np.sqrt(2))
    assert np.isnan(found.loc["b", "standard_error"])


def test_first_stride():
    flat = nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU())
    assert first_stride(flat) == 1
    assert first_stride(nn.Sequential(flat, nn.Conv2d(1, 1, 3, stride=(1, 4)))) == 4
    assert first_stride(nn.Sequential(nn.MaxPool2d(3, 2), nn.Conv2d(1, 1, 3, 5))) == 2
