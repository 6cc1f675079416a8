"""Where a synthesised corpus lies on disk: whole files, what is done, the tables."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import soundfile

from speechlrp.corpora.synthetic.layouts import Utterance
from speechlrp.corpora.synthetic.render import Rendered
from speechlrp.errors import SpeechLRPError

_OWN = ".synthetic"  # a folder in the corpus's root: the settings, and what is done


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; leave it alone if it holds just that.

    Args:
        path: where; folders are made as needed.
        data: all of it.
    """
    if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(data)
    os.replace(beside, path)


def encode(rendered: Rendered, suffix: str) -> bytes:
    """Encode samples as 16-bit WAV or FLAC, by the file's suffix."""
    buffer = io.BytesIO()
    kind = {".wav": "WAV", ".flac": "FLAC"}[suffix]
    soundfile.write(buffer, rendered.samples, rendered.rate, format=kind, subtype="PCM_16")
    return buffer.getvalue()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Write a CSV table; numbers that are not whole get five decimals."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([f"{cell:.5f}" if isinstance(cell, float) else cell for cell in row])
    return text.getvalue().encode()


class Store:
    """A corpus's folder while it is being made.

    Args:
        root: the corpus's root.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._settings = self.root / _OWN / "settings.json"

    def begin(self, settings: Mapping[str, object], *, force: bool) -> None:
        """Take the folder for these settings, or find it taken for them.

        Args:
            settings: all that the corpus's content follows from.
            force: where it was made with others, remove what was made.

        Raises:
            SpeechLRPError: the folder holds something else, or was made with other
                settings and `force` is off.
        """
        asked = json.dumps(settings, indent=1, sort_keys=True)
        if self._settings.is_file():
            found = self._settings.read_text("utf-8")
            if found != asked:
                self._replace(found, settings, force)
        elif self.root.is_dir() and any(self.root.iterdir()):
            raise SpeechLRPError(
                f"{self.root} holds files that `speechlrp synth` did not make; "
                "name an empty or a new folder"
            )
        write(self._settings, asked.encode())

    def _replace(self, found: str, settings: Mapping[str, object], force: bool) -> None:
        try:
            before = json.loads(found)
        except ValueError:
            before = {}
        names = sorted(k for k in {*before, *settings} if before.get(k) != settings.get(k))
        if not force:
            changes = ", ".join(f"{k}: {before.get(k)} -> {settings.get(k)}" for k in names)
            raise SpeechLRPError(
                f"{self.root} was synthesised with other settings ({changes}); "
                "name another folder, or add --force to replace it"
            )
        self._remove()

    def _remove(self) -> None:
        """Remove what was made: first the parts, so that a kill leaves none without files."""
        made = [path for part in self._parts() for path in self._paths(part)]
        for part in self._parts():
            part.unlink()
        for path in made:
            path.unlink(missing_ok=True)
        for folder in sorted({path.parent for path in made}, reverse=True):
            while folder != self.root and not any(folder.iterdir()):
                folder.rmdir()
                folder = folder.parent

    def _parts(self) -> list[Path]:
        return sorted((self.root / _OWN / "parts").glob("*.json"))

    def _part(self, block: int) -> Path:
        return self.root / _OWN / "parts" / f"{block:06d}.json"

    def _paths(self, part: Path) -> list[Path]:
        return [self.root / row["path"] for row in json.loads(part.read_text("utf-8"))]

    def save(self, utterance: Utterance, rendered: Rendered) -> dict[str, object]:
        """Write one recording; return its entry for `finish`."""
        path = self.root / utterance.path
        data = encode(rendered, path.suffix)
        write(path, data)
        spans = {"phonemes": rendered.phonemes, "words": rendered.words}
        return {
            "id": utterance.id,
            "path": utterance.path,
            "bytes": len(data),
            "seconds": rendered.duration,
        } | {k: [[span.name, span.start, span.end] for span in v] for k, v in spans.items()}

    def finish(self, block: int, entries: list[dict[str, object]]) -> None:
        """Note that a block of recordings is whole."""
        write(self._part(block), json.dumps(entries, ensure_ascii=False).encode())

    def done(self, block: int) -> list[dict] | None:
        """Return a block's entries if all its recordings are there, else None."""
        part = self._part(block)
        if not part.is_file():
            return None
        entries = json.loads(part.read_text("utf-8"))
        for entry in entries:
            path = self.root / entry["path"]
            if not path.is_file() or path.stat().st_size != entry["bytes"]:
                return None
        return entries
