"""Verdicts need evidence: of guesses nothing follows, and what is stated covers the truth."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import stats

from speechlrp.measures import verdicts
from speechlrp.measures.verdicts import (
    judge,
    mean_height,
    paired_bootstrap,
    speakers_areas,
    stretched,
)

STRATEGIES = ("lrp", "random", "lrp_rev")


def areas_of(means, speakers, n=10, spread=0.02, seed=0):
    """Areas of strategies, their mean known, speakers scattered about it together."""
    generator = np.random.default_rng(seed)
    own = generator.normal(0, spread, speakers)
    rows = [
        (name, f"s{i}", n, mean + own[i] + generator.normal(0, spread / 4))
        for name, mean in means.items()
        for i in range(speakers)
    ]
    return pd.DataFrame(rows, columns=["strategy", "speaker", "n", "area"])


def guesses(generator, recordings, each, classes=4, points=9):
    """A network that guesses at every point anew: no order carries anything."""
    rows = []
    for name in STRATEGIES:
        right = generator.binomial(each, 1 / classes, (recordings // each, points)) / each
        rows += [(name, f"s{i}", each, area) for i, area in enumerate(right.mean(1))]
    return pd.DataFrame(rows, columns=["strategy", "speaker", "n", "area"])


@pytest.mark.parametrize(("recordings", "each"), [(24, 1), (96, 1), (96, 8), (240, 40)])
def test_of_a_network_that_guesses_nothing_is_decided(recordings, each):
    generator = np.random.default_rng(1)
    said = [judge(guesses(generator, recordings, each)).holds for _ in range(80)]
    assert np.mean([holds is not None for holds in said]) < 0.1


@pytest.mark.parametrize(
    ("means", "holds"),
    [
        ({"lrp": 0.1, "random": 0.8, "lrp_rev": 0.95}, True),
        ({"lrp": 0.1, "random": 0.95, "lrp_rev": 0.95}, True),
        ({"lrp": 0.9, "random": 0.8, "lrp_rev": 0.2}, False),
        ({"lrp": 0.6, "random": 0.4, "lrp_rev": 0.8}, None),
        ({"lrp": 0.3, "random": 0.9, "lrp_rev": 0.6}, None),
        ({"lrp": 0.6, "lrp_rev": 0.6}, None),
        ({"lrp": 0.1, "lrp_rev": 0.9}, True),
        ({"lrp": 0.6}, None),
    ],
)
def test_a_clear_order_is_seen(means, holds):
    assert judge(areas_of(means, speakers=8)).holds is holds


def test_the_verdict_states_n_speakers_and_interval():
    verdict = judge(areas_of({"lrp": 0.1, "random": 0.85, "lrp_rev": 0.9}, speakers=8))
    assert verdict.word == "✓ order holds"
    assert verdict.evidence.startswith("lrp_rev - lrp: 80 (")
    assert verdict.evidence.endswith("n 80, 8 speakers")
    assert verdict.text.startswith("lrp ")
    interval = verdict.differences["lrp", "lrp_rev"]
    assert interval.low < 80 < interval.high


@pytest.mark.parametrize(
    ("means", "word"),
    [
        ({"lrp": 0.1, "random": 0.95, "lrp_rev": 0.6}, "order holds in part"),
        ({"lrp": 0.4, "random": 0.1, "lrp_rev": 0.9}, "order holds in part"),
        ({"lrp": 0.4, "random": 0.9, "lrp_rev": 0.4}, "not decided"),
        ({"lrp": 0.6, "random": 0.9, "lrp_rev": 0.1}, "✗ order reversed"),
    ],
)
def test_what_holds_but_for_random_is_no_open_question(means, word):
    assert judge(areas_of(means, speakers=8, spread=0)).word == word


@pytest.mark.parametrize("speakers", [1, 2, 5])
def test_few_speakers_decide_nothing_however_clear_it_looks(speakers):
    verdict = judge(
        areas_of({"lrp": 0.0, "random": 0.9, "lrp_rev": 1.0}, speakers, n=1000, spread=0)
    )
    assert verdict.word == "not decided"
    assert verdict.evidence.endswith(f": fewer than {verdicts.FEWEST}")
    assert verdict.text == "lrp 0, random 90, lrp_rev 100"


def test_no_zero_has_a_sign():
    table = areas_of({"lrp": 0.601, "lrp_rev": 0.600}, speakers=3, spread=0)
    assert judge(table).evidence.startswith("lrp_rev - lrp: 0;")
    assert judge(areas_of({"lrp": 0.601, "lrp_rev": 0.6}, 9, spread=0)).evidence.count("-0") == 0


def test_less_than_a_point_is_no_difference():
    table = areas_of({"lrp": 0.600, "lrp_rev": 0.605}, speakers=40, spread=0)
    assert judge(table).differences["lrp", "lrp_rev"].low > 0
    assert judge(table).holds is None


def test_nothing_to_compare():
    verdict = judge(areas_of({"lrp": 0.6}, speakers=8).head(0))
    assert (verdict.word, verdict.text, verdict.evidence) == ("not decided", "", "n 0, 0 speakers")


def test_signs_are_shown_only_where_the_difference_is_sure():
    verdict = judge(areas_of({"lrp": 0.1, "random": 0.85, "lrp_rev": 0.851}, speakers=8))
    assert " < " in verdict.text
    assert " ≈ " in verdict.text


def test_strategies_are_compared_on_the_same_speakers():
    """Speakers differ by far more than strategies do, and all in the same way."""
    table = areas_of({"lrp": 0.4, "random": 0.5, "lrp_rev": 0.6}, speakers=12, spread=0.15)
    paired = judge(table).differences["lrp", "lrp_rev"]
    spread = 100 * table[table.strategy == "lrp"].area.std() * np.sqrt(2 / 12) * 1.96
    assert paired.high - paired.low < spread
    alone = table[~((table.strategy == "lrp") & (table.speaker == "s0"))]
    assert judge(alone).speakers == 11


def test_repeats_are_averaged_and_recordings_weigh():
    table = areas_of({"lrp": 0.2, "lrp_rev": 0.6}, speakers=6, spread=0)
    again = pd.concat([table, table.assign(area=table.area + 0.1)])
    assert dict(judge(again).order) == pytest.approx({"lrp": 25, "lrp_rev": 65})
    table.loc[table.speaker == "s0", ["n", "area"]] = [950, 0.0]
    assert dict(judge(table).order)["lrp"] == pytest.approx(100 * 0.2 * 50 / 1000)


@pytest.mark.parametrize("count", [6, 12, 40])
def test_the_interval_covers_the_truth(count):
    generator = np.random.default_rng(5)
    hits = []
    for _ in range(300):
        interval = paired_bootstrap(generator.normal(3, 1, count), np.ones(count), draws=1000)
        hits.append(interval.low <= 3 <= interval.high)
    assert 0.92 <= np.mean(hits) <= 0.995


def test_a_known_sample_against_scipys_bootstrap():
    values = np.random.default_rng(2).exponential(size=200)
    ours = paired_bootstrap(values, np.ones(200), draws=20_000)
    other = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=3)
    assert ours.low == pytest.approx(other.confidence_interval.low, abs=0.01)
    assert ours.high == pytest.approx(other.confidence_interval.high, abs=0.01)


@pytest.mark.parametrize("freedom", [5, 7, 11, 50, 1000])
def test_students_point(freedom):
    assert verdicts._student(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=2e-3)


def test_the_axis_is_the_one_that_is_drawn():
    axes = Figure().add_subplot()
    axes.set_xscale("symlog", linthresh=0.1, linscale=0.6)
    percent = np.array([0.0, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0])
    drawn = axes.xaxis.get_transform().transform(percent)
    np.testing.assert_allclose(stretched(percent), 10 * drawn, rtol=1e-12)


def test_mean_height():
    percent = np.array([0, 0.5, 1, 5, 30, 60])
    assert mean_height(percent, np.full(6, 0.7)) == pytest.approx(0.7)
    falling = mean_height(percent, np.array([1, 1, 0, 0, 0, 0.0]))
    at = stretched(percent[:5])
    assert falling == pytest.approx((at[1] + (at[2] - at[1]) / 2) / at[4])
    assert mean_height(np.array([0.0]), np.array([0.3])) == 0.3


def test_every_speaker_has_an_area():
    rows = [
        ("lrp", "zero", 0, bins, speaker, 2, correct)
        for speaker, line in {"a": (2, 0, 0), "b": (2, 2, 2)}.items()
        for bins, correct in zip((0, 10, 100), line, strict=True)
        for _ in range(2)  # two classes of one speaker
    ]
    names = ["strategy", "baseline", "repeat", "bins", "speaker", "n", "correct"]
    table = speakers_areas(pd.DataFrame(rows, columns=names), 1000).set_index("speaker")
    assert table.n.tolist() == [4, 4]
    assert table.area["b"] == 1
    assert table.area["a"] == pytest.approx(mean_height([0, 1, 10], [1, 0, 0]))
