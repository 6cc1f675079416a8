"""Regions that hold more relevance than their share, against maps whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from speechlrp.measures.excess import COLUMNS, Excess
from speechlrp.measures.shares import REGION, covered

FREQUENCY = np.arange(12) * 100.0
TIME = 0.05 + 0.1 * np.arange(20)


def rows(*labels, onset=0.3, duration=1.0, start=0.0):
    known = {"start_s": start, "onset_s": onset, "duration_s": duration}
    return pd.DataFrame({"label": labels, **{k: [v] * len(labels) for k, v in known.items()}})


def excess(**settings):
    return Excess(FREQUENCY, TIME, ["a", "b"], **({"bands": 4, "step_s": 0.25} | settings))


def test_a_band_of_one_class_comes_first_with_the_shares_that_a_loop_gives():
    rng = np.random.default_rng(0)
    maps = rng.random((6, 1, 12, 20)) - 0.5
    maps[:3, 0, 3:6] += 2  # class a, 300 to 500 Hz
    labels = [0, 0, 0, 1, 1, 1]
    ranks = excess()
    ranks.add(maps[:4], rows(*labels[:4]))
    ranks.add(maps[4:], rows(*labels[4:]))
    table = ranks.table()
    assert tuple(table.columns) == COLUMNS
    first = table.iloc[0]
    assert first["class"] == "a"
    assert first[list(REGION[:2])].tolist() == [250.0, 550.0]
    assert first[list(REGION[2:])].isna().all()
    within = (TIME >= 0.3) & (TIME < 1.3)
    share = [np.clip(m[0], 0, None) for m in maps]
    share = [m[3:6][:, within].sum() / m.sum() for m in share]
    bins = 3 * within.sum() / (12 * 20)
    expected = [bins, np.mean(share[:3]), np.mean(share[3:])]
    usual = max(bins, expected[2])
    expected += [expected[1] - usual, expected[1] / usual]
    np.testing.assert_allclose(first[list(COLUMNS[5:])].to_numpy(float), expected, rtol=1e-12)
    assert (np.diff(table.more) <= 0).all()
    assert (table.more > 0).all()


def test_what_is_relevant_for_every_class_alike_is_no_excess():
    ranks = excess()
    maps = np.ones((4, 1, 12, 20))
    maps[:, 0, 3:6] = 3  # for both
    maps[:2, 0, :3] = 2
    maps[2:, 0, 9:] = 2
    ranks.add(maps, rows(0, 0, 1, 1))
    table = ranks.table()
    assert table["class"].tolist() == ["a", "b"]
    assert table.low_hz.tolist() == [0, 850]


def test_a_click_is_a_time_of_the_recording_wherever_it_lies_in_its_window():
    ranks = excess(step_s=0.1)
    for onset in (0.0, 0.4, 0.9):
        inside = np.full((1, 1, 12, 20), 0.01)
        inside[..., (onset + 0.2 <= TIME) & (onset + 0.3 > TIME)] = 1
        ranks.add(inside, rows(1, onset=onset, start=2.0))
    first = ranks.table().iloc[0]
    np.testing.assert_allclose(first[["start_s", "end_s"]].to_numpy(float), [2.2, 2.3])
    assert np.isnan(first.low_hz)
    assert np.isnan(first.of_others)


def test_samples_have_times_and_no_bands():
    ranks = Excess(np.array([2000.0]), TIME, ["a"], step_s=0.25)
    ranks.add(np.arange(20.0).reshape(1, 1, 1, 20), rows(0))
    table = ranks.table()
    assert len(table)
    assert table.low_hz.isna().all()


def test_nothing_is_found_in_maps_that_are_even_and_padding_is_no_region():
    ranks = excess()
    ranks.add(np.ones((2, 1, 12, 20)), rows(0, 1))
    assert ranks.table().empty
    padding = np.zeros((1, 1, 12, 20))
    padding[..., TIME > 1.4] = 1
    ranks = excess()
    ranks.add(padding, rows(0))
    assert ranks.table().empty


def test_regions_of_a_class_lie_in_none_that_came_before():
    rng = np.random.default_rng(1)
    ranks = excess()
    ranks.add(rng.random((8, 1, 12, 20)) ** 4, rows(*[0, 1] * 4))
    limits = ranks.table().fillna({"low_hz": -1, "start_s": -1, "high_hz": 1e9, "end_s": 1e9})
    for _, mine in limits.groupby("class"):
        boxes = mine[list(REGION)].to_numpy()
        for k, (low, high, start, end) in enumerate(boxes):
            for other in boxes[:k]:
                assert not (
                    other[0] <= low and high <= other[1] and other[2] <= start and end <= other[3]
                )


@pytest.mark.parametrize("bands", [1, 5, 48])
def test_bands_cover_every_bin_once(bands):
    ranks = excess(bands=bands)
    edges = ranks.edges
    table = pd.DataFrame({"low_hz": edges[:-1], "high_hz": edges[1:]}).reindex(columns=REGION)
    counts = [covered(table[k : k + 1], rows(0), FREQUENCY, TIME).sum() for k in range(len(table))]
    assert sum(counts) == 12 * 20
    assert max(counts) - min(counts) <= 20
