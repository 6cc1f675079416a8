"""averages.h5: sums over aligned frames of classes, and what was computed from them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from speechlrp.artifacts.hdf5 import created, describe, label_axes
from speechlrp.artifacts.layout import Layout

AVERAGES = Layout(
    "averages",
    {
        **{"pattern": "CAFD", "normaliser": "AFD", "counts": "CAD"},
        **{"frequency": "F", "offset_ms": "D"},
    },
    {"classes": list, "alignments": list},
)


def write_averages(
    path: Path,
    arrays: Mapping[str, tuple[np.ndarray, tuple[str, ...]]],
    *,
    frequency: np.ndarray,
    offset_ms: np.ndarray,
    attributes: Mapping[str, Any],
) -> None:
    """Write arrays of `C` classes, `A` alignments, `F` bands and `D` offsets, whole.

    Args:
        path: the file.
        arrays: dataset -> values and the names of their axes; of those that have bands one
            class and alignment is a chunk.
        frequency: of the bands in Hz, ``[F]``.
        offset_ms: from the key step in ms, ``[D]``.
        attributes: of the file.
    """
    with created(path) as file:
        for name, (values, axes) in arrays.items():
            options: dict[str, Any] = {}
            if axes[-2:] == ("frequency", "offset"):
                leading = (1,) * (values.ndim - 2)
                options = {"chunks": (*leading, *values.shape[-2:]), "compression": "lzf"}
            file.create_dataset(name, data=values, **options)
        for name, axis, units in (
            ("frequency", frequency, "Hz"),
            ("offset_ms", offset_ms, "ms"),
        ):
            label_axes(file.create_dataset(name, data=axis), (name.split("_")[0],), units)
        for name, (_, axes) in arrays.items():
            label_axes(file[name], axes)
        describe(file, {"kind": AVERAGES.kind, **attributes})
