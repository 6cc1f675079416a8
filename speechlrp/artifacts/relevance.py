"""Relevance of windows in HDF5: in half precision, where that keeps the order of the bins.

Layout: `/relevance` `[N, 1, F, T]`, to be multiplied by its attribute `scale_factor` (netCDF's, so
that xarray does it by itself); besides `/output` `[N, K]`, `/target` `[N]`, the axes and the
table. The order of the bins is made when it is needed.

Axes: N windows, C channels, F frequencies, T frames, K outputs of a network, B = C F T bins.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import describe, label_axes
from speechlrp.artifacts.layout import Damaged, Layout, attribute, read_attribute
from speechlrp.artifacts.shards import Shards

_TABLE = {
    **{f"table/{name}": "N text" for name in ("id", "path", "speaker", "subset", "source")},
    "table/label": "N int classes",
    **{f"table/{name}": "N" for name in ("start_s", "onset_s", "duration_s")},
}
FEATURES = Layout(
    "features",
    {"features": "NC*", "train_mean": "C*", "frequency": "F ?", "time": "T", **_TABLE},
    {"classes": list, "settings": dict, "silence": float, "task": str},
)
"""Of recordings, of which relevance is made."""
MAPS = Layout(
    "relevance",
    {
        **{"relevance": "NCFT", "frequency": "F", "time": "T"},
        **{"output": "NK", "probability": "NK ?", "target": "N int classes"},
        **_TABLE,
    },
    {"classes": list, "explainer": dict},
)
"""What `compare` writes of each of its explainers."""
RELEVANCE = Layout(MAPS.kind, {**MAPS.datasets, "probability": "NK"}, MAPS.attributes)


FACTOR = "scale_factor"
LARGEST = 15
"""The exponent of two below which the largest relevance of a file is stored."""
TOP = 0.1
"""The share of bins, from either end, whose order half precision must keep."""
LEVELS = 64
"""Steps between 0 and the least of these, to which the bins between both ends are rounded."""
PLACES = 0.02
"""How far such a bin may move, as a share of its rank; or by `FEW` places."""
FEW = 5
"""The finest step of T's flipping curves (Figure 6.5)."""
SMALL = {"shuffle": True, "compression": "gzip", "compression_opts": 4}


def merge(
    file: h5py.File,
    shards: Shards,
    *,
    axes: Mapping[str, np.ndarray],
    classes: Sequence[str],
    units: str,
    facts: Mapping[str, Any],
    each: Callable[[dict, pd.DataFrame], None] | None = None,
) -> pd.DataFrame:
    """Put units of work together: relevance, output, target and what is beside them.

    `relevance` of each unit is `[n, 1, F, T]`; `axes` has `frequency` in Hz and `time` in s,
    `facts` attributes of the file. `each` is shown every unit's arrays and table, before they are
    rounded.

    Returns:
        The table of all rows.
    """
    # One factor of a file is netCDF's way; where recordings differ too much in size for it, each
    # is rounded by its own, in 32 bits whose zeros are compressed.
    factor = _factor(max(np.abs(arrays["relevance"]).max(initial=0) for arrays, _ in shards))
    half = all(keeps_order(arrays["relevance"] / factor) for arrays, _ in shards)

    def stored(arrays: dict, table: pd.DataFrame) -> dict:
        if each is not None:
            each(arrays, table)
        maps = arrays["relevance"]
        return arrays | {"relevance": rounded(maps / factor) if half else _each_rounded(maps)}

    table = shards.merge(file, stored, relevance=SMALL)
    for name, unit in (("frequency", "Hz"), ("time", "s")):
        file[name] = axes[name]
        label_axes(file[name], (name,), unit)
    file["recording"] = table.id.astype(str).to_numpy(dtype=object)
    file["class"] = np.array(list(classes), dtype=object)
    label_axes(file["relevance"], ("recording", "channel", "frequency", "time"), units)
    file["relevance"].attrs[FACTOR] = factor if half else np.float32(1)
    label_axes(file["target"], ("recording",))
    for name in {"output", "probability"} & set(file):
        label_axes(file[name], ("recording", "class"))
    describe(file, {"kind": RELEVANCE.kind, "classes": list(classes), **facts})
    return table


class Maps:
    """The relevance in an open file: ``maps[rows]`` is float32 in its units, `[n, 1, F, T]`.

    Raises:
        Damaged: it has no units, or what it is to be multiplied by is no number.
    """

    def __init__(self, file: h5py.File) -> None:
        self._stored = file["relevance"]
        factor = read_attribute(self._stored, FACTOR, 1.0)
        if not isinstance(factor, float | np.floating) or not np.isfinite(factor):
            raise Damaged(f"its attribute {FACTOR} is not a number")
        self._factor = np.float32(factor)
        self.units = str(attribute(self._stored, "units", str))
        self.bins = int(np.prod(self._stored.shape[1:]))

    def __len__(self) -> int:
        return len(self._stored)

    def __getitem__(self, rows: Any) -> np.ndarray:
        return self._stored[rows].astype(np.float32) * self._factor


def _factor(largest: float) -> np.float32:
    """A power of two, so that dividing by it is exact; below ``2 ** LARGEST`` lies the largest."""
    _, exponent = np.frexp(largest if np.isfinite(largest) and largest > 0 else 1.0)
    return np.ldexp(np.float32(1), np.clip(exponent - LARGEST, -126, 127))


def _each_rounded(maps: np.ndarray) -> np.ndarray:
    """Maps `[n, ...]` in single precision, each rounded as if it were half, if that keeps order."""
    held = maps.astype(np.float32)
    for one in held:
        factor = _factor(np.abs(one).max(initial=0))
        if keeps_order(one[None] / factor):
            one[:] = rounded(one[None] / factor)[0] * factor
    return held


def rounded(maps: np.ndarray) -> np.ndarray:
    """Maps `[n, ...]` in half precision, coarser between the `TOP` of either end.

    The bins between hold little, and their last digits, which are noise, most of a file's bytes.
    """
    half = maps.astype(np.float16)
    for values in half.reshape(len(maps), -1):
        count = max(1, round(TOP * len(values)))
        ends = np.partition(values, (count - 1, len(values) - count))
        bound = min(-ends[count - 1], ends[-count])
        if bound > 0:
            step = 2.0 ** np.floor(np.log2(float(bound))) / LEVELS
            between = np.abs(values) < bound
            steps = np.round(values[between].astype(np.float32) / step)
            values[between] = np.clip(steps * step, -bound, bound)
    return half


def keeps_order(maps: np.ndarray) -> bool:
    """Whether maps `[n, ...]` as `rounded` have the most and the least relevant bins in order.

    Rounding never swaps two bins, but makes equals of some, whose order is then drawn. It is
    kept where none of the `TOP` of either end moves by more than `PLACES` of its rank.
    """
    if not np.isfinite(maps).all():
        return False
    flat = maps.reshape(len(maps), -1)
    count = max(1, round(TOP * flat.shape[1]))
    return all(
        _keeps(np.sort(sign * exact)[::-1], np.sort(sign * half)[::-1], count)
        for exact, half in zip(flat, rounded(flat), strict=True)
        for sign in (1, -1)
    )


def _keeps(exact: np.ndarray, half: np.ndarray, count: int) -> bool:
    """Whether each of the first bins, both falling, stays about where it was."""
    other = np.r_[1, exact[1:] != exact[:-1]]  # 1 where a value is another than before
    starts = np.flatnonzero(np.r_[True, half[1:] != half[:-1]])
    ends = np.r_[starts[1:], len(half)]
    tied = (np.add.reduceat(other, starts) - other[starts] > 0) & (starts < count)
    allowed = np.maximum(FEW, PLACES * ends[tied])
    return bool((ends[tied] - starts[tied] - 1 <= allowed).all())
