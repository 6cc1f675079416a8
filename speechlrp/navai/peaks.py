"""Formants and bursts: what K reads off a pattern by eye, as numbers.

K 4.3: 'a' shows more intensity about 700 and 2700 Hz, 't' a short burst over all
frequencies. Shapes as in `speechlrp.navai.average`.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from speechlrp.navai.pattern import Patterns

PANEL = ("class", "alignment")
PEAK_COLUMNS = (
    *PANEL,
    *("rank", "hz", "offset_ms", "height", "error", "differs", "relative", "prominence"),
)
HALF = 0.5


def peaks(
    patterns: Patterns,
    classes: Sequence[str],
    alignments: Sequence[str],
    frequency: np.ndarray,
    offset_ms: np.ndarray,
    *,
    near_ms: float = 40.0,
    most: int = 5,
) -> pd.DataFrame:
    """The strongest positive peaks over frequency, at the offset where the pattern is strongest.

    That offset is the one of the largest positive energy (see `bursts`) near the key step. A
    peak is a band with a positive value above its neighbours' (of equal ones the middle), by
    at least two of its standard errors above the valleys that part it from higher ones (its
    prominence): less is noise that rides on another peak.

    Args:
        patterns: of C classes and A alignments.
        classes: their names.
        alignments: their names.
        frequency: of the bands in Hz, rising ``[F]``.
        offset_ms: from the key step, ``[D]``.
        near_ms: farthest offset that is looked at.
        most: how many peaks at most.

    Returns:
        A row a peak, the highest of each class and alignment first: rank (from 1), hz,
        offset_ms, height (in units of the features), error (its standard error), differs
        (from 0 at the pattern's false-discovery rate), relative (height as a share of the
        pattern's largest absolute value at tested offsets) and prominence. A pattern
        without a peak has no row.
    """
    rows = []
    for (c, a), name in _panels(classes, alignments):
        place = _strongest(patterns, (c, a), np.abs(offset_ms) <= near_ms + 1e-6)
        if place is None:
            continue
        slope, error = (x[c, a][:, place] for x in (patterns.pattern, patterns.pattern_error))
        largest = np.abs(patterns.pattern[c, a][:, patterns.tested[c, a]]).max()
        clear = [(band, above) for band, above in _peaks(slope) if above >= 2 * error[band]]
        clear.sort(key=lambda peak: -slope[peak[0]])
        for rank, (band, above) in enumerate(clear[:most], 1):
            numbers = (rank, frequency[band], offset_ms[place], slope[band], error[band])
            differs = bool(patterns.differs[c, a, band, place])
            rows.append((*name, *numbers, differs, slope[band] / largest, above))
    return pd.DataFrame(rows, columns=list(PEAK_COLUMNS))


def bursts(
    patterns: Patterns,
    classes: Sequence[str],
    alignments: Sequence[str],
    offset_ms: np.ndarray,
    *,
    near_ms: float = 40.0,
) -> pd.DataFrame:
    """How broad in frequency and how short in time a pattern's strongest moment is.

    The positive energy of an offset is ``sum over bands of (max(pattern, 0)^2 -
    error^2 / 2)``, at least 0: without a pattern it is 0 on average. Arguments as of `peaks`.

    Returns:
        One row a class and alignment: frames; offset_ms, the strongest offset; positive, the
        share of bands that are above 0 there; positive_differs, of those that are and differ
        from 0; negative_differs; width_ms, how long the root of the positive energy stays
        above half of what it is there (NaN where it does not fall below it at tested
        offsets). NaN where nothing was tested.
    """
    rows = []
    for (c, a), name in _panels(classes, alignments):
        frames = int(patterns.counts[c, a].max())
        place = _strongest(patterns, (c, a), np.abs(offset_ms) <= near_ms + 1e-6)
        if place is None:
            rows.append((*name, frames, *[np.nan] * 5))
            continue
        values, differs = (x[c, a][:, place] for x in (patterns.pattern, patterns.differs))
        shares = ((values > 0).mean(), ((values > 0) & differs).mean())
        negative = ((values < 0) & differs).mean()
        course = np.sqrt(_positive(patterns, (c, a)))
        width = _width(course, place, offset_ms)
        rows.append((*name, frames, offset_ms[place], *shares, negative, width))
    columns = ("frames", "offset_ms", "positive", "positive_differs", "negative_differs")
    return pd.DataFrame(rows, columns=[*PANEL, *columns, "width_ms"])


def _panels(classes: Sequence[str], alignments: Sequence[str]):
    for c, name in enumerate(classes):
        for a, alignment in enumerate(alignments):
            yield (c, a), (name, alignment)


def _positive(patterns: Patterns, panel: tuple[int, int]) -> np.ndarray:
    """Positive energy ``[D]``; NaN where too few runs reach."""
    pattern, error = patterns.pattern[panel], patterns.pattern_error[panel]
    energy = np.maximum((np.maximum(pattern, 0) ** 2 - error**2 / 2).sum(0), 0)
    return np.where(patterns.tested[panel], energy, np.nan)


def _strongest(patterns: Patterns, panel: tuple[int, int], near: np.ndarray) -> int | None:
    energy = np.where(near, np.nan_to_num(_positive(patterns, panel)), 0)
    return int(energy.argmax()) if energy.max() > 0 else None


def _peaks(values: np.ndarray) -> list[tuple[int, float]]:
    """Bands of positive local maxima, and how far each stands above the higher valley beside it.

    A valley lies between the peak and the next higher value on that side, or the end of the
    bands, where 0 is its floor.
    """
    maxima, start = [], 0
    while start < len(values):
        end = start
        while end + 1 < len(values) and values[end + 1] == values[start]:
            end += 1
        sides = values[start - 1] if start else -np.inf, *values[end + 1 : end + 2]
        if values[start] > 0 and all(side < values[start] for side in sides):
            valleys = [_valley(values[:start][::-1], values[start])]
            valleys.append(_valley(values[end + 1 :], values[start]))
            maxima.append(((start + end) // 2, float(values[start] - max(0.0, *valleys))))
        start = end + 1
    return maxima


def _valley(side: np.ndarray, height: float) -> float:
    """The lowest value before a higher one; where none is higher, all of it counts for nothing."""
    higher = np.flatnonzero(side > height)
    return float(side[: higher[0]].min()) if len(higher) else 0.0


def _width(course: np.ndarray, place: int, offset_ms: np.ndarray) -> float:
    """Between the two crossings of half the height, by lines from step to step."""
    level = HALF * course[place]
    right = _crossing(course[place:], level)
    left = _crossing(course[: place + 1][::-1], level)
    return float((left + right) * (offset_ms[1] - offset_ms[0])) if len(offset_ms) > 1 else np.nan


def _crossing(course: np.ndarray, level: float) -> float:
    """Steps until the course falls below a level; NaN where it does not, or ends before."""
    for step in range(1, len(course)):
        if np.isnan(course[step]):
            return np.nan
        if course[step] < level:
            before = course[step - 1]
            return step - 1 + (before - level) / (before - course[step])
    return np.nan
