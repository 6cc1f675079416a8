"""The published divisions, and the split by transcript."""

from collections import Counter
from pathlib import Path

import pytest

from speechlrp.corpora import SPLITS
from speechlrp.corpora.audiomnist import audiomnist
from speechlrp.corpora.recording import Recording
from speechlrp.corpora.splits import SUBSETS, seeded
from speechlrp.corpora.splits_published import DIGIT_GROUPS, GENDER_GROUPS, official
from speechlrp.errors import SpeechLRPError

WOMEN = {"12", "26", "28", "36", "43", "47", "52", "56", "57", "58", "59", "60"}
ALL = [f"{s:02d}" for s in range(1, 61)]


@pytest.fixture
def sixty(mnist):
    return audiomnist(mnist({s: "female" if s in WOMEN else "male" for s in ALL}, 1, 1))


def by_subset(split):
    found = {}
    for key, subset in split.items():
        found.setdefault(subset, set()).add(key.split("_")[1])
    return found


def test_the_groups_are_disjoint_and_complete():
    digits = " ".join(DIGIT_GROUPS).split()
    assert sorted(digits) == ALL
    assert [len(g.split()) for g in DIGIT_GROUPS] == [12] * 5
    genders = " ".join(GENDER_GROUPS).split()
    assert len(set(genders)) == 24
    assert set(genders) >= WOMEN
    assert all(len(WOMEN & set(g.split())) == 3 for g in GENDER_GROUPS)


@pytest.mark.parametrize("fold", range(4))
def test_becker_gender(sixty, fold):
    split = by_subset(SPLITS["becker_gender"](sixty, label="gender", seed=0, fold=fold))
    assert {s: len(who) for s, who in split.items()} == {"train": 12, "validate": 6, "test": 6}
    assert all(len(who & WOMEN) * 2 == len(who) for who in split.values())
    assert split["test"] == set(GENDER_GROUPS[(fold + 3) % 4].split())


def test_becker_gender_fold_1_as_published(sixty):
    split = by_subset(SPLITS["becker_gender"](sixty, label="gender", seed=0, fold=1))
    assert split == {
        "train": {"26", "12", "57", "25", "37", "45", "43", "28", "52", "48", "53", "41"},
        "validate": {"58", "59", "60", "07", "23", "38"},
        "test": {"36", "47", "56", "02", "44", "50"},
    }


@pytest.mark.parametrize("fold", range(5))
def test_becker_digit(sixty, fold):
    split = by_subset(SPLITS["becker_digit"](sixty, label="digit", seed=0, fold=fold))
    assert {s: len(who) for s, who in split.items()} == {"train": 36, "validate": 12, "test": 12}
    assert split["test"] == set(DIGIT_GROUPS[(fold + 4) % 5].split())


def test_every_speaker_is_tested_once(sixty):
    tests = Counter()
    for fold in range(5):
        split = by_subset(SPLITS["becker_digit"](sixty, label="digit", seed=0, fold=fold))
        tests.update(split["test"])
    assert tests == dict.fromkeys(ALL, 1)


@pytest.mark.parametrize(
    ("name", "fold", "known"), [("becker_gender", 4, "0 to 3"), ("becker_digit", -1, "0 to 4")]
)
def test_no_such_fold(sixty, name, fold, known):
    with pytest.raises(SpeechLRPError, match=f"{name} has no fold {fold}; known: {known}"):
        SPLITS[name](sixty, label="gender", seed=0, fold=fold)


def test_a_partial_corpus_names_who_is_missing(sixty, caplog):
    part = [r for r in sixty if r.speaker not in ("36", "58")]
    split = by_subset(SPLITS["becker_gender"](part, label="gender", seed=0))
    assert len(split["train"]) == 11
    assert caplog.messages == [
        "becker_gender, fold 0: train lacks the speakers 36",
        "becker_gender, fold 0: test lacks the speakers 58",
    ]


def test_none_of_a_groups_speakers(sixty):
    part = [r for r in sixty if r.speaker in ("36", "12", "43")]
    with pytest.raises(SpeechLRPError, match=r"none of the speakers for test \(58 59 60 07 23 38"):
        SPLITS["becker_gender"](part, label="gender", seed=0)


def test_no_labels(sixty):
    with pytest.raises(SpeechLRPError, match=r"has the label 'mood'; known: age, digit, gender"):
        SPLITS["becker_gender"](sixty, label="mood", seed=0)


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
