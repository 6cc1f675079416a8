"""Formants and bursts that were planted are read off again."""

import numpy as np
import pytest

from speechlrp.navai.pattern import Patterns
from speechlrp.navai.peaks import _peaks, bursts, peaks

HZ = np.linspace(100, 8000, 80)
MS = (np.arange(101) - 50) * 8.0
NAMES = (["a"], ["min-sens"])


def made(pattern, error=0.01, tested=None, rate_size=0.03):
    """Patterns [1, 1, F, D] of one class; what is larger than `rate_size` differs from 0."""
    pattern = np.asarray(pattern, float)[None, None]
    shape = (1, 1, pattern.shape[3])
    tested = np.ones(shape, bool) if tested is None else tested[None, None]
    errors = np.full(pattern.shape, error)
    counts = np.full(shape, 90)
    differs = np.abs(pattern) > rate_size
    return Patterns(
        pattern, errors, pattern[0], pattern, errors, differs, tested, counts, counts // 2
    )


def bump(x, centre, width):
    return np.exp(-((x - centre) ** 2) / (2 * width**2))


def vowel(shift_ms=0.0):
    """Formants near 700 and 2700 Hz, the second lower, that last a while."""
    bands = bump(HZ, 700, 120) + 0.6 * bump(HZ, 2700, 200)
    return bands[:, None] * bump(MS, shift_ms, 50)[None]


def test_the_formants_of_a_vowel():
    found = peaks(made(2.0 * vowel(16.0)), *NAMES, HZ, MS)
    assert found["rank"].tolist() == [1, 2]
    np.testing.assert_allclose(found.hz, [700, 2700], atol=60)
    np.testing.assert_allclose(found.height, [2.0, 1.2], rtol=0.03)
    np.testing.assert_allclose(found.relative, [1.0, 0.6], rtol=0.03)
    assert (found.offset_ms == 16).all()
    assert found.differs.all()


def test_ripples_of_noise_are_no_peaks():
    rng = np.random.default_rng(0)
    noisy = 2.0 * vowel() + rng.normal(0, 0.05, (80, 101))
    found = peaks(made(noisy, error=0.05, rate_size=0.2), *NAMES, HZ, MS)
    real = found[found.differs]
    np.testing.assert_allclose(real.hz, [700, 2700], atol=150)
    assert (found.height[~found.differs] < 0.2).all()


def test_nothing_but_noise_has_no_peak_that_differs():
    rng = np.random.default_rng(1)
    found = peaks(made(rng.normal(0, 0.05, (80, 101)), error=0.05, rate_size=0.3), *NAMES, HZ, MS)
    assert not found.differs.any()


def test_only_the_strongest_peaks_near_the_key_step_count():
    pattern = vowel() + 9 * vowel(200.0)  # something larger, but 200 ms away
    found = peaks(made(pattern), *NAMES, HZ, MS, near_ms=16.0, most=1)
    assert len(found) == 1
    assert abs(found.offset_ms[0]) <= 16
    assert found.relative[0] < 0.2


def test_a_burst_is_broad_in_frequency_and_short_in_time():
    burst = np.full((80, 1), 0.5) * bump(MS, 8.0, 10)[None]
    long = vowel()
    found = {n: bursts(made(p), *NAMES, MS).iloc[0] for n, p in (("t", burst), ("a", long))}
    assert found["t"].positive == found["t"].positive_differs == 1
    assert found["t"].offset_ms == 8
    half = 2 * np.sqrt(2 * np.log(2))
    assert found["t"].width_ms == pytest.approx(half * 10, rel=0.05)
    assert found["a"].width_ms == pytest.approx(half * 50, rel=0.05)
    assert found["a"].positive_differs < 0.5
    assert found["t"].negative_differs == 0


def test_negative_bands_are_told_apart():
    pattern = np.zeros((80, 101))
    pattern[:20, 50], pattern[20:60, 50] = 1.0, -1.0
    found = bursts(made(pattern), *NAMES, MS).iloc[0]
    assert (found.positive, found.positive_differs, found.negative_differs) == (0.25, 0.25, 0.5)


def test_noise_has_no_width_of_its_own():
    """Energy is what is more than the noise: a weak burst keeps its width in wide noise."""
    rng = np.random.default_rng(2)
    burst = np.full((80, 1), 1.0) * bump(MS, 0.0, 16)[None]
    widths = [
        bursts(made(burst + rng.normal(0, e, burst.shape), error=e), *NAMES, MS).width_ms[0]
        for e in (0.001, 0.3)
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.15)


def test_a_width_that_ends_outside_is_unknown():
    tested = np.abs(MS) <= 16
    found = bursts(made(vowel(), tested=tested), *NAMES, MS).iloc[0]
    assert np.isnan(found.width_ms)
    assert abs(found.offset_ms) <= 16


def test_an_untested_class_has_a_row_without_numbers():
    silent = made(np.full((80, 101), np.nan), tested=np.zeros(101, bool))
    assert peaks(silent, *NAMES, HZ, MS).empty
    found = bursts(silent, *NAMES, MS).iloc[0]
    assert (found["class"], found.frames) == ("a", 90)
    assert np.isnan(found.width_ms)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 1, 0], [(1, 1)]),
        ([3, 1, 2, -1], [(0, 3), (2, 1)]),  # 2 stands 1 above the valley to the higher 3
        ([1, 2, 2, 2, 1], [(2, 2)]),  # a plateau's middle
        ([-2, -1, -2], []),
        ([1, -1, 2, 1.5, 5], [(0, 1), (2, 0.5), (4, 5)]),  # a valley below 0 counts as 0
        ([1, 1, 1], [(1, 1)]),
    ],
)
def test_prominence(values, expected):
    assert _peaks(np.array(values, float)) == expected
