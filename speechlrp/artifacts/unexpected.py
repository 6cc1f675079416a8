"""Files that are not what their reader expects: JSON that is none, and what a file is instead."""

import json
from pathlib import Path
from typing import Any

HEAD = 512
"""Bytes at a file's beginning that tell what it is."""
SIGNS = (
    (b"version https://git-lfs", "a Git-LFS pointer in place of the file: run `git lfs pull`"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"PK\x03\x04\x14\x00\x06\x00", "a workbook of Excel or another office document"),
    (b"PK\x03\x04", "a ZIP archive, such as a pickle of torch.save or a workbook of Excel"),
    (b"\xd0\xcf\x11\xe0", "a workbook of Excel or another office document"),
    (b"PAR1", "a table of Parquet"),
    (b"\x1f\x8b", "compressed by gzip: unpack it"),
    (b"%PDF", "a PDF"),
    *((bytes([0x80, protocol]), "a pickle") for protocol in range(2, 6)),
)
PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")


def kind(path: Path) -> str:
    """Say what a file is that could not be read, in words that follow "it is".

    Ask only then: a file of another format may begin with these bytes by chance.

    Returns:
        '' where nothing tells.

    Raises:
        OSError: it cannot be read.
    """
    if not path.is_file():
        return "no regular file"
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        return "empty"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(PAGES):
        return "an HTML page, such as a download that failed leaves"
    if not head.strip(b"\0"):
        return "zeros, such as a disk leaves that was full or cut off"
    return next((words for sign, words in SIGNS if head.startswith(sign)), "")


def parse_json(text: str | bytes) -> Any:
    """Parse JSON as `json.loads` does, which takes the last of what is there twice.

    Raises:
        ValueError: it is none, has a key twice, or is nested more deeply than anything written
            here.
    """
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        raise ValueError(f"it is not JSON: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} is there twice")
    return mapping


def read_json(path: Path) -> Any:
    """Read a JSON file in UTF-8.

    Raises:
        ValueError: it is none; in words of one line.
        OSError: it cannot be read.
    """
    if not path.is_file():  # a pipe would be waited for
        raise ValueError(f"it is {kind(path)}")
    try:
        return parse_json(path.read_bytes())
    except ValueError as error:
        instead = kind(path)
        raise ValueError(f"it is {instead}" if instead else str(error)) from error
