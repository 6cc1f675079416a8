"""HDF5 artifacts: arrays with named axes, and one table that describes their rows.

Layout: `/<array>` `[N, ...]` chunked by row, its axes named by HDF5 dimension scales (as
netCDF has them, so that xarray opens the file with `engine="h5netcdf"`) and its unit in the
attribute `units`; `/table/<column>` `[N]`; the attribute `kind` says what the file is,
`classes` holds the names of the labels and `settings` how it was made (both JSON). What a file
must hold is its `layout.Layout`.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.atomic import whole
from speechlrp.artifacts.heaps import check_heaps
from speechlrp.artifacts.layout import Damaged, Layout, attribute, entry, read_attribute
from speechlrp.artifacts.unexpected import kind as kind_of
from speechlrp.errors import SpeechLRPError

TABLE = "table"
_HDF5S = (
    "Can't ",
    "Unable to ",
    "Unspecified error",
    "Special link",
    "Driver ",
    "Insufficient precision",
    "No NumPy equivalent",
    "Unknown ",
)
"""How the library's errors begin, whatever their class."""


NO_VALUES = "This is a netCDF dimension but not a netCDF variable."
"""What netCDF calls an axis that has a length alone."""


@contextmanager
def open_artifact(path: Path, layout: Layout, command: str) -> Iterator[h5py.File]:
    """Open an artifact for reading.

    The command makes it, and is named in every error.

    Raises:
        SpeechLRPError: the file is missing, locked, truncated, or something else; also where
            that shows only when it is read within the block.
    """
    with reading(path, command), checked(path, layout, command) as file:
        yield file


@contextmanager
def reading(path: Path, command: str) -> Iterator[None]:
    """Say of which file it is that the library, or a check, finds damaged."""
    try:
        yield
    except Damaged as error:
        raise _damaged(path, str(error), command) from error
    except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        words = str(error.args[0]) if error.args else ""
        if getattr(error, "errno", None) is not None or not words.startswith(_HDF5S):
            raise
        raise _damaged(path, words.splitlines()[0], command) from error


def checked(path: Path, layout: Layout, command: str, **options: Any) -> h5py.File:
    """Open a file and check it; `options` are h5py's. Raises as `open_artifact`."""
    if not path.is_file():
        raise SpeechLRPError(f"no {layout.kind} at {path}; make them with `{command}`")
    with reading(path, command):
        check_heaps(path)
        file = _opened(path, options)
        try:
            stored = read_attribute(file, "kind")
            if not isinstance(stored, str) or stored != layout.kind:
                held = stored if isinstance(stored, str) and stored.isidentifier() else ""
                raise SpeechLRPError(
                    f"{path} holds {held or 'something foreign'}, not {layout.kind}; "
                    f"make it again with `{command} --force`"
                )
            layout.check(file)
        except BaseException:
            file.close()
            raise
        return file


def _opened(path: Path, options: Mapping[str, Any]) -> h5py.File:
    try:
        return h5py.File(path, "r", **options)
    except OSError as error:
        words = str(error)
        if "unable to lock file" in words:
            raise SpeechLRPError(
                f"{path} is locked: another program, such as a notebook, has it open to write; "
                "close it there, and give the same command again"
            ) from error
        instead = kind_of(path)
        foreign = instead and "HDF5" not in instead
        raise Damaged(f"it is {instead}" if foreign else words.splitlines()[0]) from error


def _damaged(path: Path, reason: str, command: str) -> SpeechLRPError:
    return SpeechLRPError(
        f"{path} is damaged or not ours ({reason}); make it again with `{command} --force`"
    )


def read_table(file: h5py.File, group: str = TABLE) -> pd.DataFrame:
    """Read the table that describes the rows, or another of the file's.

    Raises:
        Damaged: it is no such table.
    """
    place = entry(file, group, h5py.Group)
    names = attribute(place, "columns", list)
    columns = {name: entry(place, name, h5py.Dataset) for name in names}
    if len({column.shape for column in columns.values()}) > 1 or columns[names[0]].ndim != 1:
        raise Damaged("the columns of its table have several shapes")
    return pd.DataFrame({name: _values(name, column) for name, column in columns.items()})


def _values(name: str, column: h5py.Dataset) -> np.ndarray:
    try:
        return column.asstr()[:] if h5py.check_string_dtype(column.dtype) else column[:]
    except UnicodeError:
        raise Damaged(f"the column {name} of its table is no text") from None


class _Target(io.FileIO):
    """A new file whose failed writes libhdf5 is not told of: it crashes when it hears of one."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of it; after an error, nothing."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while rest and self.error is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the length; after an error, nothing."""
        try:
            return super().truncate(size) if self.error is None else size or 0
        except OSError as error:
            self.error = error
            return size or 0


@contextmanager
def created(path: Path) -> Iterator[h5py.File]:
    """Create an HDF5 file, whole or not at all.

    Raises:
        OSError: the disk is full, or cannot be written to.
    """
    with whole(path) as beside, _Target(beside, "w+") as target:
        try:
            with h5py.File(target, "w") as file:
                yield file
        finally:
            if target.error is not None:  # what else went wrong, went wrong because of this
                target.error.filename = str(path)
                raise target.error


def write_table(file: h5py.File, table: pd.DataFrame, group: str = TABLE) -> None:
    """Write the table that describes the rows, or another; text as UTF-8, missing text as ''."""
    place = file.create_group(group)
    place.attrs["columns"] = json.dumps(list(table.columns))
    for name, column in table.items():
        if pd.api.types.is_numeric_dtype(column):
            place.create_dataset(name, data=column.to_numpy())
        else:
            text = column.fillna("").astype(str).to_numpy(dtype=object)
            place.create_dataset(name, data=text, dtype=h5py.string_dtype())


def describe(file: h5py.File, attributes: Mapping[str, Any]) -> None:
    """Set file attributes; whatever HDF5 has no type for goes in as JSON."""
    for name, value in attributes.items():
        plain = isinstance(value, str | int | float | bool | np.ndarray)
        file.attrs[name] = value if plain else json.dumps(value)


def label_axes(dataset: h5py.Dataset, axes: Sequence[str], units: str = "") -> None:
    """Name the axes of a dataset and the unit of its values.

    An axis is the dataset of its name beside this one, to be written before; where there is
    none, it has a length and no values.
    """
    for dimension, name, length in zip(dataset.dims, axes, dataset.shape, strict=True):
        dimension.label = name
        scale = _scale(dataset.parent, name, length)
        if scale != dataset:
            dimension.attach_scale(scale)
    dataset.attrs["axes"] = json.dumps(axes)
    if units:
        dataset.attrs["units"] = units


def _scale(group: h5py.Group, name: str, length: int) -> h5py.Dataset:
    """The dimension scale of an axis.

    Raises:
        ValueError: the file has another axis of that name.
    """
    if name not in group:
        group.create_dataset(name, (length,), "f4")
        group[name].make_scale(f"{NO_VALUES}{length:10d}")
    scale = group[name]
    if scale.shape != (length,):
        raise ValueError(f"an axis {name} of {length} and one of {scale.shape}")
    if not scale.is_scale:
        scale.make_scale(name)
    return scale
