"""LibriSpeech (Panayotov et al. 2015), and any corpus in its layout."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from speechlrp.corpora.gathering import Gathering, files, folders
from speechlrp.corpora.recording import Recording, describe, gender, need_folder, pick_speakers
from speechlrp.corpora.text import read_lines
from speechlrp.errors import SpeechLRPError, unknown

MEND = "run `speechlrp download librispeech`"
META = "SPEAKERS.TXT"


def librispeech(
    root: Path,
    *,
    subsets: Sequence[str] | None = None,
    speakers: Sequence[str | int] | None = None,
) -> list[Recording]:
    """Read LibriSpeech in its official layout.

    ``<subset>/<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac`` (or another suffix of
    ``gathering.AUDIO``; of two, the better is taken), beside them
    ``<speaker>-<chapter>.trans.txt``, and ``SPEAKERS.TXT`` at the top. Only the files
    that are there are read; where a transcript is absent, it is None. The id is the
    file's name without suffix; `extra` holds ``subset`` and ``chapter``.

    `root` is the folder that holds ``SPEAKERS.TXT``; of subsets such as ``["train-clean-100"]`` all
    that are there are read by default.

    Raises:
        SpeechLRPError: no corpus, an unknown subset or speaker, or a speaker who is not
            in ``SPEAKERS.TXT`` or is there as man and woman.
    """
    root = need_folder(Path(root), "LibriSpeech", MEND)
    sexes = _sexes(root / META)
    speakers_of = {
        subset: list(filter(str.isdecimal, folders(root / subset)))
        for subset in _subsets(root, subsets)
    }
    chosen = pick_speakers(speakers, {s for names in speakers_of.values() for s in names}, root)
    _check_described(chosen, sexes, root)
    gathering = Gathering("LibriSpeech", root)
    for subset, there in speakers_of.items():
        gathering.add_odd_files(root / subset)
        gathering.add_odd_folders(root / subset, there)
        for speaker in sorted(set(there) & set(chosen)):
            folder = root / subset / speaker
            gathering.add_odd_files(folder)
            for chapter in folders(folder):
                _read_chapter(folder / chapter, subset, speaker, sexes, gathering)
    return gathering.finish(MEND)


def _subsets(root: Path, asked: Sequence[str] | None) -> list[str]:
    """Return the folders to read."""
    there = folders(root)
    if asked is None:
        return there
    for subset in asked:
        if subset not in there:
            raise SpeechLRPError(f"{unknown('subset', subset, there)} In {root}: {MEND}")
    return sorted(set(asked))


def _check_described(chosen: Iterable[str], sexes: Mapping[str, str | None], root: Path) -> None:
    for speaker in chosen:
        if speaker not in sexes:
            raise SpeechLRPError(
                f"speaker {speaker} has recordings in {root}, but no line in {root / META}: "
                f"{MEND}, or choose others with `speakers`"
            )


def _read_chapter(
    folder: Path, subset: str, speaker: str, sexes: Mapping, gathering: Gathering
) -> None:
    """Gather the recordings of one chapter."""
    names = files(folder)
    chapter = folder.name
    words = _transcripts(folder, f"{speaker}-{chapter}.trans.txt", names)
    extra = {"subset": subset, "chapter": chapter}
    gathering.add_odd_folders(folder)
    pattern = rf"(?=[0-9]+-[0-9]+-){speaker}-{re.escape(chapter)}-[0-9]+"
    lost = set(words)
    for path, key, _ in gathering.fitting(folder, names, pattern):
        said = words.get(key)
        lost.discard(key)
        gathering.add(Recording(key, path, speaker, sexes[speaker], transcript=said, extra=extra))
    gathering.lost.extend(sorted(lost))


def _transcripts(folder: Path, named: str, names: Sequence[str]) -> dict[str, str]:
    """Read a chapter's transcripts: id -> words; empty where there is no such file.

    Raises:
        SpeechLRPError: one utterance has two.
    """
    words: dict[str, str] = {}
    for name in (name for name in names if name.lower() == named.lower()):
        for _, line in read_lines(folder / name, "transcripts", MEND):
            key, *said = line.split(maxsplit=1)
            describe(words, key, said[0] if said else "", folder / name)
    return words


def _sexes(path: Path) -> dict[str, str | None]:
    """Read ``SPEAKERS.TXT``: speaker -> gender. Lines that start with ``;`` are comments."""
    sexes: dict[str, str | None] = {}
    for number, line in read_lines(path, "the speakers' sex", MEND):
        if line.startswith(";"):
            continue
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 2:
            raise SpeechLRPError(f"{path}, line {number}: no `|` in {line[:60]!r}; {MEND}")
        describe(sexes, cells[0], gender(cells[1], f"{path}, line {number}"), path)
    return sexes
