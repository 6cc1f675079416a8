"""What a reader of a corpus finds in its folders: recordings, and audio that fits nowhere."""

import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from speechlrp.corpora.recording import Recording, some
from speechlrp.corpora.twins import once
from speechlrp.errors import SpeechLRPError

log = logging.getLogger(__name__)

AUDIO = (
    *(".wav", ".flac", ".w64", ".rf64", ".aiff", ".aif", ".aifc", ".au", ".snd", ".caf"),
    *(".sph", ".nist", ".m4a", ".opus", ".ogg", ".oga", ".mp3", ".aac", ".mp4"),
    *(".voc", ".wv", ".ape", ".shn", ".tta", ".wma", ".amr", ".3gp", ".webm", ".mka"),
)
"""Suffixes that count as audio, in lower case, the best first: what loses nothing, then what is
read with nothing else installed, then what is not read, so that it is said and not passed over."""


def is_audio(name: str) -> bool:
    """Tell by its suffix, in any case, whether a file is audio."""
    return os.path.splitext(name)[1].lower() in AUDIO


def is_hidden(name: str) -> bool:
    """Whether a file or folder is what systems leave, and nobody's recordings."""
    return name.startswith(".") or name == "__MACOSX"


def folders(path: str | Path) -> list[str]:
    """Names of the folders in a folder, sorted; hidden ones are left out."""
    with os.scandir(path) as entries:
        return sorted(e.name for e in entries if not is_hidden(e.name) and _is_folder(e))


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def files(path: str | Path) -> list[str]:
    """Names of what is in a folder and has a suffix, sorted; hidden ones are left out.

    Costs one system call a folder, not one a file.
    """
    return sorted(n for n in os.listdir(path) if not n.startswith(".") and "." in n)


def audio_below(path: Path) -> Iterator[str]:
    """Yield the audio files in a folder and those in it, relative to it; hidden ones are not.

    Links to folders are followed, each folder once, but for those that lead back up.

    Raises:
        OSError: a folder can't be read; its recordings would be passed over in silence.
    """
    seen = set(map(str, Path(os.path.realpath(path)).parents))
    for folder, inner, names in os.walk(path, onerror=_refuse, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            inner.clear()
            continue
        seen.add(real)
        inner[:] = sorted(name for name in inner if not is_hidden(name))
        for name in sorted(names):
            if is_audio(name) and not name.startswith("."):
                yield (Path(folder) / name).relative_to(path).as_posix()


def _refuse(error: OSError) -> None:
    raise error


class Gathering:
    """Recordings, one for each utterance, and the audio files that fit a layout nowhere."""

    def __init__(self, corpus: str, root: Path) -> None:
        self.corpus, self.root = corpus, root
        self.recordings: dict[str, Recording] = {}
        self.odd: list[str] = []
        self.lost: list[str] = []  # what a table says of recordings that are not there
        self._second: list[str] = []
        self._foreign: list[str] = []

    def add(self, recording: Recording) -> None:
        """Take a recording; of two of one id, the one whose file is better."""
        if not _is_text(str(recording.path)):  # could stand in no table
            self._foreign.append(ascii(self._short(recording.path)))
            return
        old = self.recordings.setdefault(recording.id, recording)
        if old is not recording:
            best, other = sorted((old, recording), key=_rank)
            self.recordings[recording.id] = best
            self._second.append(self._short(other.path))

    def fitting(
        self, folder: Path, names: Iterable[str], pattern: str
    ) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
        """Yield file, id and its groups of the audio whose id fits a pattern; count the rest."""
        for name in names:
            key = name.rpartition(".")[0]
            match = re.fullmatch(pattern, key)
            if is_audio(name) and match:
                yield folder / name, key, match.groups()
            else:
                self.add_odd(folder / name)

    def add_odd(self, path: Path) -> None:
        """Count a file that does not fit; one that is not audio is nobody's business."""
        if is_audio(path.name):
            self.odd.append(self._short(path))

    def add_odd_files(self, folder: Path) -> None:
        """Count the audio files in a folder that should have none."""
        for name in files(folder):
            self.add_odd(folder / name)

    def add_odd_folders(self, folder: Path, known: Collection[str] = ()) -> None:
        """Count the audio files below the folders in a folder, but for those that are known."""
        for inner in set(folders(folder)) - set(known):
            below = audio_below(folder / inner)
            self.odd.extend(self._short(folder / inner / name) for name in below)

    def finish(self, mend: str) -> list[Recording]:
        """Sort the recordings by id, each file once, and say once what was left out.

        Raises:
            SpeechLRPError: there are no recordings, or one file is of two speakers.
        """
        if not self.recordings:
            odd = self.odd or self._foreign
            why = "do not fit its layout" if self.odd else "have names that are not UTF-8"
            seen = f" ({len(odd)} audio files {why}, such as {min(odd)})" if odd else ""
            raise SpeechLRPError(f"no recordings of {self.corpus} in {self.root}{seen}: {mend}")
        for names, what in (
            (sorted(self.odd), "left out %d audio files that do not fit the layout"),
            (self._foreign, "left out %d audio files whose names are not UTF-8; rename them"),
            (self._second, "%d recordings are there in a second file, which is not used"),
            (self.lost, "%d transcripts are of recordings that are not there"),
        ):
            if names:
                log.warning(f"%s: {what}: %s", self.corpus, len(names), some(names))
        return once([self.recordings[key] for key in sorted(self.recordings)], self.root)

    def _short(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _is_text(name: str) -> bool:
    """Whether a name is UTF-8; Python has bytes that are none as halves of characters."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _rank(recording: Recording) -> tuple[bool, int]:
    """What holds something is better than what is empty, and then the suffix decides."""
    try:
        holds_nothing = recording.path.stat().st_size == 0
    except OSError:  # a link to nothing
        holds_nothing = True
    return holds_nothing, AUDIO.index(recording.path.suffix.lower())
