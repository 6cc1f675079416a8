"""Intervals against published values and by counting."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from scipy.stats import binomtest

from speechlrp.training.intervals import (
    guessing,
    mean_interval,
    speaker_bootstrap,
    t95,
    wilson,
)


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [  # Newcombe (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_against_newcombe(correct, n, low, high):
    assert wilson(correct, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("correct", "n"), [(2935, 3000), (7, 7), (0, 1), (50, 100)])
def test_wilson_against_scipy(correct, n):
    expected = binomtest(correct, n).proportion_ci(method="wilson")
    assert wilson(correct, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_wilson_of_nothing_is_unknown():
    assert all(math.isnan(end) for end in wilson(0, 0))


def test_bootstrap_against_all_draws():
    """With four speakers all 256 draws can be listed."""
    correct, n = np.array([10, 9, 2, 7]), np.array([10, 12, 8, 7])
    draws = [list(d) for d in itertools.product(range(4), repeat=4)]
    every = [correct[d].sum() / n[d].sum() for d in draws]
    found = speaker_bootstrap(correct, n, seed=0, draws=200_000)
    assert found == pytest.approx(np.quantile(every, [0.025, 0.975]), abs=0.01)


def test_bootstrap_is_seeded():
    args = [5, 9, 3, 8, 1], [10] * 5
    one, two = (speaker_bootstrap(*args, seed=1, draws=50) for _ in range(2))
    assert one == two
    assert one != speaker_bootstrap(*args, seed=2, draws=50)


def test_speakers_that_fail_whole_widen_the_interval():
    low, high = speaker_bootstrap([100] * 5 + [0], [100] * 6, seed=0)
    assert high - low > 3 * np.diff(wilson(500, 600)).item()


def test_one_speaker_says_nothing():
    assert all(math.isnan(end) for end in speaker_bootstrap([3], [4], seed=0))


@pytest.mark.parametrize(
    ("correct", "n", "classes", "guesses"),
    [
        ([3, 2, 4, 3], [6] * 4, 2, True),  # 12 of 24
        ([2, 1, 2, 1], [6] * 4, 4, True),
        ([6, 6, 6, 5], [6] * 4, 2, False),
        ([0, 0, 0, 0], [6] * 4, 2, False),  # surely worse than guessing is no guess
        ([40, 0], [40, 40], 2, True),  # all of one speaker, none of the other
        ([300], [1000], 4, False),
        ([258], [1000], 4, True),
    ],
)
def test_a_network_that_guesses_is_told(correct, n, classes, guesses):
    words = guessing(correct, n, classes, seed=0)
    assert bool(words) is guesses
    if guesses:
        assert f"1 / {classes}" in words
        assert f"of {sum(n)}" in words


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 10, 30, 101])
def test_students_t_is_scipys(freedom):
    assert t95(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-10)


def test_a_mean_of_repetitions():
    found = mean_interval([1.0, 2.0, math.nan, 6.0])
    low, high = stats.t.interval(0.95, 2, loc=3.0, scale=stats.sem([1.0, 2.0, 6.0]))
    assert (found["n"], found["mean"]) == (3, 3.0)
    assert found["deviation"] == pytest.approx(np.std([1, 2, 6], ddof=1))
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    assert math.isnan(t95(0))
    assert math.isnan(mean_interval([2.0])["low"])
    assert mean_interval([])["n"] == 0
