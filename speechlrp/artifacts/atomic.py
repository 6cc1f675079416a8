"""Files that appear whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from speechlrp.errors import SpeechLRPError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; rename it to `path` when all went well.

    After an error, or a kill at any moment, `path` is what it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what killed commands left half written; for whoever works alone in a folder."""
    for path in folder.rglob(".*.partial"):
        if path.is_file():
            path.unlink()


def need_space(folder: Path, size: float) -> None:
    """Check that the disk of a folder has room for so many bytes.

    Raises:
        SpeechLRPError: it has not.
    """
    free = shutil.disk_usage(folder).free
    if size > free:
        raise SpeechLRPError(
            f"{folder} needs about {_size(size)} more, and its disk has {_size(free)} free; make "
            "room, or name a folder on another disk: paths.outputs=FOLDER"
        )


def _size(count: float) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole."""
    with whole(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write a binary file, whole."""
    with whole(path) as beside:
        beside.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole and indented; keys keep their order."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, whole, without its index."""
    with whole(path) as beside:
        table.to_csv(beside, index=False)
