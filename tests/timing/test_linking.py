"""Errors of key steps that were put where they are, by hand and in synthesised speech."""

import importlib.util

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlrp.letters.vocabulary import LETTERS
from speechlrp.navai.batches import step_of
from speechlrp.navai.frames import Clock
from speechlrp.timing.exactness import timing_table
from speechlrp.timing.linking import Truth, linked_frames, match, spelled, words_of

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


def test_of_equal_matches_the_nearest_word_counts():
    text = text_of("abcabc", every=0.3)
    for first, expected in ((0.05, [1]), (0.7, [4])):  # windows of 1 s, their middles 0.5 later
        emitted = pd.DataFrame({"letter": ["b"], "start_s": [first], "end_s": [first + 1]})
        assert match(emitted, text).tolist() == expected
    pair = pd.DataFrame({"letter": list("bc"), "start_s": [0.7, 0.8], "end_s": [1.7, 1.8]})
    assert match(pair, text).tolist() == [4, 5]
    more = pd.DataFrame({"letter": list("abc"), "start_s": 0.0, "end_s": 3.0})
    assert match(more, text_of("abcxabx", every=0.3)).tolist() == [0, 1, 2]  # edits count first


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
    }
)


def test_places_by_hand():
    found = Truth(WORDS, PHONEMES, 20, CLOCK).places("u", FRAMES)
    assert found.index.tolist() == FRAMES.index.tolist()
    assert found.linked.tolist() == ["linked"] * 3 + ["silent", "no match", "linked"]
    nan = np.nan  # phonemes' middles at 0.15, 0.25, 0.25 and 0.55 s
    np.testing.assert_allclose(found.centre_ms, [150, 150, 130, nan, nan, 150])
    np.testing.assert_allclose(found.half_ms, [50, 50, 50, nan, nan, 50])


def test_a_clock_that_begins_later_finds_phonemes_earlier_in_the_window():
    found = Truth(WORDS, PHONEMES, 20, Clock(0.01, 0.016)).places("u", FRAMES)
    np.testing.assert_allclose(found.centre_ms.dropna(), [134, 134, 114, 134])


def test_words_are_found_by_the_spelling_of_the_transcript():
    found = words_of("MAKE TEA", PHONEMES)
    assert found.word.tolist() == ["MAKE", "TEA"]
    np.testing.assert_allclose(found[SPAN], [[0.1, 0.4], [0.5, 0.7]])
    arpabet = PHONEMES.assign(phoneme=["M", "EY1", "K", "T", "IY0"])
    pd.testing.assert_frame_equal(words_of("make tea", arpabet), found.assign(word=["make", "tea"]))
    pd.testing.assert_frame_equal(spelled(WORDS, arpabet)[SPAN], spelled(WORDS, PHONEMES)[SPAN])


def test_frames_of_utterances_without_times_fall_out():
    truth = Truth(WORDS, PHONEMES, 20, CLOCK)
    codes = [ord(letter) - ord("a") for letter in FRAMES.letter]
    own = FRAMES[["run", "start"]].assign(**{"class": codes})
    frames = pd.concat([own.assign(utterance=0), own.assign(utterance=1)], ignore_index=True)
    found = linked_frames(frames, ["v", "u"], truth)
    assert found.utterance.tolist() == [1] * 6
    assert "".join(found.letter) == "maaext"
    np.testing.assert_allclose(found.centre_ms, truth.places("u", FRAMES).centre_ms)
    none = linked_frames(frames[frames.utterance == 0], ["v", "u"], truth)
    assert none.empty
    assert {*none} == {*found}


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
    return pd.DataFrame(frames | {"start": start})


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
    truth = Truth(words, phonemes, 80, CLOCK)
    ids = sorted(words.id.unique())
    parts = []
    for code, key in enumerate(ids):
        rows = heard(words[words.id == key], phonemes[phonemes.id == key], late_ms / 1000, 80)
        parts.append(rows.assign(utterance=code))
    frames = pd.concat(parts, ignore_index=True)
    frames["class"] = [LETTERS.index(letter) for letter in frames.letter]
    frames = frames.assign(**{step_of("none"): 40, step_of("mended"): 40 - late_ms // 10})
    frames = linked_frames(frames, ids, truth)
    assert (frames.linked == "linked").mean() > 0.99
    found = timing_table(frames, ["none", "mended"], 80, 10.0, repeats=20)
    found = found.query("letter == 'all'").set_index("alignment")
    assert found.bias_ms["none"] == pytest.approx(late_ms, abs=1)
    assert found.bias_ms["mended"] == pytest.approx(0, abs=1)
    assert found.std_ms["none"] < 25
    assert found.uniform_std_ms["none"] > 200
    assert found.within_50["mended"] > 0.99
