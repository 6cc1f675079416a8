"""Published divisions: AudioMNIST's (Becker et al. 2018), VoxCeleb's, a corpus's own parts."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from speechlrp.corpora.recording import Recording, by_speaker, some
from speechlrp.corpora.splits import SUBSETS, labelled, seeded
from speechlrp.corpora.splits_unseen import Unseen, without_unseen
from speechlrp.corpora.voxceleb_lists import identification
from speechlrp.errors import SpeechLRPError

log = logging.getLogger(__name__)

#: Three women, then three men, in each of four groups (H0 to H3).
GENDER_GROUPS = (
    "36 47 56 02 44 50",
    "26 12 57 25 37 45",
    "43 28 52 48 53 41",
    "58 59 60 07 23 38",
)
#: Twelve speakers in each of five groups (G0 to G4).
DIGIT_GROUPS = (
    "28 56 07 19 35 01 06 16 23 34 46 53",
    "36 57 09 24 37 02 08 17 29 39 48 54",
    "43 58 14 25 38 03 10 20 30 40 49 55",
    "12 47 59 15 27 41 04 11 21 31 44 50",
    "26 52 60 18 32 42 05 13 22 33 45 51",
)


def becker_gender(
    recordings: Sequence[Recording], *, label: str, seed: int = 0, fold: int = 0
) -> dict[str, str]:
    """Becker et al.'s four splits for gender: 24 speakers, 12 of each sex.

    Fold k trains on groups k and k+1, validates on k+2 and tests on k+3 (mod 4).
    Recordings of other speakers are left out. Speakers of the groups who are not in a
    partial corpus are named in the log.

    Those without the label are left out, and the seed, which every split takes, has no influence.

    Raises:
        SpeechLRPError: no such fold, or a subset has none of the corpus's speakers.
    """
    return _published("becker_gender", GENDER_GROUPS, recordings, label, fold, train=2)


def becker_digit(
    recordings: Sequence[Recording], *, label: str, seed: int = 0, fold: int = 0
) -> dict[str, str]:
    """Becker et al.'s five splits for digits: all 60 speakers.

    Fold k trains on groups k to k+2, validates on k+3 and tests on k+4 (mod 5). Otherwise
    as `becker_gender`, with folds 0 to 4.

    Raises:
        SpeechLRPError: no such fold, or a subset has none of the corpus's speakers.
    """
    return _published("becker_digit", DIGIT_GROUPS, recordings, label, fold, train=3)


def _published(
    name: str,
    groups: Sequence[str],
    recordings: Sequence[Recording],
    label: str,
    fold: int,
    train: int,
) -> dict[str, str]:
    """Give the speakers of the groups to the subsets, starting with group `fold`."""
    if type(fold) is not int or not 0 <= fold < len(groups):
        raise SpeechLRPError(f"{name} has no fold {fold!r}; known: 0 to {len(groups) - 1}")
    there = by_speaker(labelled(recordings, label))
    split: dict[str, str] = {}
    turned = [groups[(fold + i) % len(groups)].split() for i in range(len(groups))]
    parts = ([s for group in turned[:train] for s in group], *turned[train:])
    for subset, speakers in zip(SUBSETS, parts, strict=True):
        _check(name, fold, subset, speakers, there)
        for speaker in speakers:
            split.update((r.id, subset) for r in there.get(speaker, ()))
    return dict(sorted(split.items()))


def _check(
    name: str, fold: int, subset: str, speakers: Sequence[str], there: Mapping[str, object]
) -> None:
    """See that the corpus has speakers for a subset, and say which are missing."""
    gone = [speaker for speaker in speakers if speaker not in there]
    if len(gone) == len(speakers):
        raise SpeechLRPError(
            f"{name}, fold {fold}: the corpus has none of the speakers for {subset} "
            f"({' '.join(speakers)}); its speakers: {some(sorted(there), 24)}; "
            f"use another fold or split=seeded"
        )
    if gone:
        log.warning("%s, fold %d: %s lacks the speakers %s", name, fold, subset, " ".join(gone))


PART = "subset"


def official(
    recordings: Sequence[Recording],
    *,
    label: str | None,
    seed: int,
    train: str = "train",
    validate: str = "dev",
    test: str = "test",
    share: float = 0.1,
) -> dict[str, str]:
    """Take a corpus's own parts, such as LibriSpeech's ``train-clean-100``.

    Where there is no part for validation, a share of the training speakers validates.

    Args:
        recordings: what to divide; those of other parts are left out.
        label: the task; recordings without it are left out. None: all are taken.
        seed: of the speakers that validate, where they are drawn.
        train: what the names of the parts to train on begin with.
        validate: the same for validation.
        test: the same for the test.
        share: of the training speakers, where there is no part for validation.

    Raises:
        SpeechLRPError: there is no part to train on, or too few speakers to draw from.
    """
    starts = dict(zip(SUBSETS, (train, validate, test), strict=True))
    usable = labelled(recordings, label)
    split: dict[str, str] = {}
    for subset, start in starts.items():
        split |= {r.id: subset for r in usable if r.extra.get(PART, "").startswith(start)}
    parts = sorted({r.extra.get(PART, "") for r in usable})
    there = set(split.values())
    if "train" not in there:
        raise SpeechLRPError(
            f"no part of the corpus begins with {train!r} (split.train); there are: {some(parts)}"
        )
    if "validate" not in there:
        chosen = [r for r in usable if split.get(r.id) == "train"]
        split |= seeded(
            chosen,
            label=None,
            seed=seed,
            balance="proportional",
            train=1.0 - share,
            validate=share,
            test=0.0,
        )
    return dict(sorted(split.items()))


def iden_split(
    recordings: Sequence[Recording],
    *,
    label: str | None,
    seed: int,
    file: str,
    unseen: Unseen = None,
) -> dict[str, str]:
    """VoxCeleb1's split for identification: every speaker in all subsets, no video in two.

    `file` is where ``iden_split.txt`` lies; `unseen` speakers, drawn by seed, are in no subset.

    Raises:
        SpeechLRPError: as in `identification` and `unseen_speakers`, or none of the recordings is
            in the list.
    """
    listed = identification(Path(file))
    seen = without_unseen(labelled(recordings, label), unseen, seed)
    subsets = {r.id: listed[r.id] for r in seen if r.id in listed}
    if not subsets:
        raise SpeechLRPError(f"none of the {len(recordings)} recordings is in {file}")
    return subsets
