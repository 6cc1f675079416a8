"""Explanations of letter frames in HDF5, and averages over them: arrays with axes and units."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import created, describe, label_axes, write_table
from speechlrp.artifacts.layout import Layout

_AXES = {"frequency": "F", "offset_ms": "D"}
EXAMPLES = Layout(
    "letter_relevance",
    {
        **{"features": "NFD", "relevance": "NFD", "output": "NV", **_AXES},
        **{f"table/{name}": "N text" for name in ("id", "speaker", "letter")},
        **{"table/start": "N int", "table/time_s": "N", "table/probability": "N"},
    },
    {"classes": list},
)
"""Example frames."""
STATISTICS = Layout(
    "letter_statistics", {"mean": "CFD", "frames": "C int", **_AXES}, {"classes": list}
)
"""What holds over all frames."""
ALONG = Layout(
    "utterance_relevance",
    {
        **{"features": "TF", "relevance": "TF", "windows": "T", "profile": "LD"},
        "offsets": "P int",
        **{f"table/{name}": "N text" for name in ("id", "transcript", "recognised")},
        **{"table/frames": "N int", "letters/utterance": "L int", **_AXES},
    },
)
"""Utterances along time."""
AVERAGES = Layout(
    "averages",
    {"pattern": "CAFD", "normaliser": "AFD", "counts": "CAD", **_AXES},
    {"classes": list, "alignments": list},
)
"""Sums over aligned frames of classes, and what was computed from them."""


class Array(NamedTuple):
    """Values, the names of their axes and their unit."""

    values: np.ndarray
    axes: tuple[str, ...]
    units: str = ""


def write_maps(
    path: Path,
    layout: Layout,
    arrays: Mapping[str, Array],
    *,
    tables: Mapping[str, pd.DataFrame] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write the file, whole; of an array whose last axes are frequency and offset a map is a chunk.

    The table called ``"table"`` describes the rows.
    """
    with created(path) as file:
        for name, (values, axes, _) in arrays.items():
            options: dict[str, Any] = {}
            if axes[-2:] == ("frequency", "offset") and values.size:
                leading = (1,) * (values.ndim - 2)
                options = {"chunks": (*leading, *values.shape[-2:]), "compression": "lzf"}
            file.create_dataset(name, data=values, **options)
        for name, (_, axes, units) in arrays.items():
            label_axes(file[name], axes, units)
        for name, table in (tables or {}).items():
            write_table(file, table, name)
        describe(file, {"kind": layout.kind, **(attributes or {})})
