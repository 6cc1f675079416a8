"""Explanations of letter frames in HDF5: arrays with axes and units, and tables beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.atomic import whole
from speechlrp.artifacts.hdf5 import describe, label_axes, write_table

EXAMPLES, STATISTICS, ALONG = "letter_relevance", "letter_statistics", "utterance_relevance"
"""Kinds of file: example frames, what holds over all frames, and utterances along time."""


class Array(NamedTuple):
    """Values, the names of their axes and their unit."""

    values: np.ndarray
    axes: tuple[str, ...]
    units: str = ""


def write_maps(
    path: Path,
    kind: str,
    arrays: Mapping[str, Array],
    *,
    tables: Mapping[str, pd.DataFrame] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write the file, whole; of an array with more than two axes one map is a chunk.

    Args:
        path: the file.
        kind: what it is.
        arrays: by name.
        tables: by name; the one called ``"table"`` describes the rows.
        attributes: of the file.
    """
    with whole(path) as beside, h5py.File(beside, "w") as file:
        for name, (values, axes, units) in arrays.items():
            options: dict[str, Any] = {}
            if values.ndim > 2 and values.size:
                leading = (1,) * (values.ndim - 2)
                options = {"chunks": (*leading, *values.shape[-2:]), "compression": "lzf"}
            label_axes(file.create_dataset(name, data=values, **options), axes, units)
        for name, table in (tables or {}).items():
            write_table(file, table, name)
        describe(file, {"kind": kind, **(attributes or {})})
