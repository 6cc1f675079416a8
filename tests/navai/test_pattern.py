"""Patterns, errors and discoveries against textbook forms."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from speechlrp.errors import SpeechLRPError
from speechlrp.navai.average import Averages
from speechlrp.navai.pattern import discoveries, patterns

NAMES = ("none", "shifted")


def filled(sizes, bands=2, width=5, by_run=True, repeat=1, effect=0.0, seed=0):
    """Averages over normal windows [n, bands, width] of classes of these sizes; and the windows."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    windows = torch.randn(len(classes), bands, width, generator=generator, dtype=torch.float64)
    windows[classes == 0, 0, width // 2] += effect
    windows, classes = (x.repeat_interleave(repeat, 0) for x in (windows, classes))
    averages = Averages([*map(str, range(len(sizes)))], NAMES, bands, width, by_run=by_run)
    centre = torch.full((len(classes),), width // 2)
    runs = torch.arange(len(classes)) // repeat
    averages.add(windows, classes, {"none": centre, "shifted": centre - 1}, runs)
    return averages, windows.numpy(), classes.numpy()


@pytest.mark.parametrize("by_run", [True, False])
def test_means_patterns_and_errors_of_single_windows(by_run):
    averages, windows, classes = filled([5, 8, 0, 20], by_run=by_run)
    found = patterns(averages)
    np.testing.assert_allclose(found.normaliser[0], windows.mean(0))
    for c in (0, 1, 3):
        own, others = windows[classes == c], windows[classes != c]
        np.testing.assert_allclose(found.mean[c, 0], own.mean(0))
        np.testing.assert_allclose(found.pattern[c, 0], own.mean(0) - windows.mean(0))
        np.testing.assert_allclose(found.error[c, 0], stats.sem(own, axis=0))
        welch = np.hypot(stats.sem(own, axis=0), stats.sem(others, axis=0))
        share = len(own) / len(windows)
        np.testing.assert_allclose(found.pattern_error[c, 0], (1 - share) * welch)
        statistic = stats.ttest_ind(own, others, equal_var=False).statistic
        np.testing.assert_allclose(found.pattern[c, 0] / found.pattern_error[c, 0], statistic)
    assert np.isnan(found.mean[2]).all()
    assert not found.differs[2].any()
    assert found.counts[:, 0, 0].tolist() == [5, 8, 0, 20]


def test_patterns_of_all_classes_cancel_in_the_sum_over_frames():
    averages, *_ = filled([3, 11, 6])
    found = patterns(averages)
    total = (found.pattern * found.counts[:, :, None]).sum(0)
    np.testing.assert_allclose(total[~np.isnan(total)], 0, atol=1e-12)


def test_where_no_frame_reaches_there_is_no_number():
    averages, windows, _ = filled([4, 4])
    found = patterns(averages)  # moved by one step, symmetric: offsets -1 to 1 are left of -2 to 2
    assert found.counts[0, 1].tolist() == [0, 4, 4, 4, 0]
    assert np.isnan(found.pattern[:, 1][..., [0, 4]]).all()
    np.testing.assert_allclose(found.normaliser[1][:, 1:4], windows.mean(0)[:, 0:3])


def test_errors_of_repeated_windows_are_those_of_the_windows_once():
    once, *_ = filled([12, 30])
    often, *_ = filled([12, 30], repeat=4)
    blind, *_ = filled([12, 30], repeat=4, by_run=False)
    first, second, third = (patterns(a) for a in (once, often, blind))
    np.testing.assert_allclose(second.mean, first.mean)
    np.testing.assert_allclose(second.error, first.error)
    np.testing.assert_allclose(second.pattern_error, first.pattern_error)
    assert second.runs[0, 0, 0] == 12
    assert (third.error[:, 0] < 0.55 * first.error[:, 0]).all()


def test_errors_of_unequal_runs_against_a_loop():
    generator = np.random.default_rng(0)
    lengths, values = [1, 4, 2, 1, 3], generator.standard_normal(11)
    runs = np.repeat(np.arange(5), lengths)
    averages = Averages(("a", "b"), ("none",), 1, 1)
    other = torch.randn(7, 1, 1).double()
    for windows, label, of in ((values, 0, runs), (other.flatten().numpy(), 1, np.arange(7))):
        count = len(windows)
        averages.add(
            torch.tensor(windows)[:, None, None],
            torch.full((count,), label),
            {"none": torch.zeros(count).long()},
            torch.tensor(of),
        )
    mean = values.mean()
    by_hand = sum((values[runs == r] - mean).sum() ** 2 for r in range(5)) / 11**2 * 5 / 4
    assert patterns(averages).error[0, 0, 0, 0] == pytest.approx(by_hand**0.5)


def test_a_true_difference_is_found_where_it_is():
    averages, *_ = filled([200, 300, 300], bands=4, width=9, effect=1.0)
    found = patterns(averages, rate=0.01)
    assert found.differs[0, 0, 0, 4]
    assert found.differs[0, 0].sum() < 3
    assert found.tested[:, 0].all()


def test_false_ones_stay_below_the_rate():
    """With no difference at all, a panel has any discovery in about `rate` of the cases."""
    found = [
        patterns(filled([60, 90], bands=6, width=6, seed=seed)[0], rate=0.2).differs[0, 0].any()
        for seed in range(300)
    ]
    assert 0.08 < np.mean(found) < 0.3


def test_few_runs_are_not_tested(monkeypatch):
    averages, *_ = filled([29, 40], effect=50.0)
    assert not patterns(averages).differs.any()
    assert not patterns(averages).tested.any()
    one, *_ = filled([1, 40], effect=50.0)
    assert not patterns(one).tested[0].any()
    monkeypatch.setattr("speechlrp.navai.pattern.LEAST", 29)
    assert patterns(averages).differs[0, 0, 0, 2]


def test_a_single_class_is_its_own_normaliser():
    found = patterns(filled([50])[0])
    np.testing.assert_allclose(found.pattern[0, 0], 0, atol=1e-15)
    assert not found.differs.any()


def test_no_frame_is_an_error_that_says_what_to_do():
    with pytest.raises(SpeechLRPError, match=r"no frame of any class .* train it longer"):
        patterns(Averages(("a",), NAMES, 2, 3))
    with pytest.raises(SpeechLRPError, match="lies between 0 and 1, not at 5"):
        patterns(filled([3])[0], rate=5)


@given(
    arrays(float, st.integers(0, 40), elements=st.floats(0, 1).map(lambda p: p**3)),
    st.sampled_from([0.01, 0.05, 0.3]),
)
def test_discoveries_are_scipys(p, rate):
    expected = stats.false_discovery_control(p) <= rate if len(p) else p < 0
    sure = np.abs(stats.false_discovery_control(p) - rate) > 1e-12 if len(p) else p < 0
    assert np.array_equal(discoveries(p, rate)[sure], expected[sure])


def test_discoveries_by_hand():
    p = np.array([[0.04, 0.011], [0.9, np.nan]])
    assert discoveries(p, 0.05).tolist() == [[False, True], [False, False]]
    assert discoveries(np.array([0.04, 0.03, 0.9]), 0.06).tolist() == [True, True, False]
