"""The parts that a corpus is published in, and the split by transcript."""

from pathlib import Path

import pytest

from speechlrp.corpora.recording import Recording
from speechlrp.corpora.splits import SUBSETS, seeded
from speechlrp.corpora.splits_official import official
from speechlrp.errors import SpeechLRPError


def recordings(*parts: str, speakers: int = 10, each: int = 3) -> list[Recording]:
    """Of each part so many speakers, who all say the same."""
    return [
        Recording(
            id=f"{part}-{s}-{i}",
            path=Path("x.flac"),
            speaker=f"{part}{s}",
            transcript=f"sentence {i}",
            extra={"subset": part},
        )
        for part in parts
        for s in range(speakers)
        for i in range(each)
    ]


def test_parts_that_there_are():
    some = recordings("train-clean-100", "train-other-500", "dev-clean", "test-other", "mine")
    split = official(some, label=None, seed=1)
    wanted = {"train": "train", "dev": "validate", "test": "test"}
    parts = {r.id: r.extra["subset"].split("-")[0] for r in some}
    assert split == {i: wanted[part] for i, part in sorted(parts.items()) if part in wanted}


def test_one_part_of_several():
    some = recordings("train-clean-100", "dev-clean", "dev-other", "test-other")
    split = official(some, label=None, seed=1, validate="dev-other")
    assert {i.rpartition("-")[0][:9] for i, s in split.items() if s == "validate"} == {"dev-other"}


def test_without_a_part_for_validation_speakers_are_drawn():
    some = recordings("train-clean-100", "test-other")
    split = official(some, label=None, seed=1, share=0.2)
    by_id = {r.id: r for r in some}
    speakers = {s: {by_id[i].speaker for i, own in split.items() if own == s} for s in SUBSETS}
    assert [len(speakers[s]) for s in SUBSETS] == [8, 2, 10]
    assert not speakers["train"] & speakers["validate"]
    assert len(split) == len(some)
    assert split != official(some, label=None, seed=2, share=0.2)


def test_a_label_that_recordings_need():
    some = recordings("train-clean-100", "dev-clean")
    with pytest.raises(SpeechLRPError, match="none of the 60 recordings has the label 'gender'"):
        official(some, label="gender", seed=1)


def test_nothing_to_train_on():
    with pytest.raises(SpeechLRPError, match=r"begins with 'train'.*there are: test-other"):
        official(recordings("test-other"), label=None, seed=1)


def test_no_two_subsets_share_a_transcript():
    some = recordings("train", speakers=2, each=20)
    split = seeded(some, label=None, seed=3, unit="transcript", train=0.8, validate=0.1, test=0.1)
    said = {s: {r.transcript for r in some if split[r.id] == s} for s in SUBSETS}
    assert [len(said[s]) for s in SUBSETS] == [16, 2, 2]
    assert len(split) == len(some)
    assert len(set.union(*said.values())) == 20


def test_transcripts_are_cut_alike_whoever_says_them():
    some = recordings("train", speakers=3, each=20)
    shares = {"train": 0.8, "validate": 0.1, "test": 0.1}
    whole = seeded(some, label=None, seed=3, unit="transcript", **shares)
    part = seeded(some[:20], label=None, seed=3, unit="transcript", **shares)
    assert part == {i: whole[i] for i in part}


def test_without_classes_speakers_are_cut_as_they_come():
    some = recordings("train", speakers=10, each=1)
    split = seeded(some, label=None, seed=3, train=5, validate=3, test=2)
    assert [list(split.values()).count(s) for s in SUBSETS] == [5, 3, 2]


def test_no_transcripts():
    some = [Recording(id="a", path=Path("a"), speaker="s")]
    with pytest.raises(SpeechLRPError, match="none of the 1 recordings has a transcript"):
        seeded(some, label=None, seed=1, unit="transcript")
