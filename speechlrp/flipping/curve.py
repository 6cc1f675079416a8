"""Accuracy while bins are flipped. B recordings, P bins of C parts each, K points of the grid."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from operator import index
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from speechlrp.errors import SpeechLRPError
from speechlrp.flipping import CURVES, STRATEGIES
from speechlrp.flipping.fill_ins import Filled
from speechlrp.flipping.measures import Curve
from speechlrp.flipping.strategies import check_order
from speechlrp.registry import guarded

COLUMNS = ("strategy", "baseline", "n", "repeats")
"""Of a summary, before its measures."""


def grid_counts(grid: Mapping[str, Any], bins: int) -> np.ndarray:
    """The numbers of flipped bins of a grid, rising.

    Args:
        grid: `{"percent": [...]}` (0..100) or `{"bins": [...] or "start:stop:step"}`.
        bins: P.

    Raises:
        SpeechLRPError: the grid is neither, or has a point outside the spectrogram.
    """
    try:
        counts = _counts(grid, bins)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise SpeechLRPError(
            "a flipping grid is {percent: [...]}, {bins: [...]} or {bins: start:stop:step}; "
            f"found {grid}"
        ) from error
    if not counts or min(counts) < 0 or max(counts) > bins:
        raise SpeechLRPError(f"a flipping grid must lie in 0..{bins} bins; found {grid}")
    return np.unique(np.array(counts, dtype=np.int64))


def _counts(grid: Mapping[str, Any], bins: int) -> list[int]:
    (unit,) = grid
    points = grid[unit]
    if unit == "percent":
        if isinstance(points, str | Mapping):  # a text would be read letter by letter
            raise ValueError(points)
        return [round(float(p) / 100 * bins) for p in points]
    if unit != "bins":
        raise ValueError(unit)
    if isinstance(points, str):
        return list(range(*map(int, points.split(":")))[: bins + 2])  # more do not lie within
    return list(map(index, points))


def flip(inputs: Tensor, order: Tensor, filled: Filled, counts: Sequence[int]) -> Iterator[Tensor]:
    """Yield the inputs with the first `count` bins of their order filled in.

    The same tensor is yielded at every point: use it before the next.

    Args:
        inputs: `[B, C, F, T]`, left as they are; the parts of a bin are filled in together.
        order: bin indices `[B, P]`, P = F T.
        filled: what a flipped bin becomes, see `fill_ins`.
        counts: rising numbers of bins `[K]`.

    Raises:
        SpeechLRPError: an order of other bins; counts that fall, or that there are not.
    """
    check_order(order, inputs)
    steps = np.asarray(counts)
    if steps.size and (steps[0] < 0 or steps[-1] > order.shape[1] or (np.diff(steps) < 0).any()):
        raise SpeechLRPError(
            f"numbers of flipped bins must rise within 0..{order.shape[1]}; found {steps.tolist()}"
        )
    flipped = inputs.contiguous().clone()
    flat, done = flipped.flatten(2), 0
    mask = torch.zeros_like(flat, dtype=torch.bool)
    for count in counts:
        bins = order[:, None, done:count].expand(-1, flat.shape[1], -1)
        if isinstance(filled, Tensor):
            values = filled.unflatten(-1, flat.shape[1:]).expand_as(flat)
            flat.scatter_(2, bins, values.gather(2, bins))
        else:
            mask.scatter_(2, bins, True)
            torch.where(mask, filled(mask.flatten(1)).view_as(flat), flat, out=flat)
        done = count
        yield flipped


def summarise(curve: pd.DataFrame, bins: int, measures: Sequence[str] = ()) -> pd.DataFrame:
    """The measures of every curve: strategy, baseline, n, repeats, and a column a measure.

    A measure is called by its name, a reference by what stands behind the colon.

    Args:
        curve: rows (strategy, baseline, repeat, bins, n, accuracy, probability).
        bins: P.
        measures: more than those of `CURVES`, ``package.module:name`` each.

    Raises:
        SpeechLRPError: as `measured`.
    """
    names = {name: name for name in CURVES} | {name.partition(":")[2]: name for name in measures}
    rows = []
    for baseline, part in curve.groupby("baseline", sort=False):
        cells = dict(list(part.groupby("strategy", sort=False)))
        plain = {strategy: _curve(cell, bins) for strategy, cell in cells.items()}
        for strategy, cell in cells.items():
            opposite = plain.get(STRATEGIES[strategy].reverse)
            whole = replace(plain[strategy], reverse=opposite)
            row = {"strategy": strategy, "baseline": baseline, "n": int(cell.n.iloc[0])}
            row["repeats"] = cell.repeat.nunique()
            rows.append(row | {column: measured(name, whole) for column, name in names.items()})
    return pd.DataFrame(rows)


def measured(name: str, curve: Curve) -> float:
    """A measure of a curve; NaN where it is not defined.

    Raises:
        SpeechLRPError: one of the user's own raises, or gives no number.
    """
    with guarded(f"measure of a curve {name}", CURVES[name]):
        value = CURVES[name](curve)
    if not isinstance(value, Real):
        raise SpeechLRPError(
            f"measure of a curve {name} gives {type(value).__name__}; it must give a number, "
            "NaN where there is none"
        )
    return float(value)


def check_measures(measures: Sequence[str], counts: np.ndarray, bins: int) -> None:
    """Ask measures of one's own about a made-up curve, before hours go into a true one.

    Counts are of flipped bins ``[K]``, of P `bins`.

    Raises:
        SpeechLRPError: as `measured`; two measures, or one and a column, of one name.
    """
    columns = [*COLUMNS, *CURVES, *(name.partition(":")[2] for name in measures)]
    if twice := sorted({name for name in columns if columns.count(name) > 1}):
        raise SpeechLRPError(
            f"flipping.measures: a column of summary.csv is called as its function, and {twice[0]} "
            "is there twice; call one of the functions otherwise"
        )
    falling = np.linspace(1, 0, len(counts))
    curve = Curve(counts.astype(float), falling, falling, bins)
    for name in measures:
        measured(name, replace(curve, reverse=curve))


def _curve(cell: pd.DataFrame, total: int) -> Curve:
    means = cell.groupby("bins")[["accuracy", "probability"]].mean()
    columns = means.accuracy.to_numpy(), means.probability.to_numpy()
    return Curve(means.index.to_numpy(dtype=float), *columns, total)
