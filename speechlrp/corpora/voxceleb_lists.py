"""The lists that VoxCeleb is published with: the identification split, and trials."""

import os
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechlrp.corpora.gathering import is_audio
from speechlrp.corpora.text import read_lines
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

    def pairs(self) -> np.ndarray:
        """A number for each pair, whichever of the two is first, int ``[N]``."""
        ends = np.sort(np.stack([self.first, self.second]).astype(np.int64), axis=0)
        return ends[0] * len(self.names) + ends[1]


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
        SpeechLRPError: the file is missing or empty, or a line reads otherwise.
    """
    numbers: dict[str, int] = {}
    pairs = array("i")
    for _, (same, *names) in _lines(path, 3, ("0", "1")):
        pairs.extend((int(same), *(numbers.setdefault(name, len(numbers)) for name in names)))
    table = np.frombuffer(pairs, dtype=np.int32).reshape(-1, 3)
    return Trials(list(numbers), table[:, 1], table[:, 2], table[:, 0] == 1)


def trial_lines(listed: Trials) -> Iterator[str]:
    """Yield a list's lines as ``trials`` reads them; with tabs, where a name has a blank."""
    mark = "\t" if any(len(name.split()) > 1 for name in listed.names) else " "
    columns = listed.same.astype(int).tolist(), listed.first.tolist(), listed.second.tolist()
    for same, first, second in zip(*columns, strict=True):
        yield f"{same}{mark}{listed.names[first]}{mark}{listed.names[second]}\n"


def under_ids(listed: Trials, ids: Iterable[str]) -> Trials:
    """The trials with the ids of recordings for the names that mean them (see `meant`), sorted.

    Raises:
        SpeechLRPError: a pair is listed as of one speaker and as of two.
    """
    of_name = meant(listed.names, ids)
    kinds, number = np.unique([of_name.get(n, n) for n in listed.names], return_inverse=True)
    renamed = Trials(kinds.tolist(), number[listed.first], number[listed.second], listed.same)
    keys = renamed.pairs()
    both = np.intersect1d(keys[listed.same], keys[~listed.same])
    if len(both):
        one, other = (renamed.names[i] for i in divmod(int(both[0]), len(kinds)))
        raise SpeechLRPError(
            f"the trials list {one} and {other} as of one speaker and as of two: take out one of "
            "the lines"
        )
    return renamed


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
    return "/".join(os.path.normpath(_bare(name).replace("\\", "/")).split("/")[-3:])


def _lines(path: Path, columns: int, marks) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and cells of each line that is not blank."""
    count = 0
    for number, line in read_lines(path, "list of recordings", MEND):
        cells = line.split("\t") if "\t" in line else line.split()
        if len(cells) != columns or cells[0] not in marks:
            raise SpeechLRPError(
                f"{path}, line {number}: expected {'|'.join(marks)} and {columns - 1} path(s), "
                f"found {line[:80]!r}"
            )
        count += 1
        yield number, cells
    if not count:
        raise SpeechLRPError(f"{path} holds no line; {MEND}")
