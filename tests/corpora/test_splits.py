import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlrp.corpora import SPLITS, Recording
from speechlrp.corpora.audiomnist import audiomnist
from speechlrp.corpora.voxceleb import voxceleb
from speechlrp.errors import SpeechLRPError

SEXES = {"f": "female", "m": "male", "x": None}


def people(**counts):
    """Make four recordings (digits 0 to 3) for each of so many speakers: people(f=2, m=3)."""
    return [
        Recording(f"{sex}{i}-{d}", Path("x.wav"), f"{sex}{i}", SEXES[sex], str(d))
        for sex, n in counts.items()
        for i in range(n)
        for d in range(4)
    ]


def speakers(recordings, split):
    """Count speakers by (subset, gender), after seeing that none is in two subsets."""
    places = {}
    for recording in recordings:
        if recording.id in split:
            places.setdefault(recording.speaker, set()).add(split[recording.id])
    assert all(len(subsets) == 1 for subsets in places.values())
    sexes = {r.speaker: r.gender for r in recordings}
    return Counter((subset, sexes[s]) for s, (subset,) in places.items())


def even(train, validate, test):
    return {
        (subset, sex): n
        for subset, n in (("train", train), ("validate", validate), ("test", test))
        for sex in ("female", "male")
    }


@pytest.mark.parametrize(
    ("who", "options", "expected"),
    [
        ({"f": 4, "m": 4}, {"train": 4, "validate": 2, "test": 2}, even(2, 1, 1)),
        ({"f": 4, "m": 4}, {}, even(2, 1, 1)),
        ({"f": 12, "m": 12}, {}, even(6, 3, 3)),
        ({"f": 12, "m": 48}, {}, even(6, 3, 3)),
        ({"f": 3, "m": 9}, {}, even(1, 1, 1)),
        ({"f": 5, "m": 5}, {"train": 0.6, "validate": 0.2, "test": 0.2}, even(3, 1, 1)),
        ({"f": 9, "m": 9, "x": 3}, {"train": 6, "validate": 0, "test": 4}, even(3, 0, 2)),
        ({"f": 2, "m": 3}, {"train": 0, "validate": 0, "test": 1.0}, even(0, 0, 2)),
    ],
)
def test_equal_numbers_of_each_class(who, options, expected):
    recordings = people(**who)
    split = SPLITS["seeded"](recordings, label="gender", seed=3, **options)
    assert speakers(recordings, split) == {k: n for k, n in expected.items() if n}
    assert len(split) == 4 * sum(expected.values())


def test_proportional_leaves_out_none():
    recordings = people(f=4, m=8)
    split = SPLITS["seeded"](recordings, label="gender", seed=0, balance="proportional")
    assert len(split) == len(recordings)
    assert speakers(recordings, split)["train", "male"] == 4


@given(seed=st.integers(0, 2**32), order=st.randoms())
def test_same_seed_same_split_in_any_order(seed, order):
    recordings = people(f=5, m=6)
    split = SPLITS["seeded"](recordings, label="gender", seed=seed)
    order.shuffle(recordings)
    assert list(SPLITS["seeded"](recordings, label="gender", seed=seed).items()) == list(
        split.items()
    )


def test_other_seeds_other_splits():
    recordings = people(f=12, m=12)
    splits = [SPLITS["seeded"](recordings, label="gender", seed=s) for s in range(20)]
    assert len({tuple(split.items()) for split in splits}) == 20


def test_every_speaker_gets_into_the_test_for_some_seed():
    recordings = people(f=4, m=4)
    tested = set()
    for seed in range(40):
        split = SPLITS["seeded"](recordings, label="gender", seed=seed)
        tested |= {key.partition("-")[0] for key, subset in split.items() if subset == "test"}
    assert tested == {r.speaker for r in recordings}


def test_a_split_does_not_change_between_versions():
    split = SPLITS["seeded"](people(f=4, m=4), label="gender", seed=1)
    assert {k.partition("-")[0] for k, v in split.items() if v == "test"} == {"f1", "m3"}


def test_digits_are_cut_by_speaker():
    recordings = people(f=4, m=4)
    split = SPLITS["seeded"](recordings, label="digit", seed=0)
    counts = speakers(recordings, split)
    assert Counter(split.values()) == {"train": 16, "validate": 8, "test": 8}
    assert sum(counts.values()) == 8


def test_by_recording_every_class_is_cut_alike():
    recordings = people(f=3, m=2)
    options = {"unit": "recording", "train": 0.5, "validate": 0.25, "test": 0.25}
    split = SPLITS["seeded"](recordings, label="speaker", seed=0, **options)
    who = {r.id: r.speaker for r in recordings}
    assert Counter((who[k], v) for k, v in split.items()) == {
        (s, subset): n
        for s in set(who.values())
        for subset, n in (("train", 2), ("validate", 1), ("test", 1))
    }


def test_speakers_with_few_recordings_are_left_out():
    recordings = [*people(f=2, m=2), Recording("lone", Path("x"), "f9", "female")]
    options = {"train": 2, "validate": 0, "test": 2}
    seeds = range(10)
    splits = [
        SPLITS["seeded"](recordings, label="gender", seed=s, min_recordings=4, **options)
        for s in seeds
    ]
    assert not any("lone" in split for split in splits)
    with pytest.raises(SpeechLRPError, match=r"min_recordings=5; the most is 4"):
        SPLITS["seeded"](recordings, label="gender", seed=0, min_recordings=5)


@pytest.mark.parametrize(
    ("who", "options", "message"),
    [
        ({"x": 3}, {}, "none of the 12 recordings has the label 'gender'; known: digit, speaker"),
        ({"f": 2, "m": 9}, {}, "too few speakers of class 'female'.* there are 2 female, 9 male"),
        ({"f": 9, "m": 9}, {"train": 12, "validate": 6, "test": 6}, "too few speakers"),
        ({"f": 9, "m": 9}, {"train": 5, "validate": 2, "test": 2}, "train=5 speakers cannot be"),
        ({"f": 9, "m": 9}, {"train": 4}, "three counts .12. or three fractions"),
        ({"f": 9, "m": 9}, {"train": 0.9}, "sum to more than 1"),
        ({"f": 9, "m": 9}, {"train": -1, "validate": 0, "test": 2}, "must not be negative"),
        ({"f": 9, "m": 9}, {"unit": "file"}, "unknown unit 'file'"),
        ({"f": 9, "m": 9}, {"balance": "eqal"}, "Did you mean 'equal'"),
        ({"f": 9, "m": 9}, {"label": "speaker"}, "unit=recording"),
        (
            {"f": 9, "m": 9},
            {"balance": "proportional", "train": 2, "validate": 2, "test": 2},
            "needs fractions",
        ),
    ],
)
def test_what_is_wrong_is_said(who, options, message):
    with pytest.raises(SpeechLRPError, match=message):
        SPLITS["seeded"](people(**who), **{"label": "gender", "seed": 0, **options})


def test_thesis_has_12_6_6_speakers_half_of_them_women():
    recordings = people(f=12, m=48)
    for label in ("gender", "digit"):
        split = SPLITS["thesis"](recordings, label=label, seed=7)
        assert speakers(recordings, split) == even(6, 3, 3)
    with pytest.raises(SpeechLRPError, match=r"too few speakers of class 'female'"):
        SPLITS["thesis"](people(f=11, m=48), label="gender", seed=7)


def test_splits_of_genuine_corpora(shared_data):
    actors = voxceleb(shared_data / "ravdess")
    assert speakers(actors, SPLITS["thesis"](actors, label="gender", seed=1)) == even(6, 3, 3)
    eight = audiomnist(
        shared_data / "audiomnist", speakers=["12", "36", "43", "56", "01", "02", "03", "05"]
    )
    random.Random(0).shuffle(eight)
    split = SPLITS["seeded"](eight, label="gender", seed=1, train=4, validate=2, test=2)
    assert speakers(eight, split) == even(2, 1, 1)
