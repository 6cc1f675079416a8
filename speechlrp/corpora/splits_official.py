"""The parts that a corpus itself is published in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speechlrp.corpora.recording import Recording, some
from speechlrp.corpora.splits import SUBSETS, labelled, seeded
from speechlrp.corpora.splits_unseen import Unseen, without_unseen
from speechlrp.corpora.voxceleb_lists import identification
from speechlrp.errors import SpeechLRPError

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

    Args:
        recordings: what to cut; those without the label, or not in the list, are left out.
        label: the task, as in `Recording.label`.
        seed: of the unseen speakers, where they are drawn.
        file: where ``iden_split.txt`` is.
        unseen: speakers in no subset, see `unseen_speakers`.

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
