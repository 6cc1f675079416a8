"""Where a synthesised corpus lies on disk: whole files, what is done, the tables."""

from __future__ import annotations

import csv
import io
import json
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import soundfile
from joblib import Parallel, delayed

from speechlrp.artifacts.atomic import need_space, sweep, write_bytes
from speechlrp.corpora.synthetic.layouts import Utterance
from speechlrp.corpora.synthetic.render import Rendered
from speechlrp.errors import SpeechLRPError

_OWN = ".synthetic"  # a folder in the corpus's root: the settings, and what is done
SURE = 0.9  # share of the space that is estimated, below which a disk is too small
BLOCK = 50  # recordings: the unit of work, and of what a rerun keeps
Progress = Callable[[int, int], None]


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, and its folders; leave it alone if it holds just that."""
    if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
        return
    write_bytes(path, data)


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
    """A corpus's folder while it is being made."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self._settings = self.root / _OWN / "settings.json"

    def begin(self, settings: Mapping[str, object], files: Sequence[str], *, force: bool) -> None:
        """Take the folder for these settings, or find it taken for them.

        All of the content follows from the settings; `files`, below the root, is all that will be
        made. `force` removes what was made with others.

        Raises:
            SpeechLRPError: the folder holds something else, or was made with other
                settings and `force` is off.
        """
        settings = json.loads(json.dumps(settings))
        if self._settings.is_file():
            before, made = self._before()
            if before == settings:
                return
            if not force:
                self._refuse(before, settings)
            self._remove(made)
        elif self.root.is_dir() and any(self.root.iterdir()):
            raise SpeechLRPError(
                f"{self.root} holds files that `speechlrp synth` did not make; "
                "name an empty or a new folder"
            )
        note = {"settings": settings, "files": list(files)}
        write(self._settings, json.dumps(note, indent=1).encode())

    def _before(self) -> tuple[dict, list[str]]:
        """Return the settings and the files of what is there."""
        try:
            note = json.loads(self._settings.read_text("utf-8"))
            files = [str(name) for name in note["files"]]
            if any(Path(name).is_absolute() or ".." in Path(name).parts for name in files):
                raise ValueError("files elsewhere, which are none of ours to remove")
            return dict(note["settings"]), files
        except (ValueError, KeyError, TypeError, RecursionError):
            raise SpeechLRPError(
                f"{self._settings} is not as `speechlrp synth` wrote it; name another folder"
            ) from None

    def _refuse(self, before: Mapping[str, object], settings: Mapping[str, object]) -> None:
        names = sorted(k for k in {*before, *settings} if before.get(k) != settings.get(k))
        changes = ", ".join(f"{k}: {before.get(k)} -> {settings.get(k)}" for k in names)
        raise SpeechLRPError(
            f"{self.root} was synthesised with other settings ({changes}); "
            "name another folder, or add --force to replace it"
        )

    def _remove(self, made: Sequence[str]) -> None:
        """Remove what was made, half-written files and empty folders; nothing else."""
        for part in (self.root / _OWN / "parts").glob("*.json"):
            part.unlink()
        sweep(self.root)
        paths = [self.root / path for path in made]
        for path in paths:
            path.unlink(missing_ok=True)
        for folder in sorted({path.parent for path in paths}, reverse=True):
            while folder != self.root and folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
                folder = folder.parent

    def _part(self, block: int) -> Path:
        return self.root / _OWN / "parts" / f"{block:06d}.json"

    def save(self, utterance: Utterance, rendered: Rendered) -> dict[str, Any]:
        """Write one recording; return its entry."""
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

    def make(
        self,
        plan: Sequence[Any],
        one: Callable[[Store, Any], dict[str, Any]],
        workers: int,
        progress: Progress | None,
    ) -> tuple[list[dict[str, Any]], int]:
        """Make what is not there yet; return the entries in the plan's order, and how many are new.

        The function `one` makes one of them in one of the processes, and gives its entry;
        `progress` is called with the number of recordings done and of all.
        """
        blocks = {k: plan[k : k + BLOCK] for k in range(0, len(plan), BLOCK)}
        entries = {k: saved for k in blocks if (saved := self.done(k)) is not None}
        missing = [k for k in blocks if k not in entries]
        done = len(plan) - sum(len(blocks[k]) for k in missing)
        written = len(plan) - done
        if progress:
            progress(done, len(plan))
        first = {k: len(plan) - done for k in missing[:1]}
        tasks = (delayed(self._make_block)(k, blocks[k], one, first.get(k, 0)) for k in missing)
        deaf = {"initializer": signal.signal, "initargs": (signal.SIGINT, signal.SIG_IGN)}
        # A terminal tells Ctrl-C to all of its processes: this one, which ends the others, says so
        helped = Parallel(n_jobs=workers, return_as="generator_unordered", **deaf)
        for block, made in helped(tasks):
            entries[block] = made
            done += len(made)
            if progress:
                progress(done, len(plan))
        return [entry for k in blocks for entry in entries[k]], written

    def _make_block(
        self,
        block: int,
        plan: Sequence[Any],
        one: Callable[[Store, Any], dict[str, Any]],
        todo: int,
    ) -> tuple[int, list[dict[str, Any]]]:
        """Make a block; the first one says whether all that is to do will fit."""
        entries = [one(self, each) for each in plan]
        each = sum(entry["bytes"] for entry in entries) / len(entries)
        need_space(self.root, SURE * each * (todo - len(entries)), instead="--out FOLDER")
        write(self._part(block), json.dumps(entries, ensure_ascii=False).encode())
        return block, entries

    def done(self, block: int) -> list[dict] | None:
        """Return a block's entries if all its recordings are there, else None."""
        part = self._part(block)
        try:
            entries = json.loads(part.read_text("utf-8"))
            places = [(self.root / entry["path"], entry["bytes"]) for entry in entries]
        except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
            return None
        for path, size in places:
            if not path.is_file() or path.stat().st_size != size:
                return None
        return entries
