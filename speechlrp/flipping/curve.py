"""Accuracy while bins are flipped. B recordings, P bins each, K points of the grid."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import index
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from speechlrp.errors import SpeechLRPError


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
    except (TypeError, ValueError) as error:
        raise SpeechLRPError(
            "a flipping grid is {percent: [...]}, {bins: [...]} or {bins: start:stop:step}; "
            f"found {grid}"
        ) from error
    if not counts or min(counts) < 0 or max(counts) > bins:
        raise SpeechLRPError(f"a flipping grid must lie in 0..{bins} bins; found {counts}")
    return np.unique(np.array(counts, dtype=np.int64))


def _counts(grid: Mapping[str, Any], bins: int) -> list[int]:
    (unit,) = grid
    points = grid[unit]
    if unit == "percent":
        return [round(float(p) / 100 * bins) for p in points]
    if unit != "bins":
        raise ValueError(unit)
    if isinstance(points, str):
        return list(range(*map(int, points.split(":"))))
    return list(map(index, points))


def flip(
    inputs: Tensor, order: Tensor, baseline: Tensor, counts: Sequence[int]
) -> Iterator[Tensor]:
    """Yield the inputs with the first `count` bins of their order set to the baseline.

    The same tensor is yielded at every point: use it before the next.

    Args:
        inputs: `[B, C, F, T]`, left as they are.
        order: bin indices `[B, P]`, P = C F T.
        baseline: what a flipped bin becomes, `[P]`.
        counts: rising numbers of bins `[K]`.
    """
    flipped = inputs.contiguous().clone()
    flat = flipped.flatten(1)
    done = 0
    for count in counts:
        some = order[:, done:count]
        flat.scatter_(1, some, baseline[some])
        done = count
        yield flipped


def score(
    probabilities: Callable[[Tensor], Tensor], inputs: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Whether each recording is classified correctly, and its true class's probability.

    Args:
        probabilities: inputs `[B, C, F, T]` -> class probabilities `[B, L]`.
        inputs: `[B, C, F, T]`.
        labels: true classes `[B]`.

    Returns:
        Correct `[B]` (bool) and probability `[B]`, on the CPU.
    """
    p = probabilities(inputs)
    true = p.gather(1, labels[:, None])[:, 0]
    return (p.argmax(1) == labels).cpu(), true.double().cpu()


def summarise(curve: pd.DataFrame, bins: int) -> pd.DataFrame:
    """Area under each accuracy curve, and where it passes 50 %.

    Args:
        curve: rows (strategy, baseline, repeat, bins, accuracy).
        bins: P.

    Returns:
        strategy, baseline, n, repeats, auc (mean accuracy over the grid's range, by
        the trapezoid rule), bins_at_50 (linear between points; NaN if never).
    """
    rows = []
    for (strategy, baseline), cell in curve.groupby(["strategy", "baseline"], sort=False):
        mean = cell.groupby("bins").accuracy.mean()
        x, y = mean.index.to_numpy(dtype=float), mean.to_numpy()
        span = x[-1] - x[0]
        auc = float(np.trapezoid(y, x) / span) if span else float(y[0])
        rows.append(
            {
                "strategy": strategy,
                "baseline": baseline,
                "n": int(cell.n.iloc[0]),
                "repeats": cell.repeat.nunique(),
                "auc": auc,
                "bins_at_50": passes(x, y, 0.5),
                "percent_at_50": passes(x, y, 0.5) / bins * 100,
            }
        )
    return pd.DataFrame(rows)


def passes(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """The first x at which y falls below `level`, linear between points; NaN if never."""
    below = np.flatnonzero(y < level)
    if not len(below):
        return float("nan")
    i = below[0]
    if i == 0:
        return float(x[0])
    return float(x[i - 1] + (y[i - 1] - level) / (y[i - 1] - y[i]) * (x[i] - x[i - 1]))
