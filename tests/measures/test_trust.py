"""Rank correlations with truth, and their intervals."""

import numpy as np
import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.measures.trust import agreement_with_truth, interval, sign_of

SEEDS, EXPLAINERS, RECORDINGS = 3, 8, 40


@pytest.fixture
def truth():
    rng = np.random.default_rng(0)
    levels = np.linspace(0, 1, EXPLAINERS)[None, :, None]
    return levels + 0.1 * rng.standard_normal((SEEDS, EXPLAINERS, RECORDINGS))


def _by_hand(first, second):
    """Spearman's formula for ranks without ties."""
    ranks = [np.argsort(np.argsort(values)) for values in (first, second)]
    n = len(first)
    return 1 - 6 * ((ranks[0] - ranks[1]) ** 2).sum() / (n * (n**2 - 1))


def test_the_correlation_is_spearmans_of_the_means_over_recordings(truth):
    rng = np.random.default_rng(1)
    measure = truth + rng.standard_normal(truth.shape)
    one = agreement_with_truth(measure, truth, draws=200)
    each = [_by_hand(m.mean(1), t.mean(1)) for m, t in zip(measure, truth, strict=True)]
    np.testing.assert_allclose(one.each, each, atol=1e-12)
    assert one.correlation == pytest.approx(np.mean(each))
    assert one.low <= one.correlation <= one.high
    assert (one.explainers, one.best) == (EXPLAINERS, int(measure.mean((0, 2)).argmax()))


def test_truth_itself_ranks_as_truth_does_and_its_opposite_the_other_way(truth):
    same = agreement_with_truth(truth, truth, draws=50)
    assert (same.correlation, same.low, same.high) == pytest.approx((1, 1, 1))
    opposite = agreement_with_truth(-truth, truth, draws=50)
    assert (opposite.correlation, opposite.low, opposite.high) == pytest.approx((-1, -1, -1))


def test_an_interval_of_a_measure_without_reason_holds_zero_in_most_cases():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(40):
        truth, measure = rng.standard_normal((2, 5, 12, 30))
        one = agreement_with_truth(measure, truth, draws=200)
        held += one.low <= 0 <= one.high
    assert held >= 30


def test_a_seed_that_disagrees_widens_the_interval(truth):
    mixed = truth.copy()
    mixed[0] *= -1
    one = agreement_with_truth(mixed, truth, draws=400)
    assert one.correlation == pytest.approx(1 / 3)
    assert one.low < 0 < one.high


def test_what_is_undefined_is_left_out(truth):
    measure = truth.copy()
    measure[:, 2] = np.nan
    measure[0, 3, :5] = np.nan
    one = agreement_with_truth(measure, truth, draws=50)
    assert one.explainers == EXPLAINERS - 1
    assert one.best == EXPLAINERS - 1
    measure[:, 3:] = np.nan
    assert np.isnan(agreement_with_truth(measure, truth, draws=50).correlation)


def test_equal_explainers_share_their_rank(truth):
    constant = np.zeros_like(truth)
    constant[:, -1] = 1
    one = agreement_with_truth(constant, np.round(truth.mean((0, 2)), 1)[None, :, None] + 0 * truth,
                               draws=20)  # fmt: skip
    ranks = np.array([4.0] * 7 + [8.0]) - 4.5
    true = np.arange(1, 9) - 4.5
    expected = (ranks * true).sum() / np.sqrt((ranks**2).sum() * (true**2).sum())
    assert one.correlation == pytest.approx(expected)


def test_shapes_must_fit(truth):
    with pytest.raises(SpeechLRPError, match=r"found \[3, 8, 40\] and \[2, 8, 40\]"):
        agreement_with_truth(truth, truth[:2], draws=5)


def test_an_interval_is_of_seeds_and_recordings(truth):
    mean, low, high = interval(truth[:, 0], draws=500)
    assert mean == pytest.approx(truth[:, 0].mean())
    assert low < mean < high
    shifted = truth[:, 0] + np.array([[0.0], [5.0], [10.0]])
    assert np.diff(interval(shifted, draws=500)[1:]) > 5 * (high - low)
    assert np.isnan(interval(np.full((2, 3), np.nan), draws=5)).all()


def test_what_small_values_say():
    assert sign_of("deletion_zero") == sign_of("steepness_mean") == sign_of("infidelity") == -1
    assert sign_of("insertion_zero") == sign_of("gini") == sign_of("sensitivity_10_percent") == 1
