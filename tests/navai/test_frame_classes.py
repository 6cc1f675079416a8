"""Letters, phonemes and bigrams, by hand and against a second reading of CTC."""

from itertools import groupby

import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechlrp.errors import SpeechLRPError
from speechlrp.navai import CLASSES
from speechlrp.navai.frame_classes import Bigrams, Letters, Phonemes
from speechlrp.navai.frames import Clock, LetterFrames

BLANK, SPACE, A, B, TWICE, THRICE = 0, 1, 2, 3, 4, 5
TEXT = {A: "a", B: "b"}


def names_of(classes, said, key="u", starts=None):
    symbols = torch.tensor(said, dtype=torch.int64)
    starts = torch.arange(len(said)) * 2 if starts is None else torch.tensor(starts)
    return [classes.names[c] if c >= 0 else None for c in classes(key, symbols, starts).tolist()]


def test_the_table_names_them():
    assert [CLASSES[name] for name in CLASSES] == [Letters, Phonemes, Bigrams]


def test_letters_are_looked_up():
    letters = Letters({9: "z", 2: "a"})
    assert letters.names == ("z", "a")
    assert names_of(letters, [2, 9, 3, 0, 10, 9]) == ["a", "z", None, None, None, "z"]
    assert letters("u", torch.empty(0).long(), torch.empty(0)).shape == (0,)


TIMES = pd.DataFrame(
    [
        ("u", "a:", 0.10, 0.20),
        ("u", "t", 0.05, 0.10),
        ("u", "l", 0.20, 0.20),
        ("u", "a:", 0.30, 0.40),
        ("v", "s", 0.0, 9.0),
        ("w", "l", 1.0, 1.0),
    ],
    columns=["id", "phoneme", "start_s", "end_s"],
)
CLOCK = Clock(0.01, 0.0)


def test_phonemes_hold_the_windows_centre():
    phonemes = Phonemes(TIMES, 6, CLOCK, [A])
    assert phonemes.names == ("a:", "s", "t")
    starts = [0, 1, 2, 6, 7, 16, 17, 26, 27, 36, 37]  # centres 3 frames later
    expected = [None, None, "t", "t", "a:", "a:", None, None, "a:", "a:", None]
    assert names_of(phonemes, [A] * 11, starts=starts) == expected
    assert names_of(phonemes, [A], "v", [100]) == ["s"]
    assert names_of(phonemes, [A], "w", [97]) == [None]
    assert names_of(phonemes, [A], "unknown", [97]) == [None]


def test_only_windows_of_some_symbols_count():
    chosen = Phonemes(TIMES, 6, CLOCK, [A, B])
    assert names_of(chosen, [A, BLANK, B, A], starts=[2, 3, 4, 7]) == ["t", None, "t", "a:"]


def test_overlapping_phonemes_are_one_clear_line():
    table = pd.concat([TIMES, pd.DataFrame([("u", "x", 0.15, 0.3)], columns=TIMES.columns)])
    with pytest.raises(SpeechLRPError, match=r"'u' overlap: one ends at 0.20000 s, the next"):
        Phonemes(table, 6, CLOCK, [A])


def bigrams(side, names=None):
    """Of these names, or of all pairs."""
    pairs = [(context, letter) for letter in "ab" for context in "ab_"]
    written = ["|".join(pair if side == "left" else pair[::-1]) for pair in pairs]
    return Bigrams(TEXT, BLANK, {SPACE: "_"}, (TWICE, THRICE), side, names or written)


@pytest.mark.parametrize(
    ("said", "left", "right"),
    [
        ([A, B], [None, "a|b"], ["a|b", None]),
        ([A, A, BLANK, B], [None, None, None, "a|b"], ["a|b", "a|b", None, None]),
        ([A, BLANK, A], [None, None, "a|a"], ["a|a", None, None]),
        ([SPACE, A, SPACE], [None, "_|a", None], [None, "a|_", None]),
        ([A, TWICE, B], [None, None, "a|b"], ["a|a", None, None]),
        (
            [B, A, BLANK, THRICE, B],
            [None, "b|a", None, None, "a|b"],
            ["b|a", "a|a", None, None, None],
        ),
        ([BLANK, BLANK], [None, None], [None, None]),
        ([TWICE, A, 8, B], [None] * 4, [None] * 4),
        ([], [], []),
    ],
)
def test_bigrams_by_hand(said, left, right):
    assert names_of(bigrams("left"), said) == left
    assert names_of(bigrams("right"), said) == right


@given(st.lists(st.sampled_from([BLANK, SPACE, A, B]), max_size=12))
def test_bigrams_are_those_of_the_collapsed_text(said):
    """Without repetition characters, by collapsing with groupby."""
    text, owner = [], []
    for symbol, same in groupby(said):
        if symbol != BLANK:
            text.append({**TEXT, SPACE: "_"}[symbol])
        owner += [len(text) - 1] * len(list(same))
    for side, step in (("left", -1), ("right", 1)):
        for symbol, place, name in zip(said, owner, names_of(bigrams(side), said), strict=True):
            known = symbol in TEXT and 0 <= place + step < len(text)
            pair = sorted((place, place + step)) if known else []
            assert name == ("|".join(text[p] for p in pair) if known else None)


def test_bigrams_can_be_chosen():
    chosen = bigrams("left", names=["a|b"])
    assert names_of(chosen, [A, B, A]) == [None, "a|b", None]
    with pytest.raises(SpeechLRPError, match="context 'both'; known: left, right"):
        bigrams("both")


def test_frames_are_streamed_by_any_of_them(scripted):
    stream = LetterFrames([("u", scripted.utterance([A, B, BLANK, A]))], scripted, bigrams("left"))
    (batch,) = stream
    assert [stream.classes.names[c] for c in batch.classes.tolist()] == ["a|b", "b|a"]
    assert batch.symbols.tolist() == [B, A]
    assert batch.starts.tolist() == [2, 6]
