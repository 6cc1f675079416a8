"""Errors of key steps that were put where they are, by hand and in synthesised speech."""

import importlib.util

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlrp.errors import SpeechLRPError
from speechlrp.navai.frames import Clock
from speechlrp.navai.truth import CHANCE, Truth, coverage, match, spelled, summary

CLOCK = Clock(0.01, 0.0)
SPAN = ["start_s", "end_s"]
WORDS = pd.DataFrame(
    [("u", "Make", 0.1, 0.4), ("u", "tea", 0.5, 0.7)], columns=["id", "word", *SPAN]
)
PHONEMES = pd.DataFrame(
    [
        ("u", "m", 0.1, 0.2),
        ("u", "ˈeɪ", 0.2, 0.3),
        ("u", "k", 0.3, 0.4),
        ("u", "t", 0.5, 0.6),
        ("u", "ˈiː", 0.6, 0.7),
    ],
    columns=["id", "phoneme", *SPAN],
)


def test_letters_get_their_phonemes_times():
    found = spelled(WORDS, PHONEMES)
    assert "".join(found.letter) == "maketea"
    np.testing.assert_allclose(found.start_s, [0.1, 0.2, 0.3, np.nan, 0.5, 0.6, 0.6])
    np.testing.assert_allclose(found.end_s, [0.2, 0.3, 0.4, np.nan, 0.6, 0.7, 0.7])
    assert found.word_start_s.tolist() == [0.1] * 4 + [0.5] * 3


def test_phonemes_before_a_word_and_those_without_length_find_theirs():
    words = pd.DataFrame([("all", 0.1, 0.2), ("too much", 0.4, 0.6)], columns=["word", *SPAN])
    rows = [("ɔː", 0.1, 0.2), ("l", 0.2, 0.2), ("t", 0.3, 0.35), ("uː", 0.35, 0.4)]
    rows += [("m", 0.4, 0.45), ("ʌ", 0.45, 0.5), ("tʃ", 0.5, 0.6)]
    found = spelled(words, pd.DataFrame(rows, columns=["phoneme", *SPAN]))
    assert found.start_s.tolist() == [0.1, 0.2, 0.2, 0.3, 0.35, 0.35, 0.4, 0.45, 0.5, 0.5]
    assert found.word_start_s.tolist()[3:] == [0.3] * 7


def letters_of(text, every=0.1, long=1.0):
    start = np.arange(len(text)) * every
    return pd.DataFrame({"letter": list(text), "start_s": start, "end_s": start + long})


def text_of(text, every=0.1):
    start = np.arange(len(text)) * every
    columns = {"word_start_s": start, "word_end_s": start + every}
    return pd.DataFrame({"letter": list(text)} | columns)


@pytest.mark.parametrize(
    ("emitted", "text", "expected"),
    [
        ("abc", "abc", [0, 1, 2]),
        ("bc", "abcd", [1, 2]),
        ("axc", "abc", [0, -1, 2]),
        ("abxc", "abc", [0, 1, -1, 2]),
        ("ac", "abc", [0, 2]),
        ("zz", "abc", [-1, -1]),
        ("a", "", [-1]),
        ("", "abc", []),
    ],
)
def test_emitted_letters_are_matched_to_the_text(emitted, text, expected):
    wide = letters_of(emitted, every=0.0, long=100.0)
    assert match(wide, text_of(text)).tolist() == expected


def test_a_letter_is_matched_only_where_its_window_sees_the_word():
    text = text_of("abab", every=1.0)
    first = pd.DataFrame({"letter": ["a"], "start_s": [0.0], "end_s": [0.5]})
    later = pd.DataFrame({"letter": ["a"], "start_s": [2.2], "end_s": [2.5]})
    never = pd.DataFrame({"letter": ["a"], "start_s": [9.2], "end_s": [9.5]})
    assert [match(e, text).tolist() for e in (first, later, never)] == [[0], [2], [-1]]


@given(st.text("ab", max_size=6), st.text("ab", max_size=7))
def test_matches_are_as_many_as_the_least_distance_allows(emitted, text):
    """The distance by recursion over all alignments, free at the text's ends."""

    def distance(i, j):
        if i == len(emitted):
            return 0  # the rest of the text is free
        best = 1 + distance(i + 1, j)
        if j < len(text):
            best = min(best, (emitted[i] != text[j]) + distance(i + 1, j + 1))
            best = min(best, (i > 0) + distance(i, j + 1))  # free before the first letter
        return best

    found = match(letters_of(emitted, 0.0, 100.0), text_of(text))
    kept = found[found >= 0]
    assert (np.diff(kept) > 0).all()
    assert all(emitted[i] == text[j] for i, j in enumerate(found) if j >= 0)
    free = distance(0, 0)
    between = np.diff(kept) - np.diff(np.flatnonzero(found >= 0))
    cost = (found < 0).sum() + np.maximum(between, 0).sum()
    assert cost == free


FRAMES = pd.DataFrame(
    {
        "id": "u",
        "run": [0, 1, 1, 2, 3, 4],
        "letter": list("maaext"),
        "start": [0, 10, 12, 20, 22, 40],
        "none": 10,
        "max-lrp": [15, 5, 18, 3, 4, -1],
    }
)


def test_errors_by_hand():
    truth = Truth(WORDS, PHONEMES, 20, CLOCK)
    found = truth.errors(FRAMES, ["none", "max-lrp"])
    assert found.alignment.tolist() == ["none"] * 6 + ["max-lrp"] * 6 + [CHANCE] * 6
    none, lrp, chance = (found[found.alignment == n] for n in ("none", "max-lrp", CHANCE))
    nan = np.nan  # steps at 0.10 0.20 0.22 0.30 0.32 0.50 s
    np.testing.assert_allclose(none.error_ms, [0, 0, 0, nan, nan, 0], atol=1e-9)
    np.testing.assert_allclose(lrp.error_ms, [0, -50, 0, nan, nan, nan], atol=1e-9)
    assert none.linked.tolist() == ["yes"] * 3 + ["silent", "no match", "yes"]
    assert lrp.linked.tolist() == ["yes"] * 3 + ["silent", "no match", "no step"]
    assert chance.linked.tolist() == none.linked.tolist()
    assert coverage(found).to_dict() == {"yes": 4, "silent": 1, "no match": 1}


def test_errors_from_the_centre():
    found = Truth(WORDS, PHONEMES, 20, CLOCK, "centre").errors(FRAMES, ["none"])
    expected = [-50, -50, -30, np.nan, np.nan, -50]
    np.testing.assert_allclose(found.error_ms[:6], expected, atol=1e-9)


def test_chance_is_a_step_anywhere_in_the_window_and_the_same_each_time():
    frames = pd.concat([FRAMES.iloc[[0]]] * 4000, ignore_index=True)
    runs = [Truth(WORDS, PHONEMES, 20, CLOCK, "centre").errors(frames, []) for _ in range(2)]
    pd.testing.assert_frame_equal(*runs)
    errors = runs[0].error_ms  # steps 0 to 0.19 s, the phoneme's centre at 0.15 s
    assert errors.mean() == pytest.approx(95 - 150, abs=4)
    assert (errors.min(), errors.max()) == (pytest.approx(-150), pytest.approx(40))
    other = Truth(WORDS, PHONEMES, 20, CLOCK, "centre", seed=1).errors(frames, [])
    assert not other.error_ms.equals(errors)


def test_the_summary_against_numpy():
    rows = [("a", "none", e) for e in (-10.0, 0.0, 30.0, np.nan)] + [("b", "none", 0.0)]
    rows += [("a", "x", np.nan)]
    errors = pd.DataFrame(rows, columns=["letter", "alignment", "error_ms"])
    found = summary(errors).set_index(["letter", "alignment"])
    one = found.loc[("a", "none")]
    assert (one.frames, one.linked, one.inside) == (4, 0.75, pytest.approx(1 / 3))
    assert one.bias_ms == pytest.approx(20 / 3)
    assert one.spread_ms == pytest.approx(np.std([-10, 0, 30], ddof=1))
    assert one.median_abs_ms == 10
    assert one.quartiles_ms == 15 - -5
    assert found.loc[("all", "none")].frames == 5
    assert found.loc[("a", "x")].linked == 0
    assert np.isnan(found.loc[("a", "x")].bias_ms)
    assert [*found.index.get_level_values(0)] == ["a", "a", "b", "all", "all"]


def test_what_does_not_fit_is_one_clear_line():
    truth = Truth(WORDS, PHONEMES, 20, CLOCK)
    with pytest.raises(SpeechLRPError, match=r"one utterance at a time.*found 'v'"):
        truth.errors(FRAMES.assign(id="v"), [])
    with pytest.raises(SpeechLRPError, match="found no frame"):
        truth.errors(FRAMES.iloc[:0], [])
    with pytest.raises(SpeechLRPError, match="unknown reference of an alignment's error 'middle'"):
        Truth(WORDS, PHONEMES, 20, CLOCK, "middle")


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    if importlib.util.find_spec("espeakng_loader") is None:
        pytest.skip("needs the extra `synth` (espeakng-loader)")
    from speechlrp.corpora.synthetic import synthesise

    made = synthesise(tmp_path_factory.mktemp("s"), "librispeech", speakers=3, per_speaker=12)
    return tuple(pd.read_csv(p, keep_default_na=False) for p in (made.words, made.phonemes))


def heard(words, phonemes, late_s: float, width: int):
    """Frames of a model that emits every spoken letter, its window centred `late_s` after it."""
    letters = spelled(words, phonemes).dropna().reset_index(drop=True)
    centre = (letters.start_s + letters.end_s) / 2 + late_s
    start = (centre / CLOCK.hop_s).round().astype(int) - width // 2
    frames = {"id": words.id.iloc[0], "run": letters.index, "letter": letters.letter}
    return pd.DataFrame(frames | {"start": start, "none": width // 2})


def test_most_letters_of_synthesised_speech_are_linked(said):
    words, phonemes = said
    both = [(w, phonemes[phonemes.id == key]) for key, w in words.groupby("id")]
    letters = pd.concat([spelled(*pair) for pair in both])
    consonants = letters[~letters.letter.isin(list("aeiouyhw"))]
    assert letters.start_s.notna().mean() > 0.93
    assert consonants.start_s.notna().mean() > 0.98
    inside = (letters.start_s >= letters.word_start_s - 1e-9) & (
        letters.end_s <= letters.word_end_s + 1e-9
    )
    assert inside[letters.start_s.notna()].all()
    for _, own in letters.groupby(["word_start_s", "word_end_s"]):
        assert own.start_s.dropna().is_monotonic_increasing


@pytest.mark.parametrize("late_ms", [0, 200, -300])
def test_a_constant_delay_is_bias_without_spread_in_synthesised_speech(said, late_ms):
    words, phonemes = said
    truth = Truth(words, phonemes, 80, CLOCK, "centre")
    parts = []
    for key, own in words.groupby("id"):
        frames = heard(own, phonemes[phonemes.id == key], late_ms / 1000, 80)
        frames["mended"] = 40 - late_ms // 10
        parts.append(truth.errors(frames, ["none", "mended"]))
    errors = pd.concat(parts)
    assert coverage(errors).get("yes", 0) / coverage(errors).sum() > 0.99
    found = summary(errors).query("letter == 'all'").set_index("alignment")
    assert found.bias_ms["none"] == pytest.approx(late_ms, abs=1)
    assert found.bias_ms["mended"] == pytest.approx(0, abs=1)
    assert found.spread_ms["none"] < 25
    assert found.spread_ms[CHANCE] > 200
