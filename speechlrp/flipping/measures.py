"""Numbers of a flipping curve: how steep it is, and how far the two orders lie apart.

A curve has K points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Curve:
    """What remains correct while bins are flipped."""

    bins: np.ndarray  # how many are flipped, rising ``[K]``
    accuracy: np.ndarray  # 0 to 1 ``[K]``, the mean over repeats
    probability: np.ndarray
    """Of the true class, 0 to 1 ``[K]``, the mean over recordings and repeats."""
    total: int  # bins of a recording
    reverse: Curve | None = None  # the curve of the opposite order, where that was run


def area(curve: Curve) -> float:
    """Mean accuracy over the grid's range, by the trapezoid rule."""
    span = curve.bins[-1] - curve.bins[0]
    if not span:
        return float(curve.accuracy[0])
    return float(np.trapezoid(curve.accuracy, curve.bins) / span)


def bins_at_half(curve: Curve) -> float:
    """The bins at which accuracy falls below 50 %, linear between points.

    NaN if it never does, or is there before a bin is flipped.
    """
    return falls_below(curve.bins, curve.accuracy, 0.5)


def percent_at_half(curve: Curve) -> float:
    """`bins_at_50` in % of all bins."""
    return bins_at_half(curve) / curve.total * 100


def symmetric_gain(curve: Curve) -> float:
    """The area of the opposite order less that of this one; NaN where that was not run.

    The larger, the better the order tells what matters from what does not: a baseline that
    harms the network whatever bins it replaces harms both curves.

    Source: Bluecher et al. 2024, symmetric relevance gain.
    """
    return math.nan if curve.reverse is None else area(curve.reverse) - area(curve)


def insertion(curve: Curve) -> float:
    """Mean accuracy while the bins come back, this order's first, from all filled in to none.

    Inserting the first k bins leaves filled in what the opposite order would flip first, so it
    is that order's area; NaN where that was not run from 0 to all bins (``flipping.grid=full``).

    Source: Petsiuk et al. 2018.
    """
    reverse = curve.reverse
    if reverse is None or reverse.bins[0] > 0 or reverse.bins[-1] < reverse.total:
        return math.nan
    return area(reverse)


def falls_below(x: np.ndarray, y: np.ndarray, level: float) -> float:
    """The x at which y falls below `level`, linear between points; NaN if never or at once."""
    below = np.flatnonzero(y < level)
    if not len(below) or below[0] == 0:
        return math.nan
    i = below[0]
    return float(x[i - 1] + (y[i - 1] - level) / (y[i - 1] - y[i]) * (x[i] - x[i - 1]))
