"""Pairs of recordings, all or drawn, against writing them all down."""

from collections import Counter
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlrp.corpora.recording import Recording
from speechlrp.corpora.trial_pairs import trial_pairs
from speechlrp.errors import SpeechLRPError


def corpus(*sizes: int) -> list[Recording]:
    """Speakers A, B, ... with so many recordings each, in no good order."""
    found = [
        Recording(f"{chr(65 + k)}/{i:05d}", Path(f"{i}.wav"), chr(65 + k))
        for k, size in enumerate(sizes)
        for i in range(size)
    ]
    return found[::2] + found[1::2]


def written(found) -> list[tuple[bool, str, str]]:
    names = found.names
    columns = found.same.tolist(), found.first.tolist(), found.second.tolist()
    return [(same, names[a], names[b]) for same, a, b in zip(*columns, strict=True)]


def everything(recordings) -> list[tuple[bool, str, str]]:
    pairs = combinations(sorted(recordings, key=lambda r: r.id), 2)
    return [(a.speaker == b.speaker, f"{a.id}.wav", f"{b.id}.wav") for a, b in pairs]


SIZES = st.lists(st.integers(1, 5), min_size=2, max_size=6).filter(lambda sizes: max(sizes) > 1)


@settings(max_examples=60, deadline=None)
@given(SIZES)
def test_all_pairs_are_those_of_every_two(sizes):
    assert written(trial_pairs(corpus(*sizes), most=10_000, seed=1)) == everything(corpus(*sizes))


@settings(max_examples=100, deadline=None)
@given(SIZES, st.integers(2, 60), st.integers(0, 3))
def test_drawn_ones_are_some_of_them_and_half_of_each_kind(sizes, most, seed):
    whole = everything(corpus(*sizes))
    found = written(trial_pairs(corpus(*sizes), most=most, seed=seed))
    assert len(found) == min(most, len(whole))
    assert len(set(found)) == len(found)
    assert found == [pair for pair in whole if pair in set(found)]  # among them, and sorted
    kinds, there = Counter(same for same, *_ in found), Counter(same for same, *_ in whole)
    if len(whole) > most:
        for kind in (True, False):
            assert kinds[kind] >= min(there[kind], most // 2)


def test_every_pair_is_drawn_as_often():
    """16 of 105 and 600 of 45,000: by shuffling numbers, and by drawing among them."""
    recordings = corpus(5, 5, 5)
    counts = Counter()
    for seed in range(600):
        counts.update(written(trial_pairs(recordings, most=16, seed=seed)))
    for kind, total in ((True, 30), (False, 75)):
        shares = np.array([n / 600 for pair, n in counts.items() if pair[0] == kind])
        assert len(shares) == total
        np.testing.assert_allclose(shares, 8 / total, atol=0.09)


def test_the_seed_draws_and_the_order_does_not_matter():
    recordings = corpus(20, 20)
    one, again = (trial_pairs(r, most=30, seed=1) for r in (recordings, recordings[::-1]))
    assert written(one) == written(again)
    assert written(one) != written(trial_pairs(recordings, most=30, seed=2))


def test_many_recordings_are_drawn_from_without_writing_all_pairs_down():
    """40,000 recordings make 800 million pairs."""
    recordings = corpus(*[400] * 100)
    found = trial_pairs(recordings, most=50_000, seed=1)
    assert len(found) == 50_000
    assert found.same.sum() == 25_000
    speakers = np.array([name[0] for name in found.names])
    np.testing.assert_array_equal(speakers[found.first] == speakers[found.second], found.same)
    assert (found.first < found.second).all()
    assert len(np.unique(found.first * 40_000 + found.second)) == 50_000
    assert len(np.unique(found.first)) > 25_000  # all over


def test_names_have_the_suffix_of_their_files_once():
    recordings = [
        Recording(name, Path(name), name[0]) for name in ("a 1.flac", "a2.flac", "b.wav")
    ] + [Recording("c/x.y/1", Path("1.m4a"), "c")]
    found = trial_pairs(recordings, most=100, seed=1)
    assert found.names == ["a 1.flac", "a2.flac", "b.wav", "c/x.y/1.m4a"]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((4,), "4 recordings of 1 speakers make 6 pairs of one speaker and 0 of two; both"),
        ((1, 1, 1), "3 recordings of 3 speakers make 0 pairs of one speaker and 3 of two"),
        ((), "0 recordings of 0 speakers make 0 pairs"),
    ],
)
def test_where_a_kind_is_missing_it_is_said(sizes, message):
    with pytest.raises(SpeechLRPError, match=message):
        trial_pairs(corpus(*sizes), most=10, seed=1)
