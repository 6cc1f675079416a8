"""Manifests as lhotse writes them: JSON lines of recordings, supervisions, or cuts."""

import gzip
import logging
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from speechlrp.artifacts.unexpected import parse_json
from speechlrp.corpora.labels import labelled, place
from speechlrp.corpora.recording import Recording, need_folder, some
from speechlrp.corpora.twins import of_speakers
from speechlrp.errors import SpeechLRPError

log = logging.getLogger(__name__)
MEND = (
    "give a folder with lhotse's recordings.jsonl.gz and supervisions.jsonl.gz as dataset.root, "
    "or one file of cuts as dataset.file"
)
TOLERANCE_S = 0.05
"""By how much a supervision may be shorter than its recording and yet be of the whole."""
Row = Mapping[str, Any]


def lhotse(
    root: Path, *, file: str | None = None, speakers: Sequence[str] | None = None
) -> list[Recording]:
    """Read recordings with what supervisions say of them as a whole.

    ``speaker``, ``gender`` and ``text`` are understood; ``language`` and what is ``custom`` are
    labels of these names. Parts of recordings, one of several channels, several speakers in
    one, audio that is in no file (commands, addresses, memory) or is to be changed (transforms)
    are left out and counted. The id is the recording's.

    Args:
        root: the folder of ``*recordings*.jsonl`` and ``*supervisions*.jsonl``, with ``.gz`` or
            without; paths in them are relative to it, or to where one stands.
        file: a file of cuts in `root` instead.
        speakers: take only these.

    Raises:
        SpeechLRPError: no such folder or file, lines that are no such JSON, no recording of a
            whole file, or an unknown speaker.
    """
    root = need_folder(Path(root), "folder of lhotse's manifests", MEND)
    pairs = _cuts(place(file, root)) if file else _supervised(root)
    recordings, others = [], []
    for recording, supervisions in pairs:
        made = _recording(recording, supervisions, root)
        if made is None:
            others.append(str(recording.get("id")))
        else:
            recordings.append(made)
    if others:
        what = "%s: left out %d that are not one file of one speaker: %s"
        log.warning(what, root, len(others), some(others))
    if not recordings:
        raise SpeechLRPError(f"no recordings of one file and speaker each in {root}: {MEND}")
    return of_speakers(recordings, speakers, root)


def _supervised(root: Path) -> Iterator[tuple[Row, list[Row]]]:
    """Yield each recording, and the supervisions of it."""
    said = defaultdict(list)
    for path in _files(root, "supervisions"):
        for row in _rows(path):
            said[str(row.get("recording_id"))].append(row)
    for path in _files(root, "recordings"):
        yield from ((row, said.get(str(row.get("id")), [])) for row in _rows(path))


def _cuts(path: Path) -> Iterator[tuple[Row, list[Row]]]:
    """Yield each cut's recording and supervisions; none of them where it is a part."""
    for row in _rows(path):
        recording, supervisions = row.get("recording"), row.get("supervisions")
        if not isinstance(recording, Mapping) or not isinstance(supervisions, list):
            yield {"id": row.get("id")}, []
            continue
        is_whole = _covers(row, recording)
        yield recording, [s for s in supervisions if isinstance(s, Mapping)] if is_whole else []


def _recording(row: Row, supervisions: list[Row], root: Path) -> Recording | None:
    """Make the record of a recording; None where it is not one file that one speaker fills."""
    sources = row.get("sources")
    if len(supervisions) != 1 or not isinstance(sources, list) or len(sources) != 1:
        return None
    source, (said,) = sources[0], supervisions
    if not isinstance(source, Mapping) or source.get("type") != "file" or not _covers(said, row):
        return None
    speaker, path = said.get("speaker"), source.get("source")
    heard = _channels(said, "channel")  # all of them where none is named
    is_changed = row.get("transforms") or (heard and _channels(source, "channels") - heard)
    if speaker in (None, "") or not isinstance(path, str) or is_changed:
        return None
    key, words = str(row.get("id")), said.get("text")
    bare = Recording(key, place(path, root), str(speaker), transcript=str(words) if words else None)
    custom = said.get("custom")
    labels = {**(custom if isinstance(custom, Mapping) else {})}
    labels |= {name: said.get(name) for name in ("gender", "language")}
    plain = {n: str(v) for n, v in labels.items() if isinstance(v, str | int | float | bool)}
    return labelled(bare, plain, f"{root}, {key}")


def _channels(row: Row, name: str) -> set[str]:
    """Those of a source or a supervision, which has a number or a list of them."""
    held = row.get(name, [])
    return set(map(str, held if isinstance(held, list) else [held]))


def _covers(part: Row, whole: Row) -> bool:
    """Whether a part is all of a recording, as their times in s say."""
    times: list[Any] = [part.get("start", 0), part.get("duration"), whole.get("duration")]
    if not all(isinstance(value, int | float) for value in times):
        return False
    start, length, all_of_it = times
    return start <= TOLERANCE_S and start + length >= all_of_it - TOLERANCE_S


def _files(root: Path, what: str) -> list[Path]:
    paths = sorted(
        p for p in root.iterdir() if what in p.name and p.name.endswith((".jsonl", ".jsonl.gz"))
    )
    if not paths:
        raise SpeechLRPError(f"no *{what}*.jsonl or .jsonl.gz in {root}: {MEND}")
    return paths


def _rows(path: Path) -> Iterator[Row]:
    """Yield the objects of a file of JSON lines."""
    if not path.is_file():
        raise SpeechLRPError(f"{path} is missing: {MEND}")
    number = 0
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
            for line in file:
                number += 1
                row = parse_json(line) if line.strip() else {}
                if not isinstance(row, dict):
                    raise ValueError("no object")
                if row:
                    yield row
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise SpeechLRPError(
            f"{path}, line {number}: not lhotse's JSON ({str(error)[:80]}): {MEND}"
        ) from error
