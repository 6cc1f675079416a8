"""VoxCeleb 1 and 2 (Nagrani et al. 2017, Chung et al. 2018), and corpora in their layout."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from speechlrp.corpora.recording import (
    AUDIO,
    Recording,
    files,
    finish,
    folders,
    gender,
    need_folder,
    pick_speakers,
    read_text,
)
from speechlrp.errors import SpeechLRPError

METAS = ("vox1_meta.csv", "vox2_meta.csv")
#: Where the speakers' folders may lie, as the archives are usually unpacked.
PLACES = tuple(f"{part}{kind}" for part in ("", "dev/", "test/") for kind in ("wav", "aac", "flac"))
MEND = (
    "VoxCeleb needs its owners' permission: ask for it on "
    "https://www.robots.ox.ac.uk/~vgg/data/voxceleb/, get the audio of VoxCeleb1 (wav) or "
    "VoxCeleb2 (aac) with vox1_meta.csv or vox2_meta.csv, and put them as "
    "{root}/wav/id10001/<video>/00001.wav (VoxCeleb2: {root}/dev/aac/id00012/<video>/00001.m4a) "
    "and {root}/vox1_meta.csv (or vox2_meta.csv)"
)


def voxceleb(root: Path, *, speakers: Sequence[str] | None = None) -> list[Recording]:
    """Read VoxCeleb1, VoxCeleb2 or both.

    ``wav/<speaker>/<video>/<number>.wav``; ``aac`` or ``flac`` for ``wav`` and ``dev/``
    or ``test/`` before it are as good, and so are ``.flac`` and ``.m4a`` files. Where
    one utterance is there twice, converted and not, ``.wav`` is taken before ``.flac``
    before ``.m4a``. Only the files that are there are read. The id is
    ``<speaker>/<video>/<number>``; `extra` holds ``video`` and what the table of
    speakers says (``nationality``, ``set``).

    Args:
        root: the folder that holds ``vox1_meta.csv`` and/or ``vox2_meta.csv``.
        speakers: take only these, such as ``["id10001"]``.

    Raises:
        SpeechLRPError: no corpus, no table of speakers, a speaker who is not in it, or
            an unknown speaker.
    """
    root = need_folder(Path(root), "VoxCeleb", MEND.format(root=root))
    mend = MEND.format(root=root)
    about = _tables(root, mend)
    bases = [root / place for place in PLACES if (root / place).is_dir()]
    there = {base: set(folders(base)) for base in bases}
    chosen = pick_speakers(speakers, set().union(*there.values()), root) if bases else []
    recordings, odd = {}, []
    for base in bases:
        for speaker in (s for s in chosen if s in there[base]):
            for recording in _read_speaker(base, speaker, about, odd):
                _keep_best(recordings, recording)
    return finish(list(recordings.values()), odd, "VoxCeleb", root, mend)


def refuse_download(root: Path, **_: object) -> NoReturn:
    """Say what to get and where to put it: VoxCeleb cannot be downloaded without permission.

    Raises:
        SpeechLRPError: always.
    """
    raise SpeechLRPError(MEND.format(root=Path(root) / "voxceleb"))


def _read_speaker(base: Path, speaker: str, about: dict, odd: list[str]) -> Iterator[Recording]:
    """Yield the recordings in one speaker's folder."""
    if speaker not in about:
        raise SpeechLRPError(
            f"speaker {speaker} has recordings in {base}, but no line in "
            f"{' or '.join(METAS)}; add one, or choose others with `speakers`"
        )
    sex, extra = about[speaker]
    odd.extend(f"{speaker}/{n}" for n in files(base / speaker) if n.endswith(AUDIO))
    for video in folders(base / speaker):
        folder = base / speaker / video
        known = {**extra, "video": video}
        for name in files(folder):
            stem, suffix = os.path.splitext(name)
            if suffix in AUDIO:
                key = f"{speaker}/{video}/{stem}"
                yield Recording(key, folder / name, speaker, gender=sex, extra=known)


def _keep_best(recordings: dict[str, Recording], new: Recording) -> None:
    """Keep one file an utterance: of two, the one with the suffix that is read more easily."""
    old = recordings.get(new.id)
    if old is None or AUDIO.index(new.path.suffix) < AUDIO.index(old.path.suffix):
        recordings[new.id] = new


def _tables(root: Path, mend: str) -> dict[str, tuple[str | None, dict[str, str]]]:
    """Read the tables of speakers that are there: speaker -> (gender, the rest)."""
    paths = [root / name for name in METAS if (root / name).is_file()]
    if not paths:
        raise SpeechLRPError(f"neither {METAS[0]} nor {METAS[1]} is in {root}: {mend}")
    about = {}
    for path in paths:
        about.update(_table(path, mend))
    return about


def _table(path: Path, mend: str) -> dict[str, tuple[str | None, dict[str, str]]]:
    """Read one table of speakers.

    The published ones are separated by tabs (VoxCeleb1) or commas (VoxCeleb2), with
    spaces around names and values in the latter; all of that is accepted.
    """
    lines = [
        line for line in read_text(path, "table of speakers", mend).splitlines() if line.strip()
    ]
    header = lines[0] if lines else ""
    mark = "\t" if "\t" in header else ","
    names = [name.strip().lower() for name in header.split(mark)]
    if "gender" not in names or names.index("gender") == 0:
        raise SpeechLRPError(f"{path} has no column Gender after the speaker's; found: {header!r}")
    about = {}
    for number, line in enumerate(lines[1:], 2):
        cells = [cell.strip() for cell in line.split(mark)]
        if len(cells) < len(names):
            raise SpeechLRPError(f"{path}, row {number}: {len(cells)} of {len(names)} columns")
        row = dict(zip(names, cells, strict=False))
        extra = {k: row[k] for k in ("nationality", "set") if row.get(k)}
        about[cells[0]] = (gender(row["gender"], f"{path}, row {number}"), extra)
    return about
