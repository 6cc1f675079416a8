"""The lists that VoxCeleb is published with: the identification split, and trials."""

import os
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlrp.corpora.gathering import is_audio
from speechlrp.corpora.text import composed, read_text
from speechlrp.errors import SpeechLRPError

SUBSETS = {"1": "train", "2": "validate", "3": "test"}
MEND = "get it from https://www.robots.ox.ac.uk/~vgg/data/voxceleb/"


@dataclass(frozen=True)
class Trials:
    """Pairs of recordings to compare, ``N`` of them."""

    names: list[str]  # the recordings, each once, as the list writes them
    first: np.ndarray  # number of each pair's first recording, int ``[N]``
    second: np.ndarray  # the other's
    same: np.ndarray  # whether one speaker says both, bool ``[N]``

    def __len__(self) -> int:
        return len(self.same)


def identification(path: Path) -> dict[str, str]:
    """Read ``iden_split.txt``, lines ``1|2|3 path``: the subset of each recording, by its id.

    The numbers are for training, validation and test.

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


def trials(path: Path) -> Trials:
    """Read ``veri_test.txt``: lines ``1|0 path path``, 1 where one speaker says both.

    Tabs can stand for the blanks, where names have blanks of their own.

    Raises:
        SpeechLRPError: the file is missing or empty, a line reads otherwise, or one contradicts
            another.
    """
    numbers: dict[str, int] = {}
    pairs = array("i")
    for _, (same, *names) in _lines(path, 3, ("0", "1")):
        pairs.extend((int(same), *(numbers.setdefault(name, len(numbers)) for name in names)))
    table = np.frombuffer(pairs, dtype=np.int32).reshape(-1, 3)
    listed = Trials(list(numbers), table[:, 1], table[:, 2], table[:, 0] == 1)
    _check_agree(listed, path)
    return listed


def _check_agree(listed: Trials, path: Path) -> None:
    """Refuse a pair that is listed as of one speaker and of two."""
    pairs = np.sort(np.stack([listed.first, listed.second], 1).astype(np.int64), axis=1)
    keys = pairs[:, 0] * len(listed.names) + pairs[:, 1]
    both = np.intersect1d(keys[listed.same], keys[~listed.same])
    if len(both):
        one, other = (listed.names[i] for i in divmod(int(both[0]), len(listed.names)))
        raise SpeechLRPError(
            f"{path} lists {one} and {other} as of one speaker and as of two: take out one of the "
            "lines"
        )


def trial_lines(listed: Trials) -> Iterator[str]:
    """Yield a list's lines as ``trials`` reads them; with tabs, where a name has a blank."""
    mark = "\t" if any(len(name.split()) > 1 for name in listed.names) else " "
    columns = listed.same.astype(int).tolist(), listed.first.tolist(), listed.second.tolist()
    for same, first, second in zip(*columns, strict=True):
        yield f"{same}{mark}{listed.names[first]}{mark}{listed.names[second]}\n"


def meant(names: Iterable[str], ids: Iterable[str]) -> dict[str, str]:
    """The id of each name in a list that means a recording, whatever its suffix and folders.

    A name such as ``wav/id10001/video/00001.wav`` does if it is an id, with its suffix or without,
    or if it ends in the same last three parts, the file and two folders, as one id alone does.
    """
    known, ends = set(ids), {}
    for key in known:
        ends[_id(key)] = None if _id(key) in ends else key
    paths = {}
    for name in names:
        bare = _bare(name)
        one = name if name in known else bare if bare in known else ends.get(_id(name))
        if one is not None:
            paths[name] = one
    return paths


def _bare(name: str) -> str:
    """A name without the suffix of an audio file."""
    return os.path.splitext(name)[0] if is_audio(name) else name


def _id(name: str) -> str:
    """``id10001/video/00001`` of a path, whatever its suffix and the folders before it."""
    return "/".join(_bare(name).split("/")[-3:])


def _lines(path: Path, columns: int, marks) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and cells of each line that is not blank."""
    count = 0
    lines = composed(read_text(path, "list of recordings", MEND)).split("\n")
    for number, line in enumerate(lines, 1):
        cells = line.strip().split("\t") if "\t" in line.strip() else line.split()
        if not cells:
            continue
        if len(cells) != columns or cells[0] not in marks:
            raise SpeechLRPError(
                f"{path}, line {number}: expected {'|'.join(marks)} and {columns - 1} path(s), "
                f"found {line.strip()[:80]!r}"
            )
        count += 1
        yield number, cells
    if not count:
        raise SpeechLRPError(f"{path} holds no line; {MEND}")
