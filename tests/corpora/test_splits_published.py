from collections import Counter

import pytest

from speechlrp.corpora import SPLITS
from speechlrp.corpora.audiomnist import audiomnist
from speechlrp.corpora.splits_published import DIGIT_GROUPS, GENDER_GROUPS
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
