"""The lists that VoxCeleb is published with: the identification split, and trials."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from speechlrp.corpora.recording import read_text
from speechlrp.errors import SpeechLRPError

SUBSETS = {"1": "train", "2": "validate", "3": "test"}
MEND = "get it from https://www.robots.ox.ac.uk/~vgg/data/voxceleb/"


@dataclass(frozen=True)
class Trial:
    """Two recordings to compare.

    Attributes:
        same: whether one speaker says both.
        first: id of a recording, as ``voxceleb`` has it.
        second: the other's.
    """

    same: bool
    first: str
    second: str


def identification(path: Path) -> dict[str, str]:
    """Read ``iden_split.txt``: lines ``1|2|3 path``, for training, validation and test.

    Returns:
        The subset of each recording, by its id.

    Raises:
        SpeechLRPError: the file is missing or empty, a line reads otherwise, or a
            recording is in two subsets.
    """
    split: dict[str, str] = {}
    for number, (subset, name) in _lines(path, 2, SUBSETS):
        key = _id(name)
        if split.setdefault(key, SUBSETS[subset]) != SUBSETS[subset]:
            raise SpeechLRPError(
                f"{path}, line {number}: {key} is in {split[key]} and in {SUBSETS[subset]}"
            )
    return split


def trials(path: Path) -> list[Trial]:
    """Read ``veri_test.txt``: lines ``1|0 path path``, 1 where one speaker says both.

    Raises:
        SpeechLRPError: the file is missing or empty, or a line reads otherwise.
    """
    return [
        Trial(same == "1", _id(first), _id(second))
        for _, (same, first, second) in _lines(path, 3, ("0", "1"))
    ]


def _id(name: str) -> str:
    """``id10001/video/00001`` of a path, whatever its suffix and the folders before it."""
    return "/".join(PurePosixPath(name).with_suffix("").parts[-3:])


def _lines(path: Path, columns: int, marks) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and cells of each line that is not blank."""
    found = 0
    for number, line in enumerate(read_text(path, "list of recordings", MEND).splitlines(), 1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != columns or cells[0] not in marks:
            raise SpeechLRPError(
                f"{path}, line {number}: expected {'|'.join(marks)} and {columns - 1} path(s), "
                f"found {line.strip()!r}"
            )
        found += 1
        yield number, cells
    if not found:
        raise SpeechLRPError(f"{path} holds no line; {MEND}")
