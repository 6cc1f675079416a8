"""HDF5 artifacts: arrays with named axes, and one table that describes their rows.

Layout: `/<array>` `[N, ...]` chunked by row, its axes named as HDF5 dimension
labels and its unit in the attribute `units`; `/table/<column>` `[N]`; the
attribute `kind` says what the file is, `classes` holds the names of the labels
and `settings` how it was made (both JSON).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from speechlrp.errors import SpeechLRPError

TABLE = "table"


@contextmanager
def open_artifact(path: Path, kind: str, command: str) -> Iterator[h5py.File]:
    """Open an artifact for reading.

    Args:
        path: the file.
        kind: what it must be, such as ``"features"``.
        command: the command line that makes it, named in every error.

    Raises:
        SpeechLRPError: the file is missing, truncated, or something else.
    """
    if not path.is_file():
        raise SpeechLRPError(f"no {kind} at {path}; make them with `{command}`")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise SpeechLRPError(
            f"{path} is damaged or not HDF5 ({reason}); make it again with `{command} --force`"
        ) from error
    with file:
        found = file.attrs.get("kind")
        if found != kind:
            raise SpeechLRPError(
                f"{path} holds {found or 'something foreign'}, not {kind}; "
                f"make it again with `{command} --force`"
            )
        yield file


def read_table(file: h5py.File, group: str = TABLE) -> pd.DataFrame:
    """Read the table that describes the rows, or another of the file's."""
    columns = {}
    for name in json.loads(file[group].attrs["columns"]):
        column = file[group][name]
        is_text = h5py.check_string_dtype(column.dtype) is not None
        columns[name] = column.asstr()[:] if is_text else column[:]
    return pd.DataFrame(columns)


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


def describe(file: h5py.File, attributes: dict[str, Any]) -> None:
    """Set file attributes; whatever HDF5 has no type for goes in as JSON."""
    for name, value in attributes.items():
        plain = isinstance(value, str | int | float | bool | np.ndarray)
        file.attrs[name] = value if plain else json.dumps(value)


def label_axes(dataset: h5py.Dataset, axes: tuple[str, ...], units: str = "") -> None:
    """Name the axes of a dataset and the unit of its values."""
    for dimension, name in zip(dataset.dims, axes, strict=True):
        dimension.label = name
    dataset.attrs["axes"] = json.dumps(axes)
    if units:
        dataset.attrs["units"] = units
