"""Masks of the most relevant bins."""

import numpy as np
import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.masks import most_relevant

RELEVANCE = np.array([[5.0, -9.0, 1.0], [3.0, 0.0, 4.0]])


@pytest.mark.parametrize(
    ("share", "marked"),
    [(1 / 6, [5.0]), (0.5, [5.0, 3.0, 4.0]), (1.0, [5.0, 1.0, 3.0, 4.0]), (0.01, [])],
)
def test_the_highest_are_marked_and_none_that_speaks_against(share, marked):
    mask = most_relevant(RELEVANCE, share)
    assert mask.shape == RELEVANCE.shape
    assert RELEVANCE[mask].tolist() == marked


def test_only_some_bins_count():
    rows = np.array([[False], [True]])
    assert RELEVANCE[most_relevant(RELEVANCE, 1 / 3, rows)].tolist() == [4.0]
    assert not most_relevant(RELEVANCE, 1.0, np.zeros((2, 1), bool)).any()


def test_between_equal_ones_a_seed_decides():
    masks = [most_relevant(np.ones((2, 4)), 0.5, seed=seed) for seed in range(200)]
    assert all(mask.sum() == 4 for mask in masks)
    assert len({mask.tobytes() for mask in masks}) > 50
    assert np.abs(np.mean(masks, axis=0) - 0.5).max() < 0.2
    assert np.array_equal(masks[3], most_relevant(np.ones((2, 4)), 0.5, seed=3))


@pytest.mark.parametrize("share", [0.0, 1.5, float("nan")])
def test_no_such_share(share):
    with pytest.raises(SpeechLRPError, match="a share of bins lies in"):
        most_relevant(RELEVANCE, share)
