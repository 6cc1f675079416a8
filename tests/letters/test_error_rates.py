"""Counts against a second edit distance, torchaudio's."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlrp.audio.backend import load_torchaudio
from speechlrp.letters.error_rates import Edits, ErrorCounts, count_errors

TEXTS = st.lists(st.text("ab '", max_size=12).map(lambda text: " ".join(text.split())), max_size=6)
PAIRS = st.tuples(TEXTS, TEXTS).map(lambda p: list(zip(*p, strict=False)))


def edits_of(part):
    return part.substitutions + part.deletions + part.insertions


@given(PAIRS)
@settings(deadline=None)
def test_counts_equal_another_edit_distance(pairs):
    distance = load_torchaudio().functional.edit_distance
    counts = count_errors([a for a, _ in pairs], [b for _, b in pairs])
    assert edits_of(counts.letters) == sum(distance(a, b) for a, b in pairs)
    assert counts.letters.length == sum(len(a) for a, _ in pairs)
    assert edits_of(counts.words) == sum(distance(a.split(), b.split()) for a, b in pairs)
    assert counts.words.length == sum(len(a.split()) for a, _ in pairs)
    assert counts.utterances == len(pairs)


@given(PAIRS, st.integers(0, 6))
@settings(deadline=None)
def test_batches_add_up_to_the_corpus(pairs, cut):
    def count(part):
        return count_errors([a for a, _ in part], [b for _, b in part])

    whole = count(pairs)
    assert count(pairs[:cut]) + count(pairs[cut:]) == whole
    assert sum(map(count, ([pair] for pair in pairs)), ErrorCounts()) == whole
    assert ErrorCounts.of(whole.numbers()) == whole


def test_the_rate_is_of_the_corpus_and_no_mean_of_rates():
    counts = count_errors(["a", "abcdefghi"], ["b", "abcdefghi"])
    assert counts.letter_error_rate == 0.1
    assert counts.word_error_rate == 0.5


def test_kinds_of_errors():
    counts = count_errors(["the cat sat"], ["a cat sat there"])
    assert counts.words == Edits(hits=2, substitutions=1, deletions=0, insertions=1)
    assert counts.word_error_rate == pytest.approx(2 / 3)
    assert count_errors(["ab"], [""]).letters == Edits(deletions=2)
    assert count_errors(["a"], ["abc"]).letter_error_rate == 2


def test_spaces_at_the_ends_and_double_ones_do_not_count():
    assert count_errors([" it  is "], ["it is"]).letters == Edits(hits=5)


def test_nothing_said_has_no_rate():
    assert math.isnan(count_errors([], []).letter_error_rate)
    counts = count_errors([""], ["ab"])
    assert math.isnan(counts.word_error_rate)
    assert (counts.letters, counts.words) == (Edits(insertions=2), Edits(insertions=1))


def test_as_many_texts_as_transcripts():
    with pytest.raises(ValueError, match="2 transcripts, 1 texts"):
        count_errors(["a", "b"], ["a"])
