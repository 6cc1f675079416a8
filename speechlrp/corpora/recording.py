"""The record of one recording, and what all readers of corpora share."""

import difflib
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speechlrp.corpora.text import composed
from speechlrp.errors import SpeechLRPError

LONGEST = 200  # characters of a name that are shown
_GENDERS = {"m": "male", "male": "male", "f": "female", "female": "female", "unknown": None}


@dataclass(frozen=True)
class Recording:
    """One audio file and what its corpus knows of it; names are in composed characters."""

    id: str  # unique within the corpus, the same on every machine
    path: Path  # the audio file
    speaker: str  # who speaks, as the corpus names them
    gender: str | None = None  # ``"male"``, ``"female"``, or None where it is not known
    digit: str | None = None  # ``"0"`` to ``"9"``, or None
    transcript: str | None = None  # the words, or None
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Whatever else the corpus knows, as text."""

    def __post_init__(self) -> None:
        """Compose characters: one name written in two ways is one class, one speaker.

        Raises:
            SpeechLRPError: what must be text is none.
        """
        object.__setattr__(self, "path", Path(self.path))
        for name in ("id", "speaker", "digit", "transcript"):
            text = getattr(self, name)
            if text is not None or name in ("id", "speaker"):
                self._check_text(name, text)
                object.__setattr__(self, name, text if text.isascii() else composed(text))
        for name, text in self.extra.items():
            self._check_text(name, text)
        if not all(text.isascii() for pair in self.extra.items() for text in pair):
            extra = {composed(name): composed(text) for name, text in self.extra.items()}
            object.__setattr__(self, "extra", extra)

    def _check_text(self, name: str, text: Any) -> None:
        if not isinstance(text, str):
            raise SpeechLRPError(
                f"recording {self.id!r}: its {name} is {text!r}; it must be text, such as "
                f"{str(text)!r}"
            )

    def label(self, task: str) -> str | None:
        """Return the label for a task, or None where it is not known.

        The task is ``"gender"``, ``"digit"``, ``"speaker"`` or a name in `extra`.
        """
        if task in ("gender", "digit", "speaker"):
            return getattr(self, task)
        return self.extra.get(composed(task))


def checked(name: str, read: Any) -> list[Recording]:
    """What the reader of a user's own corpus, called `name`, gives.

    Raises:
        SpeechLRPError: it is no list of recordings, or two have one id.
    """
    wanted = "it must give a list of speechlrp.corpora.Recording"
    if not isinstance(read, Iterable) or isinstance(read, str | Mapping):
        raise SpeechLRPError(f"corpus {name} gives {type(read).__name__}; {wanted}")
    recordings = list(read)
    if not recordings:
        raise SpeechLRPError(f"corpus {name} gives no recordings; look at dataset.root")
    ids = set()
    for one in recordings:
        if not isinstance(one, Recording):
            raise SpeechLRPError(f"corpus {name} gives a list of {type(one).__name__}; {wanted}")
        if one.id in ids:
            raise SpeechLRPError(f"corpus {name} gives two recordings of the id {one.id!r}")
        ids.add(one.id)
    return recordings


def tasks(recordings: Iterable[Recording]) -> list[str]:
    """Name the labels that at least one of the recordings has, in alphabetical order."""
    names: set[str] = set()
    for recording in recordings:
        names.update(recording.extra)
        names.update(t for t in ("gender", "digit", "speaker") if recording.label(t))
    return sorted(names)


def gender(text: str, where: str) -> str | None:
    """Turn a corpus's word for a speaker's sex into ours.

    Words are ``m``, ``f``, ``male``, ``female`` in any case; empty or ``unknown`` gives None.

    Raises:
        SpeechLRPError: it is something else.
    """
    if not text.strip():
        return None
    try:
        return _GENDERS[text.strip().lower()]
    except KeyError:
        raise SpeechLRPError(
            f"unknown gender {text.strip()[:40]!r} in {where}; known: male, female, m, f; leave it "
            "empty where it is none of these, or give the label another name than gender"
        ) from None


def describe(known: dict[str, Any], name: str, what: Any, where: Path) -> None:
    """Note what a table says of a speaker or a recording.

    Raises:
        SpeechLRPError: something else is noted already.
    """
    if known.setdefault(name, what) != what:
        one, other = (str(words)[:LONGEST] for words in (what, known[name]))
        raise SpeechLRPError(
            f"{where} describes {name!r} as {one}, but there is {other} as well: take out one of "
            "the lines"
        )


def need_folder(path: Path, corpus: str, mend: str) -> Path:
    """Return `path`, or say that the corpus is not there and how to get it.

    Raises:
        SpeechLRPError: `path` is not a folder.
    """
    if not path.is_dir():
        raise SpeechLRPError(f"no {corpus} in {path}: {mend}")
    return path


def pick_speakers(
    asked: Sequence[str | int] | None, known: Iterable[str], where: str | Path
) -> list[str]:
    """Choose the speakers that were asked for; all of them where None was.

    Raises:
        SpeechLRPError: one of them is not there; says which are.
    """
    known = sorted(set(known))
    if asked is None:
        return known
    wanted = [composed(str(speaker)) for speaker in asked]
    missing = [speaker for speaker in wanted if speaker not in known]
    if missing:
        close = difflib.get_close_matches(missing[0], known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise SpeechLRPError(
            f"no recordings of speaker {some(missing)} in {where}; known: {some(known, 60)}{hint}"
        )
    return sorted(set(wanted))


def some(names: Sequence[str], most: int = 8) -> str:
    """Join names with commas, in one line; of many, the first few and how many more there are."""
    shown = ", ".join(" ".join(str(n).split())[:LONGEST] for n in names[:most])
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
