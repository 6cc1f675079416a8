"""The record of one recording, and what all readers of corpora share."""

from __future__ import annotations

import difflib
import hashlib
import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from speechlrp.errors import SpeechLRPError

log = logging.getLogger(__name__)

#: Suffixes that count as audio, the preferred one first.
AUDIO = (".wav", ".flac", ".m4a")
_GENDERS = {"m": "male", "male": "male", "f": "female", "female": "female"}


@dataclass(frozen=True)
class Recording:
    """One audio file and what its corpus knows of it.

    Attributes:
        id: unique within the corpus, the same on every machine.
        path: the audio file.
        speaker: who speaks, as the corpus names them.
        gender: ``"male"``, ``"female"``, or None where it is not known.
        digit: ``"0"`` to ``"9"``, or None.
        transcript: the words, or None.
        extra: whatever else the corpus knows, as text.
    """

    id: str
    path: Path
    speaker: str
    gender: str | None = None
    digit: str | None = None
    transcript: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)

    def label(self, task: str) -> str | None:
        """Return the label for a task, or None where it is not known.

        Args:
            task: ``"gender"``, ``"digit"``, ``"speaker"`` or a name in `extra`.
        """
        if task in ("gender", "digit", "speaker"):
            return getattr(self, task)
        return self.extra.get(task)


def tasks(recordings: Iterable[Recording]) -> list[str]:
    """Name the labels that at least one of the recordings has, in alphabetical order."""
    names = set()
    for recording in recordings:
        names.update(recording.extra)
        names.update(t for t in ("gender", "digit", "speaker") if recording.label(t))
    return sorted(names)


def gender(text: str, where: str) -> str | None:
    """Turn a corpus's word for a speaker's sex into ours.

    Args:
        text: ``m``, ``f``, ``male``, ``female`` in any case; empty for unknown.
        where: the place it was read from, for the error.

    Raises:
        SpeechLRPError: it is something else.
    """
    if not text.strip():
        return None
    try:
        return _GENDERS[text.strip().lower()]
    except KeyError:
        raise SpeechLRPError(
            f"unknown gender {text.strip()!r} in {where}; known: male, female, m, f"
        ) from None


def need_folder(path: Path, corpus: str, mend: str) -> Path:
    """Return `path`, or say that the corpus is not there and how to get it.

    Raises:
        SpeechLRPError: `path` is not a folder.
    """
    if not path.is_dir():
        raise SpeechLRPError(f"no {corpus} in {path}: {mend}")
    return path


def read_text(path: Path, what: str, mend: str) -> str:
    """Read a small text file of a corpus, with or without a byte order mark.

    Raises:
        SpeechLRPError: it is missing, unreadable or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SpeechLRPError(f"{path} is missing ({what}): {mend}") from None
    except UnicodeDecodeError as error:
        raise SpeechLRPError(f"{path} is not UTF-8 text: {error.reason}; {mend}") from None
    except OSError as error:
        raise SpeechLRPError(f"cannot read {path}: {error.strerror}") from None


def folders(path: str | Path) -> list[str]:
    """Names of the folders in a folder, sorted; hidden ones are left out."""
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if not e.name.startswith(".") and e.is_dir())


def files(path: str | Path) -> list[str]:
    """Names of what is in a folder and has a suffix, sorted; hidden ones are left out.

    Costs one system call a folder, not one a file.
    """
    return sorted(n for n in os.listdir(path) if not n.startswith(".") and "." in n)


def pick_speakers(
    asked: Sequence[str] | None, known: Iterable[str], where: str | Path
) -> list[str]:
    """Choose the speakers that were asked for; all of them where None was.

    Raises:
        SpeechLRPError: one of them is not there; says which are.
    """
    known = sorted(set(known))
    if asked is None:
        return known
    missing = [str(s) for s in asked if str(s) not in known]
    if missing:
        close = difflib.get_close_matches(missing[0], known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise SpeechLRPError(
            f"no recordings of speaker {some(missing)} in {where}; known: {some(known, 60)}{hint}"
        )
    return sorted({str(s) for s in asked})


def some(names: Sequence[str], most: int = 8) -> str:
    """Join names with commas; of many, the first few and how many more there are."""
    shown = ", ".join(str(n) for n in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def by_speaker(recordings: Sequence[Recording]) -> dict[str, list[Recording]]:
    """Gather the recordings of each speaker."""
    speakers = defaultdict(list)
    for recording in recordings:
        speakers[recording.speaker].append(recording)
    return dict(speakers)


def rank(seed: int, name: str) -> bytes:
    """What to sort names by, to draw the first few of them: a hash of seed and name."""
    return hashlib.sha256(f"{seed}/{name}".encode()).digest()


def finish(recordings: list[Recording], odd: list[str], corpus: str, root: Path, mend: str):
    """Sort a reader's recordings by id and account for the files that it could not place.

    A file that is not audio is nobody's business. An audio file whose name or place
    does not fit the corpus's layout is left out, with one warning in the log for all
    such files. Where nothing fits, that is an error.

    Returns:
        The recordings, sorted by id.

    Raises:
        SpeechLRPError: there are no recordings.
    """
    if not recordings:
        seen = f" ({len(odd)} audio files do not fit its layout, such as {odd[0]})" if odd else ""
        raise SpeechLRPError(f"no recordings of {corpus} in {root}{seen}: {mend}")
    if odd:
        log.warning(
            "%s: left out %d audio files that do not fit the layout: %s",
            corpus,
            len(odd),
            some(odd),
        )
    return sorted(recordings, key=lambda r: r.id)
