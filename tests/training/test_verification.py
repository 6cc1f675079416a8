"""Equal error rate and minDCF, against counting at every threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlrp.errors import SpeechLRPError
from speechlrp.training.verification import equal_error_rate, error_rates, min_dcf

TRIALS = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=30).filter(
    lambda rows: len({same for _, same in rows}) == 2
)


def counted(rows: list[tuple[int, bool]]) -> list[tuple[float, float]]:
    """(P_miss, P_fa) at every threshold, by counting, the highest threshold first."""
    ones = [score for score, same in rows if same]
    others = [score for score, same in rows if not same]
    return [
        (sum(s < t for s in ones) / len(ones), sum(s >= t for s in others) / len(others))
        for t in np.arange(5.5, -6, -0.5)
    ]


@settings(max_examples=60, deadline=None)
@given(TRIALS)
def test_errors_equal_counting(rows):
    scores, same = map(np.array, zip(*rows, strict=True))
    miss, false, thresholds = error_rates(scores, same)
    expected = list(dict.fromkeys(counted(rows)))
    assert list(zip(miss, false, strict=True)) == [pytest.approx(pair) for pair in expected]
    assert np.all(np.diff(thresholds) < 0)


@settings(max_examples=60, deadline=None)
@given(TRIALS, st.floats(0.01, 0.99))
def test_min_dcf_equals_the_least_of_all(rows, target):
    scores, same = map(np.array, zip(*rows, strict=True))
    least = min(target * m + (1 - target) * f for m, f in counted(rows)) / min(target, 1 - target)
    assert min_dcf(scores, same, target=target) == pytest.approx(least)


@settings(max_examples=60, deadline=None)
@given(TRIALS)
def test_the_equal_error_lies_on_the_line_between_two_thresholds(rows):
    """Where both errors are walked along finely, it is where they are nearest."""
    scores, same = map(np.array, zip(*rows, strict=True))
    points = np.array(counted(rows))
    steps = np.linspace(0, len(points) - 1, 20001)
    miss, false = (np.interp(steps, np.arange(len(points)), points[:, i]) for i in (0, 1))
    nearest = np.abs(miss - false).argmin()
    assert equal_error_rate(scores, same) == pytest.approx(miss[nearest], abs=2e-3)


def test_known_values():
    same = np.array([1, 1, 1, 1, 0, 0, 0, 0], bool)
    apart = np.array([4, 4, 3, 3, 1, 1, 0, 0.0])
    assert equal_error_rate(apart, same) == 0
    assert min_dcf(apart, same) == 0
    assert equal_error_rate(-apart, same) == 1
    assert min_dcf(-apart, same) == 1
    one_wrong = np.array([4, 4, 3, 0.5, 1, 0.4, 0, 0])
    assert equal_error_rate(one_wrong, same) == 0.25
    assert equal_error_rate(np.zeros(8), same) == 0.5


def test_scores_of_two_normal_distributions_have_the_known_error():
    """Means two apart, deviation 1: the error is that of one deviation, 15.87 %."""
    draw = np.random.default_rng(1)
    same = np.arange(200_000) % 2 == 0
    found = equal_error_rate(draw.normal(size=same.size) + 2 * same, same)
    assert found == pytest.approx(0.158655, abs=0.003)


@pytest.mark.parametrize(
    ("scores", "same", "message"),
    [
        ([1.0, 2.0], [True], r"scores of shape \(2,\) do not fit trials of \(1,\)"),
        ([1.0, np.nan], [True, False], "1 of 2 scores are not numbers"),
        ([1.0, 2.0], [True, True], "2 of 2 trials are of one speaker; both kinds"),
        ([], [], "0 of 0 trials"),
    ],
)
def test_what_cannot_be_judged_is_said(scores, same, message):
    with pytest.raises(SpeechLRPError, match=message):
        error_rates(np.array(scores), np.array(same))


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_prior_out_of_range_is_said(target):
    with pytest.raises(SpeechLRPError, match="minDCF needs a prior within 0 to 1"):
        min_dcf(np.array([0.0, 1.0]), np.array([False, True]), target=target)
