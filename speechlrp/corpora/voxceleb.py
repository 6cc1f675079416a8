"""VoxCeleb 1 and 2 (Nagrani et al. 2017, Chung et al. 2018), and corpora in their layout."""

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from speechlrp.corpora.gathering import Gathering, files, folders, is_audio
from speechlrp.corpora.recording import (
    Recording,
    describe,
    gender,
    need_folder,
    pick_speakers,
    some,
)
from speechlrp.corpora.text import read_rows
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
    or ``test/`` before it are as good, and so are other suffixes of ``gathering.AUDIO``.
    Where one utterance is there twice, converted and not, the better is taken. Only the
    files that are there are read. The id is
    ``<speaker>/<video>/<number>``; `extra` holds ``video`` and what the table of
    speakers says (``nationality``, ``set``).

    `root` is the folder that holds ``vox1_meta.csv`` and/or ``vox2_meta.csv``; speakers are such as
    ``["id10001"]``.

    Raises:
        SpeechLRPError: no corpus, no table of speakers, a speaker who is not in it, or
            an unknown speaker.
    """
    root = need_folder(Path(root), "VoxCeleb", MEND.format(root=root))
    mend = MEND.format(root=root)
    metadata = _tables(root, mend)
    bases = [root / place for place in PLACES if (root / place).is_dir()]
    there = {base: set(folders(base)) for base in bases}
    chosen = pick_speakers(speakers, set().union(*there.values()), root) if bases else []
    gathering = Gathering("VoxCeleb", root)
    for folder in (root, *bases):
        gathering.add_odd_files(folder)
    for base in bases:
        for speaker in (s for s in chosen if s in there[base]):
            _read_speaker(base, speaker, metadata, gathering)
    return gathering.finish(mend)


def refuse_download(root: Path, **_: object) -> NoReturn:
    """Say what to get and where to put it: VoxCeleb cannot be downloaded without permission.

    Raises:
        SpeechLRPError: always.
    """
    raise SpeechLRPError(MEND.format(root=Path(root) / "voxceleb"))


def _read_speaker(base: Path, speaker: str, metadata: dict, gathering: Gathering) -> None:
    """Gather the recordings in one speaker's folder."""
    if speaker not in metadata:
        raise SpeechLRPError(
            f"speaker {speaker} has recordings in {base}, but no line in "
            f"{' or '.join(METAS)}; add one, or choose others with `speakers`"
        )
    sex, extra = metadata[speaker]
    gathering.add_odd_files(base / speaker)
    for video in folders(base / speaker):
        folder = base / speaker / video
        known = {**extra, "video": video}
        gathering.add_odd_folders(folder)
        for name in filter(is_audio, files(folder)):
            key = f"{speaker}/{video}/{name.rpartition('.')[0]}"
            gathering.add(Recording(key, folder / name, speaker, gender=sex, extra=known))


def _tables(root: Path, mend: str) -> dict[str, tuple[str | None, dict[str, str]]]:
    """Read the tables of speakers that are there: speaker -> (gender, the rest)."""
    paths = [root / name for name in METAS if (root / name).is_file()]
    if not paths:
        raise SpeechLRPError(f"neither {METAS[0]} nor {METAS[1]} is in {root}: {mend}")
    metadata: dict[str, tuple[str | None, dict[str, str]]] = {}
    for path in paths:
        _read_table(path, mend, metadata)
    return metadata


def _read_table(path: Path, mend: str, metadata: dict) -> None:
    """Read one table of speakers: a CSV whose cells tabs (VoxCeleb1) or commas (2) separate."""
    rows = read_rows(path, "table of speakers", mend, marks="\t,")
    _, names = next(rows, (1, []))
    names = [name.lower() for name in names]
    if "gender" not in names or names.index("gender") == 0:
        columns = some(names, 20)
        raise SpeechLRPError(f"{path} has no column Gender after the speaker's; found: {columns}")
    for number, cells in rows:
        if len(cells) < len(names) or any(cells[len(names) :]):
            raise SpeechLRPError(f"{path}, row {number}: {len(cells)} of {len(names)} columns")
        row = dict(zip(names, cells, strict=False))
        extra = {k: row[k] for k in ("nationality", "set") if row.get(k)}
        sex, known = gender(row["gender"], f"{path}, row {number}"), metadata.get(cells[0])
        describe({cells[0]: known[0]} if known else {}, cells[0], sex, path)
        metadata[cells[0]] = (sex, extra)
