"""What an HDF5 artifact must hold: a small schema for each kind, which stands beside its writer."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np

from speechlrp.artifacts.unexpected import parse_json

_KINDS = {"number": "fiub", "int": "iu", "text": "O"}


class Damaged(ValueError):
    """What is wrong with an artifact, in words of one line."""


@dataclass(frozen=True)
class Layout:
    """What a kind of file must hold; of what else is in it, nothing is read."""

    kind: str  # what the file says that it is
    datasets: Mapping[str, str]
    """Path -> its axes, a letter each: those of one letter have one length. Behind them may stand
    `int` or `text`, in place of any numbers; the name of an attribute whose entries the numbers
    count; and `?` where a file may be without. A last `*` stands for all further axes."""
    attributes: Mapping[str, type] = field(default_factory=dict)
    """Name -> `str` or `float`, or `list` (of texts) or `dict`, written as JSON."""

    def check(self, file: h5py.File) -> None:
        """Check an open file.

        Raises:
            Damaged: what is missing, of another shape or of another type.
        """
        held = {name: attribute(file, name, kind) for name, kind in self.attributes.items()}
        lengths: dict[str, Any] = {}
        for path, words in self.datasets.items():
            axes, *more = words.split()
            group, _, name = path.rpartition("/")
            place = entry(file, group, h5py.Group) if group else file
            if "?" in more and place.get(name, getlink=True) is None:
                continue
            dataset = entry(place, name, h5py.Dataset)
            wanted = next((word for word in more if word in _KINDS), "number")
            _check_dataset(path, dataset, axes, wanted, lengths)
            for counted in held.keys() & set(more):
                indices(dataset, (), len(held[counted]))


def _check_dataset(
    path: str, dataset: h5py.Dataset, axes: str, wanted: str, lengths: dict[str, Any]
) -> None:
    """Check one dataset, and note how long its axes are."""
    is_text = h5py.check_string_dtype(dataset.dtype) is not None
    if is_text != (wanted == "text") or dataset.dtype.kind not in _KINDS[wanted]:
        raise Damaged(f"{path} holds {dataset.dtype}, where {wanted} should be")
    shape: tuple[Any, ...] = dataset.shape
    if axes.endswith("*"):
        shape = (*shape[: len(axes) - 1], shape[len(axes) - 1 :])
    if len(shape) != len(axes) or 0 in dataset.shape:
        raise Damaged(f"{path} is {list(dataset.shape)}, where {len(axes)} axes should be")
    for axis, length in zip(axes, shape, strict=True):
        if lengths.setdefault(axis, length) != length:
            raise Damaged(f"{path} is {list(dataset.shape)}, which does not fit the others")


def entry(group: h5py.Group, name: str, kind: Any) -> Any:
    """A dataset or group of the file itself: an artifact is one file, and is all that is read.

    Raises:
        Damaged: it is missing or none, a link, or has its values in another file.
    """
    try:
        link = group.get(name, getlink=True)
    except (UnicodeError, ValueError):
        link = None
    if link is not None and not isinstance(link, h5py.HardLink):
        raise Damaged(f"{name} is a link, and none of ours has links")
    member: Any = group[name] if link else None
    holds = isinstance(member, h5py.Dataset)
    if not isinstance(member, kind) or (holds and member.shape is None):
        raise Damaged(f"it has no {kind.__name__.lower()} {name[:40]!a}")
    if holds and (member.is_virtual or member.external):
        raise Damaged(f"the values of {name} lie in another file, which is not read")
    return member


def read_attribute(held: Any, name: str, default: Any = None) -> Any:
    """Read an attribute of a file, group or dataset, as ``attrs.get`` does.

    Raises:
        Damaged: it is a list of any length, which ours never are: of one whose type is damaged
            the library reads pointers that it made of the file's bytes, and crashes.
    """
    if name not in held.attrs:
        return default
    if isinstance(held.attrs.get_id(name).get_type(), h5py.h5t.TypeVlenID):
        raise Damaged(f"its attribute {name} is of no type of ours")
    return held.attrs[name]


def attribute(file: h5py.File, name: str, kind: type) -> Any:
    """Read an attribute: a `str`, a `float`, or JSON that is a `list` of texts or a `dict`.

    Raises:
        Damaged: it is missing or none.
    """
    value = read_attribute(file, name)
    if kind is float:
        if isinstance(value, float | np.floating) and math.isfinite(value):
            return float(value)
    elif isinstance(value, str):
        read = value if kind is str else _json(value)
        texts = not isinstance(read, list) or (read and all(isinstance(t, str) for t in read))
        if isinstance(read, kind) and texts:
            return read
    words = {float: "a number", str: "a text", list: "a list of texts", dict: "a table"}[kind]
    raise Damaged(f"its attribute {name} is not {words}")


def _json(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        return None


def indices(dataset: h5py.Dataset, rows: Any, below: int) -> np.ndarray:
    """Read whole numbers from 0 that count something.

    Of a dataset of whole numbers, some rows; they count `below` things.

    Raises:
        Damaged: one of them counts nothing.
    """
    values = dataset[rows]
    if values.size and not 0 <= values.min() <= values.max() < below:
        raise Damaged(f"{dataset.name[1:]} has numbers beyond the {below} that it may count")
    return values
