"""A user's own recordings, listed in a CSV file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from speechlrp.corpora.labels import labelled
from speechlrp.corpora.places import place
from speechlrp.corpora.recording import Recording, need_folder, pick_speakers, some
from speechlrp.corpora.text import read_rows
from speechlrp.corpora.twins import without_twins
from speechlrp.errors import SpeechLRPError

MEND = "list your recordings in a CSV file with the columns path, speaker and any labels"
_OWN = ("id", "path", "speaker", "transcript")


def manifest(
    root: Path, *, file: str = "manifest.csv", speakers: Sequence[str] | None = None
) -> list[Recording]:
    """Read the recordings that a CSV file lists.

    The first row names the columns. ``path`` and ``speaker`` must be there; ``id``,
    ``gender`` (male, female, m, f), ``digit`` and ``transcript`` are understood; any
    other column is a label of that name, in `extra`. An empty cell is an unknown label.
    Columns are separated by commas, tabs or semicolons. Paths are relative to the CSV
    file's folder, or else to where one stands. The id is the path as written, unless there is
    a column ``id``. A recording that is listed twice is taken once, see `twins`.

    Args:
        root: the folder of the CSV file.
        file: the CSV file, relative to `root`, or else to where one stands (or absolute).
        speakers: take only these.

    Raises:
        SpeechLRPError: no such file, a column is missing, a row is broken or there twice,
            a recording is not there or contradicts another, or an unknown speaker.
    """
    path = place(file, Path(root))
    need_folder(path.parent, "folder of recordings", MEND)
    recordings = [_recording(path, number, row) for number, row in _rows(path)]
    _check_unique(recordings, path)
    chosen = set(pick_speakers(speakers, {r.speaker for r in recordings}, path))
    recordings = [r for r in recordings if r.speaker in chosen]
    if not recordings:
        raise SpeechLRPError(f"no recordings of a manifest in {path}: {MEND}")
    return sorted(without_twins(recordings, path), key=lambda r: r.id)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, column -> cell) for every row that is not blank."""
    rows = read_rows(path, "the list of recordings", MEND)
    _, names = next(rows, (1, []))
    for needed in ("path", "speaker"):
        if needed not in names:
            raise SpeechLRPError(f"{path} has no column {needed!r}; found: {some(names, 20)}")
    if len(set(names)) < len(names) or "" in names:
        raise SpeechLRPError(f"{path}: a column's name is empty or there twice: {some(names, 20)}")
    for number, cells in rows:
        if len(cells) != len(names):
            raise SpeechLRPError(
                f"{path}, line {number}: {len(cells)} cells for {len(names)} columns"
            )
        yield number, dict(zip(names, cells, strict=True))


def _recording(path: Path, number: int, row: dict[str, str]) -> Recording:
    """Make the record of one row."""
    where = f"{path}, line {number}"
    for needed in ("path", "speaker"):
        if not row[needed]:
            raise SpeechLRPError(f"{where}: {needed} is empty")
    bare = Recording(
        id=row.get("id") or row["path"],
        path=place(row["path"], path.parent),
        speaker=row["speaker"],
        transcript=row.get("transcript") or None,
    )
    return labelled(bare, {name: cell for name, cell in row.items() if name not in _OWN}, where)


def _check_unique(recordings: Sequence[Recording], path: Path) -> None:
    seen = set()
    for recording in recordings:
        if recording.id in seen:
            raise SpeechLRPError(f"{path} lists {recording.id!r} twice; ids must differ")
        seen.add(recording.id)
