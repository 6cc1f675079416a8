"""A user's own recordings, listed in a CSV file."""

import logging
import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from speechlrp.corpora.gathering import is_audio
from speechlrp.corpora.labels import labelled, place, say_unknown
from speechlrp.corpora.recording import Recording, need_folder, some
from speechlrp.corpora.text import read_rows
from speechlrp.corpora.twins import of_speakers
from speechlrp.errors import SpeechLRPError

MEND = "list your recordings in a CSV file with the columns path, speaker and any labels"
_OWN = ("id", "transcript")
_EDGE = r"start|end|begin|stop|onset|offset|[tx]_?(min|max|start|end)|channel"
_PARTS = re.compile(rf"(frame_|sample_)?({_EDGE})(_?(s|sec|seconds|ms|time|frame|sample))?", re.I)

log = logging.getLogger(__name__)


def manifest(
    root: Path,
    *,
    file: str = "manifest.csv",
    path: str = "path",
    speaker: str | None = "speaker",
    speakers: Sequence[str] | None = None,
) -> list[Recording]:
    """Read the recordings that a CSV file lists.

    The first row names the columns. ``path`` and ``speaker`` must be there; ``id``,
    ``gender`` (male, female, m, f), ``digit`` and ``transcript`` are understood; any
    other column is a label of that name, in `extra`; one without a name is nobody's. An empty
    cell is an unknown label.
    Columns are separated by commas, tabs or semicolons. Paths are relative to the CSV
    file's folder, or else to where one stands. The id is the path as written, unless there is
    a column ``id``. A recording that is listed twice is taken once, see `twins`. Where nobody
    knows who speaks, each recording counts as a speaker of its own.

    Args:
        root: the folder of the CSV file.
        file: the CSV file, relative to `root`, or else to where one stands (or absolute).
        path: the column of the files, where it has another name.
        speaker: the column that says who speaks; None: nobody knows.
        speakers: take only these.

    Raises:
        SpeechLRPError: no such file, a column is missing, a row is broken, two files have one
            id, a recording is not there or contradicts another, or an unknown speaker.
    """
    table = place(file, Path(root))
    need_folder(table.parent, "folder of recordings", MEND)
    needed = [path, *([] if speaker is None else [speaker])]
    rows = _rows(table, needed)
    recordings = [_recording(table, number, row, needed) for number, row in rows]
    if speaker is None:
        say_unknown(len(recordings), table)
    if not recordings:
        raise SpeechLRPError(f"no recordings of a manifest in {table}: {MEND}")
    return of_speakers(recordings, speakers, table)


def columns(path: Path) -> list[str]:
    """The names of a list's columns.

    Raises:
        SpeechLRPError: there is no such file, or it is no table.
    """
    return next(read_rows(path, "the list of recordings", MEND), (1, []))[1]


def audio_column(path: Path) -> str | None:
    """The name of a list's column whose first cell is a file of audio, or None.

    Raises:
        SpeechLRPError: as `columns`; the first row holds such a file, and so no names.
    """
    rows = [cells for _, cells in islice(read_rows(path, "the list of recordings", MEND), 2)]
    if rows and any(map(is_audio, rows[0])):
        raise SpeechLRPError(
            f"{path}: its first row is a recording ({some(rows[0])}); above it must stand the "
            "columns' names, such as path, speaker, emotion"
        )
    cells = zip(*rows, strict=False) if len(rows) > 1 else ()
    return next((name for name, cell in cells if is_audio(cell)), None)


def _rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, column -> cell) for every row that is not blank."""
    rows = read_rows(path, "the list of recordings", MEND)
    _, names = next(rows, (1, []))
    for key, name in zip(("path", "speaker"), needed, strict=False):
        if name not in names:
            raise SpeechLRPError(
                f"{path} has no column {name!r}; found: {some(names, 20)}; another name is said "
                f"with dataset.{key}=COLUMN{', null: nobody knows' * (key == 'speaker')}"
            )
    named = list(filter(None, names))
    if len({unicodedata.normalize("NFC", name) for name in named}) < len(named):
        raise SpeechLRPError(f"{path}: a column's name is there twice: {some(named, 20)}")
    if parts := list(filter(_PARTS.fullmatch, named)):
        what = "%s: recordings are taken whole; what its columns %s say of parts is a label alone"
        log.warning(what, path, some(parts))
    for number, cells in rows:
        if len(cells) < len(names) or any(cells[len(names) :]):
            raise SpeechLRPError(
                f"{path}, line {number}: {len(cells)} cells for {len(names)} columns"
            )
        row = dict(zip(names, cells, strict=False))
        row.pop("", None)  # the index that pandas writes, or a comma at the end of each line
        yield number, row


def _recording(path: Path, number: int, row: dict[str, str], needed: Sequence[str]) -> Recording:
    """Make the record of one row, whose first needed cell is the file, and the last who speaks."""
    where = f"{path}, line {number}"
    for name in needed:
        if not row[name]:
            raise SpeechLRPError(f"{where}: {name} is empty")
    bare = Recording(
        id=row.get("id") or row[needed[0]],
        path=place(row[needed[0]], path.parent),
        speaker=row[needed[-1]],
        transcript=row.get("transcript") or None,
    )
    rest = {name: cell for name, cell in row.items() if name not in (*_OWN, *needed)}
    for name, cell in {needed[-1]: bare.speaker, **rest}.items():
        if any(unicodedata.category(mark) == "Cc" for mark in cell):
            raise SpeechLRPError(
                f"{where}: {name} holds a line break or another control character, "
                f"{cell[:40]!r}; is a quote not closed?"
            )
    return labelled(bare, rest, where)
