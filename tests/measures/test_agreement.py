"""Agreement of maps, against scipy and against counts by hand."""

import numpy as np
import pytest
from scipy import stats

from speechlrp.measures.agreement import (
    agreement,
    matrix,
    spearman,
    summarise_agreement,
    top_overlap,
)


def test_spearman_is_scipys_with_ties():
    generator = np.random.default_rng(2)
    maps = generator.integers(-5, 6, (4, 300)).astype(float)
    found = spearman(maps)
    for a in range(4):
        for b in range(4):
            assert found[a, b] == pytest.approx(stats.spearmanr(maps[a], maps[b]).statistic)


def test_a_monotone_function_changes_nothing_and_a_constant_has_no_ranks():
    x = np.random.default_rng(3).normal(size=50)
    found = spearman(np.stack([x, np.exp(x), -x, np.zeros(50)]))
    assert found[0, 1] == pytest.approx(1)
    assert found[0, 2] == pytest.approx(-1)
    assert np.isnan(found[3]).all()


def test_top_overlap_counts_common_bins():
    first = np.array([9.0, 8, 7, 6, 0, 0, 0, 0, 0, 0])
    second = np.array([9.0, 0, 7, 0, 8, 0, 6, 0, 0, 0])
    assert top_overlap(np.stack([first, second]), 0.4)[0, 1] == 0.5
    assert top_overlap(np.stack([first, second]), 0.1)[0, 1] == 1
    assert top_overlap(np.stack([first, -first]), 0.4)[0, 1] == 0
    assert top_overlap(np.stack([first, second]), 0.01).diagonal().tolist() == [1, 1]


def test_the_summary_is_the_mean_over_recordings_and_makes_a_matrix():
    generator = np.random.default_rng(4)
    maps = {name: generator.normal(size=(5, 1, 6, 7)) for name in ("a", "b")}
    maps["c"] = -maps["a"]
    parts = [agreement({k: v[s] for k, v in maps.items()}, 0.1) for s in (slice(3), slice(3, 5))]
    summary = summarise_agreement(parts)
    values = [stats.spearmanr(maps["a"][i].ravel(), maps["b"][i].ravel())[0] for i in range(5)]
    signed = matrix(summary, "spearman", ["a", "b", "c"])
    assert signed[0, 1] == signed[1, 0] == pytest.approx(np.mean(values))
    assert signed[0, 2] == pytest.approx(-1)
    assert matrix(summary, "spearman_absolute", ["a", "c"])[0, 1] == pytest.approx(1)
    row = summary[(summary.explainer == "a") & (summary.other == "b")].iloc[0]
    assert row.standard_error == pytest.approx(stats.sem(values))
    assert row.n == 5


def test_maps_that_say_nothing_overlap_by_chance():
    """By position, two constant maps had the same most relevant bins."""
    noise = np.random.default_rng(0).normal(size=1000)
    overlap = top_overlap(np.stack([np.zeros(1000), np.full(1000, 3.0), noise]), 0.1)
    np.testing.assert_allclose(overlap, np.eye(3) * 0.9 + 0.1)


def test_ties_at_the_border_count_as_a_draw_would():
    first, second = np.array([3.0, 1, 1, 0]), np.array([9.0, 8, 0, 0])
    assert top_overlap(np.stack([first, second]), 0.5)[0, 1] == (1 + 0.5) / 2
