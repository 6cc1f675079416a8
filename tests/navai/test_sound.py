"""Patterns laid over the mean: which offsets are kept, and how strong they become."""

import numpy as np
import pytest

from speechlrp.navai.pattern import laid_over, reach


@pytest.mark.parametrize(
    ("counts", "kept"),
    [
        ([0, 2, 20, 30, 3, 2], slice(2, 5)),
        ([30, 30, 30], slice(0, 3)),
        ([9, 1, 50, 50, 0, 50], slice(2, 4)),
        ([0, 0, 7], slice(2, 3)),
        ([0, 0, 0], slice(0, 0)),
    ],
)
def test_the_offsets_that_enough_frames_reach(counts, kept):
    assert reach(np.array(counts)) == kept


def test_a_pattern_is_made_so_strong_and_laid_over_the_mean():
    generator = np.random.default_rng(0)
    pattern, normaliser = generator.normal(size=(2, 3, 5))
    pattern[1, 2] = -9.0
    pattern[:, 0], counts = np.nan, np.array([0, 40, 40, 40, 2])
    found = laid_over(pattern, normaliser, counts, 2.0)
    assert found.shape == (3, 3)
    np.testing.assert_allclose(found.T, normaliser[:, 1:4] + pattern[:, 1:4] * 2 / 9)
    flat = laid_over(np.zeros((3, 5)), normaliser, counts, 2.0)
    np.testing.assert_allclose(flat.T, normaliser[:, 1:4])
    assert laid_over(pattern, normaliser, np.zeros(5, int), 2.0).shape == (0, 3)
