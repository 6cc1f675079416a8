"""The detection error trade-off: misses over false alarms, on normal-deviate axes."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from speechlrp.report import style

TICKS = (0.001, 0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 40, 60, 80, 95, 99, 99.9)
"""Where the axes are labelled, %."""
WIDEST = 0.6
"""The axes end here, or at the equal error rate where that is greater; 0 to 1."""
POINTS = 2000
"""More thresholds than these are not to be seen; evenly spread on the axes, they are drawn."""


def det_figure(
    miss: np.ndarray, false: np.ndarray, equal_error_rate: float, *, counts: Sequence[int]
) -> Figure:
    """Draw the trade-off, with the equal error rate marked.

    Where scores of both kinds are normal, it is a straight line (Martin et al. 1997, "The
    DET curve in assessment of detection task performance"). An error of less than half a
    trial cannot be seen in so many trials: the axes begin there.

    `miss` is the share of same-speaker trials refused, at falling thresholds, ``[M]``, `false` that
    of the others accepted; `counts` are the trials of one speaker and of two.
    """
    miss, false = np.asarray(miss, float), np.asarray(false, float)
    floor = [0.5 / max(count, 2) for count in counts]
    end = min(max(WIDEST, 1.3 * equal_error_rate), 1 - max(floor))
    fig = style.figure(width=5.4, height=5.0)
    axes = style.dress(fig.add_subplot(), grid="both")
    x, y = _thinned(_deviates(false, floor[1]), _deviates(miss, floor[0]))
    said = f"{counts[0]:,} trials of one speaker, {counts[1]:,} of two"
    axes.plot(x, y, color="#0072b2", linewidth=1.6, label=said)
    _mark(axes, equal_error_rate, floor)
    for axis, low in ((axes.xaxis, floor[1]), (axes.yaxis, floor[0])):
        shown = [tick for tick in TICKS if low <= tick / 100 <= end]
        axis.set_ticks([_normal(tick / 100) for tick in shown], [f"{tick:g}" for tick in shown])
    axes.set_xlim(_normal(floor[1]), _normal(end))
    axes.set_ylim(_normal(floor[0]), _normal(end))
    axes.set_xlabel("false alarms: trials of two speakers accepted (%)")
    axes.set_ylabel("misses: trials of one speaker refused (%)")
    style.legend(fig, ncols=2)
    return fig


def _mark(axes: Axes, rate: float, floor: Sequence[float]) -> None:
    """Mark where both errors are equal: a point on the diagonal."""
    span = _normal(min(floor)), _normal(1 - min(floor))
    axes.plot(span, span, color=style.FAINT, linewidth=0.8, linestyle=(0, (4, 3)))
    place = _deviates(np.array([rate]), floor[1]), _deviates(np.array([rate]), floor[0])
    looks = {"color": "#d55e00", "marker": "o", "markersize": 6, "clip_on": False, "zorder": 3}
    axes.plot(*place, linestyle="none", label=f"equal error rate {100 * rate:.2f} %", **looks)


def _deviates(shares: np.ndarray, floor: float) -> np.ndarray:
    """Normal deviates of shares, those nearer to 0 or 1 than `floor` moved there."""
    values, which = np.unique(np.clip(shares, floor, 1 - floor), return_inverse=True)
    return np.array([_normal(value) for value in values])[which]


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep points that are evenly spread along the curve, both ends among them."""
    if len(x) <= POINTS:
        return x, y
    way = np.append(0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
    kept = np.unique(np.searchsorted(way, np.linspace(0, way[-1], POINTS)))
    return x[kept], y[kept]


def _normal(share: float) -> float:
    return NormalDist().inv_cdf(share)
