"""Ways to damage a file: by its bytes, by its structure, and by putting something else there."""

from __future__ import annotations

import copy
import io
import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Mutation = Callable[[Path, random.Random], None]
ODD = (
    *(None, True, -1, 0, 3, 0.5, 10**9, 10**30, float("nan"), float("inf"), "", "x", "1e999"),
    *([], {}, [1], {"a": 1}, [[]], "\0", "\ud800", "../x", "9" * 400, 2**63),
)
WORDS = (
    *("nan", "NA", "inf", "-1", "1e999", "9" * 400, "9" * 5000 + "x", "", "\0", '"', "'", "\ufeff"),
    *(
        "<exists>",
        "\u2028",
        "0x10",
        "1_000",
        "²",
        "-",
        "a\tb",
        "|",
        "../../x",
        "\r",
        "é",
        "e\u0301",
    ),
)
PAGE = b"<!DOCTYPE html><html><title>404 Not Found</title></html>\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 123456\n"


def flip(path: Path, draw: random.Random) -> None:
    """Bits that fell over."""
    content = bytearray(path.read_bytes())
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def cut(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content))])


def splice(path: Path, draw: random.Random) -> None:
    """A piece left out, doubled, zeroed, or replaced by noise."""
    content = path.read_bytes()
    start = draw.randrange(len(content))
    end = min(len(content), start + draw.choice((1, 4, 16, 256, 4096)))
    piece = content[start:end]
    instead = draw.choice((b"", piece * 2, bytes(len(piece)), draw.randbytes(len(piece))))
    path.write_bytes(content[:start] + instead + content[end:])


def number(path: Path, draw: random.Random) -> None:
    """Four or eight bytes in a row as an extreme number, near the beginning, where headers are."""
    content = bytearray(path.read_bytes())
    value = draw.choice((0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 2**40))
    start, order = draw.randrange(min(len(content), 512)), draw.choice(("big", "little"))
    size = 8 if value >= 2**32 else 4
    content[start : start + size] = value.to_bytes(size, order)
    path.write_bytes(content)


def instead(path: Path, draw: random.Random) -> None:
    """Another thing in the file's place."""
    path.unlink()
    choices: list[Any] = [b"", PAGE, POINTER, bytes(4096), b"[" * 100_000, b'{"a":' * 100_000]
    choices += [b"\x80\x02.", b"%PDF-1.7", b"\x1f\x8b\x08", b"PK\x03\x04", b"9" * 5000, b"\xff\xfe"]
    choices += ["fifo", "folder", "zero", "loop", "gone"]
    other = draw.choice(choices)
    if isinstance(other, bytes):
        path.write_bytes(other)
    elif other == "fifo":
        os.mkfifo(path)
    elif other == "folder":
        path.mkdir()
    elif other != "gone":
        path.symlink_to("/dev/zero" if other == "zero" else path)


def words(path: Path, draw: random.Random) -> None:
    """A word, number or sign of a text replaced, or a line left out, doubled or moved."""
    text = path.read_bytes().decode("latin-1")
    lines = text.split("\n")
    if draw.random() < 0.3:
        place = draw.randrange(len(lines))
        line = lines.pop(place)
        for _ in range(draw.randrange(3)):
            lines.insert(draw.randrange(len(lines) + 1), line)
        text = "\n".join(lines)
    else:
        places = list(re.finditer(r"[^\s,;|\t]+|[,;|\t]", text)) or [re.match("", text)]
        for match in sorted(draw.sample(places, min(len(places), draw.choice((1, 1, 2)))), key=str):
            assert match is not None
            word = draw.choice(WORDS).encode("utf-8", "surrogatepass").decode("latin-1")
            text = text[: match.start()] + word + text[match.end() :]
    path.write_bytes(text.encode("latin-1"))


def changed(value: Any, draw: random.Random) -> Any:
    """JSON in which one node is another, is gone, is doubled, or has another name."""
    value = copy.deepcopy(value)
    nodes: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            nodes.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    if not isinstance(value, dict | list) or draw.random() < 0.03:
        return draw.choice(ODD)
    walk(value)
    for node, key in draw.sample(nodes, min(len(nodes), draw.choice((1, 1, 2)))):
        if isinstance(node, list):
            node[key] = draw.choice(ODD)
        elif key in node:
            kept = node.pop(key)
            how = draw.randrange(4)
            if how == 0:
                node[f"{key}x"] = kept
            elif how > 1:
                node[key] = draw.choice(ODD)
    return value


def tree(path: Path, draw: random.Random) -> None:
    """JSON, or JSON lines, with another node."""
    lines = path.read_text("utf-8").splitlines()
    if path.suffix == ".jsonl":
        place = draw.randrange(len(lines))
        lines[place] = _dumped(changed(json.loads(lines[place]), draw))
        path.write_text("\n".join(lines), "utf-8", "surrogatepass")
    else:
        value = changed(json.loads("\n".join(lines)), draw)
        path.write_text(_dumped(value), "utf-8", "surrogatepass")


def _dumped(value: Any) -> str:
    return json.dumps(value)


def hdf5(path: Path, draw: random.Random) -> None:
    """An object or attribute of an HDF5 file gone, foreign, of another shape, or elsewhere."""
    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        owner = file if draw.random() < 0.2 else file[draw.choice(names)]
        if len(owner.attrs) and draw.random() < 0.4:
            _attribute(owner, draw)
        else:
            _object(file, draw.choice(names), path, draw)


def _attribute(owner: Any, draw: random.Random) -> None:
    name = draw.choice(list(owner.attrs))
    kept = owner.attrs[name]
    del owner.attrs[name]
    how = draw.randrange(5)
    if how == 0:
        return
    if how == 1 and isinstance(kept, str):
        try:
            kept = _dumped(changed(json.loads(kept), draw)).replace("\0", "")
        except ValueError:
            kept += "x"
        owner.attrs[name] = kept
    elif how == 2:
        owner.attrs[name] = h5py.Empty("f")
    else:
        odd = draw.choice((3, -1.5, np.zeros(3), "", "x", "[", "[" * 5000, "null", b"\xff", np.nan))
        owner.attrs[name] = odd


def _object(file: h5py.File, name: str, path: Path, draw: random.Random) -> None:
    kept = file[name]
    how, beside = draw.randrange(8), path.with_name("beside.h5")
    if how == 7 and isinstance(kept, h5py.Dataset) and kept.size:
        values = kept[...]
        odd = (-1, 10**9, np.nan, np.inf, 0) if kept.dtype.kind in "fiu" else ("", "x", "9" * 400)
        with np.errstate(all="ignore"):
            value = draw.choice(odd)
            if kept.dtype.kind in "iu":
                value = np.array(0 if value != value or abs(value) > 2**62 else value)
                value = value.astype(kept.dtype)
            values.reshape(-1)[draw.randrange(values.size)] = value
        kept[...] = values
        return
    shape = kept.shape if isinstance(kept, h5py.Dataset) else (2,)
    if how in (1, 2):
        with h5py.File(beside, "w") as other:
            other["x"] = np.zeros(shape, "f4")
    del file[name]
    if how == 1:
        file[name] = h5py.ExternalLink(str(beside), "/x")
    elif how == 2 and shape:
        layout = h5py.VirtualLayout(shape, "f4")
        layout[...] = h5py.VirtualSource(str(beside), "x", shape)
        file.create_virtual_dataset(name, layout)
    elif how == 3:
        external = [("/dev/zero", 0, h5py.h5f.UNLIMITED)]
        file.create_dataset(name, shape, "f4", external=external if shape else None)
    elif how == 4:
        file[name] = h5py.SoftLink(draw.choice(("/nowhere", f"/{name}", "/table")))
    elif how == 5:
        odd = ((), (0,), (3,), (2, 2), (1, 1, 1, 1), (10**6, 10**6))
        file.create_dataset(name, draw.choice(odd), draw.choice(("f4", "i8", "S3", "u1")))
    elif how == 6:
        file.create_group(name)


def npz(path: Path, draw: random.Random) -> None:
    """An archive of arrays, one of them gone or another."""
    with np.load(path) as held:
        arrays = dict(held)
    name = draw.choice(list(arrays))
    kept = arrays.pop(name)
    how = draw.randrange(4)
    if how == 1:
        arrays[name] = np.zeros(draw.choice(((), (0,), (7,), (2, 2))))
    elif how == 2:
        arrays[f"{name}x"] = kept
    elif how == 3:
        arrays[name] = np.array(["x", None], dtype=object)
    content = io.BytesIO()
    np.savez(content, **arrays)
    path.write_bytes(content.getvalue())


BYTES = (flip, cut, splice, number, instead)
TEXT = (words, words, cut, splice, instead)
