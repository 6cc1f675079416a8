"""Scores of planted maps against hand-computed values."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.measures.localisation import (
    ALSO,
    SCORES,
    TRUTH,
    another,
    auc,
    cue,
    localisations,
    near,
    regions,
    widened,
)
from speechlrp.measures.scores import Maps

FREQUENCY = np.arange(0, 500, 50.0)
TIME = np.arange(0.05, 1, 0.1)
INSIDE = np.zeros((1, 10, 10), bool)
INSIDE[0, 2:4, 3:8] = True  # a tenth


def _table(*rows):
    return pd.DataFrame(rows, columns=list(TRUTH))


def _scores(relevance, inside=INSIDE):
    found = localisations(np.asarray(relevance, float), [inside])[0]
    assert tuple(found) == SCORES
    return {name: values[0] for name, values in found.items()}


def test_a_map_that_is_the_region_has_every_score_at_its_best():
    found = _scores(INSIDE)
    assert found == pytest.approx(
        {"positive_inside": 1, "times_chance": 10, "pointing": 1, "auc": 1, "region": 0.1}
    )


def test_a_map_that_avoids_the_region_has_every_score_at_its_worst():
    found = _scores(~INSIDE)
    assert found == pytest.approx(
        {"positive_inside": 0, "times_chance": 0, "pointing": 0, "auc": 0, "region": 0.1}
    )


def test_an_even_map_is_chance():
    found = _scores(np.ones((1, 10, 10)))
    assert found == pytest.approx(
        {"positive_inside": 0.1, "times_chance": 1, "pointing": 0.1, "auc": 0.5, "region": 0.1}
    )


def test_noise_is_chance_on_average():
    rng = np.random.default_rng(0)
    inside = np.repeat(INSIDE, 400, axis=0)
    found = localisations(rng.normal(size=inside.shape), [inside])[0]
    for name, chance in (("positive_inside", 0.1), ("times_chance", 1), ("auc", 0.5)):
        error = found[name].std() / 20
        assert abs(found[name].mean() - chance) < 4 * error
    assert abs(found["pointing"].mean() - 0.1) < 4 * 0.3 / 20


def test_negative_relevance_counts_as_none_in_the_mass_and_last_in_the_order():
    relevance = np.zeros((1, 10, 10))
    relevance[0, 2, 3], relevance[0, 0, 0], relevance[0, 3, 3] = 3, 1, -100
    found = _scores(relevance)
    assert found["positive_inside"] == 0.75
    assert found["pointing"] == 1
    # of 10 x 90 pairs: the 3 wins all; 8 zeros win 0, tie with 89; the -100 wins none
    assert found["auc"] == pytest.approx((90 + 8 * 89 / 2) / 900)


def test_a_map_without_positive_relevance_has_no_mass():
    found = _scores(-INSIDE.astype(float))
    assert np.isnan(found["positive_inside"])
    assert np.isnan(found["times_chance"])
    assert (found["pointing"], found["auc"]) == (0, 0)


def test_a_map_of_zeros_points_nowhere():
    found = _scores(np.zeros((1, 10, 10)))
    assert np.isnan(found["pointing"])
    assert found["auc"] == 0.5


@pytest.mark.parametrize("inside", [np.zeros((1, 10, 10)), np.ones((1, 10, 10))])
def test_without_a_region_or_an_outside_nothing_is_defined(inside):
    assert all(np.isnan(value) for value in _scores(INSIDE, inside).values())


def test_auc_counts_pairs():
    rng = np.random.default_rng(3)
    values, true = rng.integers(0, 5, 40).astype(float), rng.random(40) < 0.3
    pairs = [1 if a > b else 0.5 if a == b else 0 for a in values[true] for b in values[~true]]
    assert auc(np.sort(values), values[true]) == pytest.approx(np.mean(pairs))


@pytest.mark.parametrize(
    ("half_window", "frames", "bins"),
    [(0.02, [3, 4], [3, 4, 5]), (0.08, [2, 3, 4, 5], [4])],
)
def test_a_region_holds_every_frame_and_bin_that_its_sound_reaches(half_window, frames, bins):
    sound = _table((0.32, 0.48, 190.0, 210.0))
    found = regions(pd.DataFrame(widened(sound, half_window)), FREQUENCY, TIME)[0]
    assert np.flatnonzero(found.any(0)).tolist() == frames
    assert np.flatnonzero(found.any(1)).tolist() == bins
    assert found.sum() == len(frames) * len(bins)


def test_a_region_beyond_the_window_is_empty():
    assert not regions(_table((1.5, 1.6, 190, 210)), FREQUENCY, TIME).any()


def _maps(table):
    inside = regions(table, FREQUENCY, TIME)
    return Maps(inside.astype(float), table, FREQUENCY, TIME, (0, 500), 1)


def test_the_score_of_compare_tells_the_true_region_from_a_wrong_one():
    table = _table(*[(0.1, 0.3, 90, 160), (0.6, 0.8, 290, 360)] * 3).assign(label=[0, 1] * 3)
    found = cue(_maps(table))
    more = ["positive_near", "pointing_near", "near_region"]
    assert list(found) == [*SCORES, *more, "positive_in_wrong_region", "auc_of_wrong_region"]
    assert found["positive_inside"].tolist() == [1] * 6
    assert found["positive_in_wrong_region"].tolist() == [0] * 6
    assert (found["auc_of_wrong_region"] < 0.5).all()


@pytest.mark.parametrize("bins", [0, 1, 3, 20])
def test_near_is_at_most_some_bins_away(bins):
    inside = np.zeros((1, 12, 9), bool)
    inside[0, 4:6, 7:8] = True
    far, late = np.mgrid[:12, :9]
    away = np.maximum(np.maximum(4 - far, far - 5), np.maximum(7 - late, late - 7))
    np.testing.assert_array_equal(near(inside, bins)[0], away <= bins)


def test_a_recording_alone_has_no_wrong_region():
    found = cue(_maps(_table((0.1, 0.3, 90, 160)).assign(label=[1])))
    assert found["positive_inside"].tolist() == [1]
    assert np.isnan(found["positive_in_wrong_region"]).all()


def test_without_truth_the_score_says_what_to_do():
    table = _table((0.1, 0.3, 90, 160)).assign(label=[0])
    maps = replace(_maps(table), table=table.drop(columns="true_low_hz"))
    with pytest.raises(SpeechLRPError, match=r"no true_low_hz .* synth planted_tone"):
        cue(maps)


@pytest.mark.parametrize("seed", range(3))
def test_another_region_is_of_another_class(seed):
    labels = np.array([0, 1] * 6)
    found = another(12, labels, seed)
    assert sorted(found) == list(range(12))
    assert (labels[found] != labels).all()
    uneven = another(5, np.array([0, 0, 0, 0, 1]), seed)
    assert (uneven != np.arange(5)).all()
    assert another(1, np.array([0]), seed).tolist() == [0]


def test_two_boxes_are_one_region_and_the_weaker_says_whether_both_are_shown():
    table = _table((0.2, 0.4, 100, 250), (0.2, 0.4, 100, 250))
    for name, value in zip(ALSO, (0.6, 0.8, 300, 450), strict=True):
        table[name] = value
    boxes = [regions(table, FREQUENCY, TIME, names) for names in (TRUTH, ALSO)]
    relevance = np.stack([boxes[0][0] + boxes[1][0], boxes[0][1]]).astype(float)
    scores = cue(Maps(relevance, table.assign(label=[0, 1]), FREQUENCY, TIME, (0, 500), 1))
    assert scores["positive_inside"].tolist() == [1, 1]
    assert scores["positive_in_weaker"][1] == 0
    shares = [box[0].sum() for box in boxes]
    assert scores["positive_in_weaker"][0] == pytest.approx(min(shares) / sum(shares))
