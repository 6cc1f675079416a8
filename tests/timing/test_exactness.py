"""Errors of key steps against plain lists of them, and chance against drawing."""

import numpy as np
import pandas as pd
import pytest

from speechlrp.letters.vocabulary import LETTERS
from speechlrp.timing.exactness import WITHIN_MS, coverage_table, error_table, timing_table
from speechlrp.timing.linking import LINKS

HOP, WIDTH = 8.0, 30
NAMES = ["none", "max-lrp"]


def linked(utterance, **columns):
    """Frames as `linked_frames` gives them."""
    frames = pd.DataFrame({"linked": "linked", "half_ms": 1.0, **columns})
    frames["letter"] = pd.Categorical(frames.letter, LETTERS)
    frames["linked"] = pd.Categorical(frames.linked, LINKS)
    return frames.assign(utterance=utterance)


def an_utterance(seed, frames=40):
    """Frames with phonemes anywhere about the window, and key steps."""
    rng = np.random.default_rng(seed)
    kinds = rng.choice(["linked", "linked", "linked", "no match", "silent"], frames)
    known = kinds == "linked"
    return linked(
        seed,
        run=np.arange(frames) // 3,
        letter=rng.choice(list("ab"), frames),
        linked=kinds,
        centre_ms=np.where(known, rng.integers(-100, 340, frames), np.nan),
        half_ms=np.where(known, rng.integers(5, 90, frames), np.nan),
        **{"step none": WIDTH // 2, "step max-lrp": rng.integers(-1, WIDTH, frames)},
    )


def table_of(frames, names=NAMES, repeats=50):
    return timing_table(frames, names, WIDTH, HOP, repeats=repeats)


def rows_of(frames, letter, alignment):
    """Steps, middles and half lengths of the linked frames, by plain selection."""
    steps = frames[f"step {alignment}"]
    of = (frames.letter == letter) & (frames.linked == "linked") & (steps >= 0)
    return np.stack([steps, frames.centre_ms, frames.half_ms])[:, of]


@pytest.fixture(scope="module")
def utterances():
    return pd.concat([an_utterance(seed) for seed in range(12)], ignore_index=True)


@pytest.mark.parametrize("letter", list("ab"))
@pytest.mark.parametrize("alignment", NAMES)
def test_the_table_against_plain_lists(utterances, letter, alignment):
    steps, centre, half = rows_of(utterances, letter, alignment)
    error = HOP * steps - centre
    table = table_of(utterances).set_index(["alignment", "letter"])
    row = table.loc[alignment, letter]
    assert row.n == len(error)
    assert row.bias_ms == pytest.approx(error.mean())
    assert row.std_ms == pytest.approx(error.std())
    assert row.inside == pytest.approx((np.abs(error) <= half).mean())
    for ms in WITHIN_MS:
        assert row[f"within_{ms}"] == pytest.approx((np.abs(error) <= ms).mean())
    low, middle, high = np.quantile(error, [0.25, 0.5, 0.75], method="inverted_cdf")
    assert (row.q25_ms, row.median_ms, row.q75_ms) == (low, middle, high)
    assert row.iqr_ms == high - low
    distance = np.abs(error - middle)
    assert row.mad_ms == np.quantile(distance, 0.5, method="inverted_cdf")


@pytest.mark.parametrize("alignment", NAMES)
def test_chance_against_all_pairs_of_steps_and_frames(utterances, alignment):
    table = table_of(utterances).set_index(["alignment", "letter"])
    steps, centre, half = rows_of(utterances, "a", alignment)
    for name, drawn in (("uniform_", np.arange(WIDTH)), ("shuffled_", steps)):
        error = HOP * drawn[:, None] - centre
        row = table.loc[alignment, "a"].filter(like=name)
        row.index = row.index.str.removeprefix(name)
        assert row.std_ms == pytest.approx(error.std())
        assert row.inside == pytest.approx((np.abs(error) <= half).mean())
        for ms in WITHIN_MS:
            assert row[f"within_{ms}"] == pytest.approx((np.abs(error) <= ms).mean())
        assert row.median_ms == np.quantile(error, 0.5, method="inverted_cdf")


def test_a_constant_step_is_its_own_shuffle_and_all_is_all_letters(utterances):
    table = table_of(utterances).set_index(["alignment", "letter"])
    none = table.loc["none", "all"]
    assert none.shuffled_within_50 == pytest.approx(none.within_50)
    assert none.shuffled_std_ms == pytest.approx(none.std_ms)
    assert none.shuffled_inside == pytest.approx(none.inside)
    errors = [rows_of(utterances, letter, "max-lrp") for letter in "ab"]
    errors = np.concatenate([HOP * e[0] - e[1] for e in errors])
    assert table.loc["max-lrp", "all"].n == len(errors)
    assert table.loc["max-lrp", "all"].bias_ms == pytest.approx(errors.mean())
    assert "c" not in table.index.get_level_values(1)


def test_constant_shifts_of_letters_are_mended_in_the_last_row():
    letters = np.repeat(list("ab"), 50)
    jitter = np.tile([-10, -5, 0, 5, 10], 20)
    shifts = np.where(letters == "a", 60, -90)
    centre = 120 - shifts - jitter
    frames = linked(0, run=range(100), letter=letters, centre_ms=centre, **{"step none": 15})
    table = table_of(frames, ["none"], repeats=5).set_index("letter")
    assert table.bias_ms[["a", "b", "all"]].tolist() == [60, -90, -15]
    assert table.std_ms["all"] > 70
    assert table.std_ms["all centred"] == pytest.approx(np.std(jitter))
    assert table.within_20["all centred"] == 1
    assert table.within_20["all"] == 0
    assert np.isnan(table.inside["all centred"])


def test_intervals_cover_what_utterances_vary_by():
    """Utterances with errors of their own: the mean varies by 100 / sqrt(200) ms."""
    rng = np.random.default_rng(1)
    own = rng.normal(0, 100, 200)
    frames = linked(
        np.repeat(np.arange(200), 5),
        run=np.tile(np.arange(5), 200),
        letter="a",
        centre_ms=np.repeat(120 - own, 5),
        **{"step none": 15},
    )
    row = table_of(frames, ["none"], repeats=1000).set_index("letter").loc["a"]
    deviation = own.std() / np.sqrt(200)
    assert row.bias_ms_high - row.bias_ms_low == pytest.approx(2 * 1.96 * deviation, rel=0.1)
    assert row.bias_ms_low < own.mean() < row.bias_ms_high
    of_median = np.median(rng.choice(own, (2000, 200)), 1).std()
    assert row.median_ms_high - row.median_ms_low == pytest.approx(4 * of_median, rel=0.25)
    assert row.median_ms_low < np.median(own) < row.median_ms_high
    assert row.iqr_ms_low < row.iqr_ms < row.iqr_ms_high


def test_the_order_of_frames_does_not_matter(utterances):
    mixed = utterances.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(table_of(mixed), table_of(utterances))


def test_coverage_and_distributions(utterances):
    frames = utterances
    text = pd.DataFrame({"letter": list("aaab"), "start_s": [0.1, np.nan, 0.2, 0.3]})
    table = coverage_table(frames, text).set_index("letter")
    assert table.text_letters[[*"abc", "all"]].tolist() == [3, 1, 0, 4]
    assert table.text_silent[[*"abc", "all"]].tolist() == [1, 0, 0, 1]
    assert table.text_share["all"] == 0.75
    assert table.frames["all"] == len(frames)
    for kind, name in (("linked", "linked"), ("no match", "no_match"), ("silent", "silent")):
        of = (frames.linked == kind) & (frames.letter == "b")
        assert table.loc["b", f"frames_{name}"] == of.sum()
    assert table.linked_share["a"] == (frames[frames.letter == "a"].linked == "linked").mean()
    assert table.runs["all"] == sum(own.run.nunique() for _, own in frames.groupby("utterance"))
    errors = error_table(frames, NAMES, HOP)
    steps, centre, _ = rows_of(utterances, "a", "max-lrp")
    own = errors[(errors.letter == "a") & (errors.alignment == "max-lrp")]
    binned = np.rint((HOP * steps - centre) / 10) * 10
    expected = pd.Series(binned).value_counts().sort_index()
    assert own.error_ms.tolist() == expected.index.tolist()
    assert own.frames.tolist() == expected.tolist()


def test_no_frame_is_no_row(utterances):
    assert table_of(utterances.iloc[:0]).empty
    assert error_table(utterances.iloc[:0], NAMES, HOP).empty


def test_one_utterance_has_no_interval_to_speak_of():
    row = table_of(an_utterance(0)).iloc[0]
    assert row.bias_ms_low == pytest.approx(row.bias_ms_high)
