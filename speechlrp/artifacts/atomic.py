"""Files that appear whole or not at all."""

import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

import pandas as pd

from speechlrp.errors import SpeechLRPError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; rename it to `path` when all went well.

    After an error, or a kill at any moment, `path` is what it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _clear(path.parent)
    beside = path.with_name(f".{path.name}.{_host()}-{os.getpid()}.partial")
    try:
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(beside, path)
    except OSError as error:
        if error.filename in (None, str(beside)):  # a full disk is told without a name
            error.filename = str(path)
        raise
    finally:
        beside.unlink(missing_ok=True)


@cache  # a folder is looked at once a process: some take thousands of files
def _clear(folder: Path) -> None:
    """Remove what processes of this machine that are gone left half written."""
    for left in folder.glob(f".*.{_host()}-*.partial"):
        try:
            os.kill(int(left.stem.rpartition("-")[2]), 0)  # sends nothing
        except ProcessLookupError:
            left.unlink(missing_ok=True)
        except (ValueError, OverflowError, PermissionError):  # no name of ours; another's process
            continue


@cache
def _host() -> str:
    """This machine, in eight letters: on a shared disk, another one's processes may live."""
    return f"{crc32(socket.gethostname().encode()):08x}"


def sweep(folder: Path) -> None:
    """Remove what killed commands left half written; for whoever works alone in a folder."""
    for path in folder.rglob(".*.partial"):
        if path.is_file():
            path.unlink()


def need_space(folder: Path, size: float, *, instead: str = "paths.outputs=FOLDER") -> None:
    """Check that a disk has room.

    Args:
        folder: on it.
        size: in bytes.
        instead: what names a folder on another disk.

    Raises:
        SpeechLRPError: it has not.
    """
    free = shutil.disk_usage(folder).free
    if size > free:
        raise SpeechLRPError(
            f"{folder} needs about {_size(size)} more, and its disk has {_size(free)} free; make "
            f"room, or name a folder on another disk: {instead}"
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
