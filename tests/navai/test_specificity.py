"""Widths of patterns whose widths are known."""

import numpy as np
import pytest

from speechlrp.navai.average import Averages
from speechlrp.navai.pattern import Patterns
from speechlrp.navai.specificity import specificity


def made(pattern, error=0.0, tested=None):
    """Patterns [1, 1, F, D] of one class."""
    pattern = np.asarray(pattern, float)[None, None]
    shape = (1, 1, pattern.shape[3])
    tested = np.ones(shape, bool) if tested is None else np.asarray(tested)[None, None]
    filled = np.full(pattern.shape, error)
    counts = np.full(shape, 100)
    return Patterns(
        pattern, filled, pattern[0], pattern, filled, pattern > 1, tested, counts, counts // 2
    )


def row(patterns, **options):
    averages = Averages(["a"], ["none"], *patterns.pattern.shape[2:])
    offset_ms = 10.0 * (np.arange(averages.width) - averages.width // 2)
    return specificity(patterns, averages, offset_ms, **options)[0].iloc[0]


def test_a_box():
    pattern = np.zeros((3, 11))
    pattern[:, 6:9] = -2.0
    found = row(made(pattern))
    assert found.effective_ms == pytest.approx(30)
    assert found.centre_ms == pytest.approx(20)
    assert found.spread_ms == pytest.approx(10 * np.sqrt(2 / 3))
    assert (found.energy, found.peak, found.noise) == (pytest.approx(4 * 3 / 11), 2, 0)
    assert (found.frames, found.runs, found.differs) == (100, 50, 0)


def test_a_gaussian_time_course():
    time = np.arange(401) - 200
    pattern = np.exp(-(time**2) / (4 * 20**2))[None]  # its square has a deviation of 20
    found = row(made(pattern))
    assert found.spread_ms == pytest.approx(200, rel=1e-6)
    assert found.effective_ms == pytest.approx(200 * np.sqrt(4 * np.pi), rel=1e-6)
    assert found.centre_ms == pytest.approx(0, abs=1e-9)


def test_noise_adds_no_energy_on_average():
    rng = np.random.default_rng(0)
    pattern = rng.normal(0, 0.1, (128, 200))
    pattern[:, 95:105] += 1
    noisy, clean = row(made(pattern, error=0.1)), row(made(pattern, error=0.0))
    assert noisy.effective_ms == pytest.approx(100, rel=0.05)
    assert clean.effective_ms > 120
    assert noisy.energy == pytest.approx(10 / 200, rel=0.05)
    assert noisy.noise == pytest.approx(0.01)


def test_only_tested_and_near_offsets_count():
    pattern = np.ones((2, 9))
    pattern[:, 0] = 100
    tested = np.arange(9) > 0
    assert row(made(pattern, tested=tested)).effective_ms == pytest.approx(80)
    near = row(made(pattern), within_s=0.02)
    assert near.effective_ms == pytest.approx(50)
    assert near.peak == 1


def test_nothing_to_say_is_said_by_nan():
    nothing = row(made(np.full((2, 3), np.nan), tested=[False] * 3))
    assert np.isnan([nothing.energy, nothing.effective_ms, nothing.differs]).all()
    flat = row(made(np.zeros((2, 3))))
    assert flat.energy == 0
    assert np.isnan([flat.effective_ms, flat.centre_ms, flat.spread_ms]).all()
