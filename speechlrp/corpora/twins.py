"""Recordings that a list has twice: as another path, by a link, or as a copy.

Each is taken once, so that no recording is both learnt and tested; where the list says two
things of one, neither can be believed.
"""

import hashlib
import logging
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import soundfile

from speechlrp.corpora.labels import why_not_there
from speechlrp.corpora.recording import Recording, by_speaker, pick_speakers, some
from speechlrp.errors import SpeechLRPError

log = logging.getLogger(__name__)
Key = TypeVar("Key", bound=Hashable)
MIDDLE = 4096  # bytes from a file's middle that are compared before all of it is read


def of_speakers(
    recordings: Sequence[Recording], asked: Sequence[str] | None, where: Path
) -> list[Recording]:
    """The recordings of some speakers, or of all, each once (see `without_twins`), sorted by id.

    Raises:
        SpeechLRPError: a speaker is not there, or as `without_twins`.
    """
    chosen = set(pick_speakers(asked, {r.speaker for r in recordings}, where))
    kept = without_twins([r for r in recordings if r.speaker in chosen], where)
    return sorted(kept, key=lambda r: r.id)


def without_twins(recordings: Sequence[Recording], where: Path) -> list[Recording]:
    """Leave out what is another recording's file or has the same content, and say so.

    Raises:
        SpeechLRPError: a file is not there, two that are one have different labels, or a
            speaker has two genders.
    """
    _check_ids(recordings, where)
    _check_genders(recordings, where)
    status = {r.id: there for r in recordings if (there := _status(r.path)) is not None}
    gone = [str(r.path) for r in recordings if r.id not in status]
    if gone:
        raise SpeechLRPError(
            f"{where} lists {len(gone)} recordings that are not there: {some(gone)}"
            f"{why_not_there(Path(gone[0]))}"
        )
    files = once(recordings, where)
    copies: list[tuple[Recording, Recording]] = []
    _once(_alike(files, status), lambda r: _content(r.path), copies)
    _report(copies, "files of the same content", where)
    copied = {second.id for _, second in copies}
    return [r for r in files if r.id not in copied]


def once(recordings: Sequence[Recording], where: Path) -> list[Recording]:
    """Leave out what is another recording's file, by a link or another path, and say so.

    Raises:
        SpeechLRPError: two that are one have different labels.
    """

    def file(recording: Recording) -> Hashable:
        status = _status(recording.path)
        return recording.id if status is None else (status.st_dev, status.st_ino)

    twins: list[tuple[Recording, Recording]] = []
    kept = _once(recordings, file, twins)
    _report(twins, "the same file", where)
    return kept


def _alike(
    recordings: Sequence[Recording], status: Mapping[str, os.stat_result]
) -> list[Recording]:
    """Those that have another's size and middle, and are sound but no silence.

    What is silent or broken may well be alike; it is left out with its reason when it is read.
    """
    sizes = _groups(recordings, lambda r: status[r.id].st_size)
    alike = [r for same in sizes.values() if len(same) > 1 for r in same]
    middles = _groups(alike, lambda r: (status[r.id].st_size, _middle(r.path)))
    several = (same for (_, held), same in middles.items() if len(same) > 1 and len(set(held)) > 1)
    return [r for same in several for r in same if _is_sound(r.path)]


def _status(path: Path) -> os.stat_result | None:
    try:
        status = path.stat()
    except (OSError, ValueError):  # a path with a zero byte is a value's error
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _groups(
    recordings: Sequence[Recording], key: Callable[[Recording], Key]
) -> dict[Key, list[Recording]]:
    groups: defaultdict[Key, list[Recording]] = defaultdict(list)
    for recording in recordings:
        groups[key(recording)].append(recording)
    return groups


def _once(
    recordings: Sequence[Recording],
    key: Callable[[Recording], Hashable],
    twins: list[tuple[Recording, Recording]],
) -> list[Recording]:
    """The first recording of each key; appends pairs of it and each further one."""
    firsts: dict[Hashable, Recording] = {}
    for recording in recordings:
        first = firsts.setdefault(key(recording), recording)
        if first is not recording:
            twins.append((first, recording))
    return list(firsts.values())


def _report(pairs: list[tuple[Recording, Recording]], what: str, where: Path) -> None:
    """Say which recordings are there twice; refuse those that contradict each other."""
    for first, second in pairs:
        _check_agree(first, second, what, where)
    if pairs:
        names = [f"{second.id} as {first.id}" for first, second in pairs]
        log.warning(
            "%s lists %s twice, taken once: %s (%d)", where, what, some(names, 3), len(pairs)
        )


def _check_agree(first: Recording, second: Recording, what: str, where: Path) -> None:
    labels = [{"speaker": r.speaker, "gender": r.gender, "digit": r.digit} for r in (first, second)]
    for contents, recording in zip(labels, (first, second), strict=True):
        contents |= {"transcript": recording.transcript, **recording.extra}
    for name in labels[0]:
        one, other = labels[0][name], labels[1].get(name)
        if one and other and one != other:
            raise SpeechLRPError(
                f"{where}: {first.id} and {second.id} are {what}, but their {name} is {one!r} and "
                f"{other!r}: correct one of the two or take it out"
            )


def _check_ids(recordings: Sequence[Recording], where: Path) -> None:
    paths: dict[str, Path] = {}
    for recording in recordings:
        if paths.setdefault(recording.id, recording.path) != recording.path:
            raise SpeechLRPError(f"{where} lists {recording.id!r} twice; ids must differ")


def _check_genders(recordings: Sequence[Recording], where: Path) -> None:
    for speaker, utterances in by_speaker(recordings).items():
        by_gender = {r.gender: r.id for r in utterances if r.gender}
        if len(by_gender) > 1:
            (one, first), (other, second) = list(by_gender.items())[:2]
            raise SpeechLRPError(
                f"{where}: speaker {speaker!r} is {one} in {first} and {other} in {second}: "
                "correct one of the rows, or call two speakers by two names"
            )


def _middle(path: Path) -> bytes:
    """Some of a file; nothing where it can't be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size // 2 - MIDDLE // 2))
            return file.read(MIDDLE)
    except OSError:
        return b""


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_sound(path: Path) -> bool:
    try:
        with soundfile.SoundFile(path):
            return True
    except (soundfile.LibsndfileError, OSError):
        return False
