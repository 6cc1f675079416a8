"""Speakers in no subset of a split."""

from pathlib import Path

import pytest

from speechlrp.corpora.recording import Recording
from speechlrp.corpora.splits import seeded
from speechlrp.corpora.splits_published import iden_split
from speechlrp.corpora.splits_unseen import unseen_speakers
from speechlrp.errors import SpeechLRPError


def corpus(each: int = 6) -> list[Recording]:
    """Six speakers of as many recordings each, and one with a single one."""
    names = {f"id{k}": each for k in range(6)} | {"single": 1}
    return [
        Recording(f"{name}/v{i}/1", Path(f"{name}{i}.wav"), name, gender="female")
        for name, count in names.items()
        for i in range(count)
    ]


SHARES = {"train": 0.5, "validate": 0.25, "test": 0.25, "unit": "recording", "min_recordings": 5}


def cut(unseen, seed=1, recordings=None):
    recordings = recordings or corpus()
    found = seeded(recordings, label="speaker", seed=seed, **SHARES, unseen=unseen)
    return {r.speaker for r in recordings if r.id in found}


@pytest.mark.parametrize("number", [1, 2, 4])
def test_so_many_are_drawn_by_seed_and_are_in_no_subset(number):
    drawn = unseen_speakers(corpus(), number, 3)
    assert len(drawn) == number
    assert "single" not in drawn
    assert cut(number, seed=3) == {f"id{k}" for k in range(6)} - drawn
    assert unseen_speakers(corpus()[::-1], number, 3) == drawn
    assert len({frozenset(unseen_speakers(corpus(), 2, seed)) for seed in range(20)}) > 5


def test_more_of_them_are_the_same_and_others():
    few, more = (unseen_speakers(corpus(), number, 1) for number in (2, 3))
    assert few < more


def test_speakers_by_name():
    assert unseen_speakers(corpus(), ["id3", "single"], 1) == {"id3", "single"}
    assert cut(["id3", "id0"]) == {"id1", "id2", "id4", "id5"}
    assert cut(None) == {f"id{k}" for k in range(6)}


def test_a_list_of_trials_means_all_that_its_speakers_say(tmp_path):
    """Though their recordings are others, or are not all in the corpus."""
    path = tmp_path / "veri_test.txt"
    path.write_text(
        "1 id1/v0/1.wav id1/gone/7.wav\n0 id1/v1/1.wav id4/gone/2.wav\n0 x/y/z.wav x/a/b.wav"
    )
    assert unseen_speakers(corpus(), str(path), 1) == {"id1", "id4"}
    assert cut(str(path)) == {"id0", "id2", "id3", "id5"}


def test_the_published_identification_split_leaves_them_out_too(tmp_path):
    listed = tmp_path / "iden_split.txt"
    listed.write_text("".join(f"{i % 3 + 1} {r.id}.wav\n" for i, r in enumerate(corpus())))
    trials = tmp_path / "veri_test.txt"
    trials.write_text("0 id2/v0/1.wav id5/v0/1.wav")
    settings = {"label": "speaker", "seed": 1, "file": str(listed)}
    whole, without = (iden_split(corpus(), **settings, unseen=u) for u in (None, str(trials)))
    assert without == {k: v for k, v in whole.items() if k[:3] not in ("id2", "id5")}
    assert len(whole) - len(without) == 12


@pytest.mark.parametrize(
    ("unseen", "message"),
    [
        (0, "split.unseen is 0; give how many speakers"),
        (0.2, "split.unseen is 0.2; give how many"),
        (True, "split.unseen is True; give"),
        ([], r"split.unseen is \[\]; give"),
        (7, "split.unseen=7, but only 6 of 7 speakers have two recordings"),
        (["id7"], r"no recordings of speaker id7 in the corpus \(split.unseen\); known: id0.*did"),
        ("id1", "split.unseen=id1: there is no such list of trials; give .*"),
        ([*(f"id{k}" for k in range(6)), "single"], "is all 7 speakers; none is left to train on"),
    ],
)
def test_what_cannot_be_is_said(unseen, message):
    with pytest.raises(SpeechLRPError, match=message):
        cut(unseen)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 a/b/c.wav a/b/d.wav", r"compares no speaker of the 7 .*first of its recordings: a/b/c"),
        ("3 a/b/c.wav", r"line 1: expected 0\|1 and 2 path"),
    ],
)
def test_a_list_that_is_none_of_this_corpus_is_said(text, message, tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(text)
    with pytest.raises(SpeechLRPError, match=message):
        cut(str(path))
    with pytest.raises(SpeechLRPError, match="Is a directory"):
        cut(str(tmp_path))
