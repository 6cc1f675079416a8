"""How specific a pattern is, by numbers instead of by eye (K 4.3 compares by eye)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from speechlrp.navai.pattern import Patterns


def specificity(
    patterns: Patterns,
    classes: Sequence[str],
    alignments: Sequence[str],
    *,
    hop_s: float = 0.008,
    within_s: float | None = None,
) -> pd.DataFrame:
    """Energy and width in time of each pattern.

    The square of a pattern holds that of its noise; ``e(t) = sum over bands of (pattern^2 -
    error^2)``, at least 0, is free of it on average. Only offsets that enough runs reach
    count, and the alignments reach unequally far: compare them with `within_s`.

    Args:
        patterns: of C classes and A alignments.
        classes: their names.
        alignments: their names.
        hop_s: seconds between two steps.
        within_s: farthest offset from the key step that is looked at, in seconds.

    Returns:
        One row a class and alignment: frames, runs; energy (mean of ``e`` a bin), noise (mean
        of error^2), peak (largest absolute value), differs (share of bins); and of the time
        course ``e(t)``: effective_ms, ``hop (sum e)^2 / sum e^2`` (a box of that length
        has it), centre_ms, its mean offset from the key step, and spread_ms about that, its
        standard deviation. NaN where there is nothing to say.
    """
    width = patterns.pattern.shape[3]
    time = (np.arange(width) - width // 2) * 1000 * hop_s
    near = np.abs(time) <= (np.inf if within_s is None else 1000 * within_s + 1e-6)
    rows = [
        {"class": name, "alignment": alignment} | _row(patterns, (c, a), near, time, 1000 * hop_s)
        for c, name in enumerate(classes)
        for a, alignment in enumerate(alignments)
    ]
    return pd.DataFrame(rows)


def _row(
    patterns: Patterns, panel: tuple[int, int], near: np.ndarray, time: np.ndarray, hop: float
) -> dict[str, float]:
    at = patterns.tested[panel] & near
    counts = {"frames": patterns.counts[panel].max(), "runs": patterns.runs[panel].max()}
    values = (patterns.pattern[panel][:, at], patterns.pattern_error[panel][:, at])
    differs = patterns.differs[panel][:, at].mean() if at.any() else np.nan
    return counts | _numbers(*values, time[at], hop) | {"differs": differs}


def _numbers(
    pattern: np.ndarray, error: np.ndarray, time: np.ndarray, hop: float
) -> dict[str, float]:
    course = np.maximum((pattern**2 - error**2).sum(0), 0)
    total = course.sum()
    names = ("energy", "noise", "peak", "effective_ms", "centre_ms", "spread_ms")
    if not pattern.size:
        return dict.fromkeys(names, np.nan)
    width = centre = spread = np.nan
    if total > 0:
        width = hop * total**2 / (course**2).sum()
        centre = (course * time).sum() / total
        spread = np.sqrt((course * (time - centre) ** 2).sum() / total)
    values = (total / pattern.size, (error**2).mean(), np.abs(pattern).max(), width)
    return dict(zip(names, (*values, centre, spread), strict=True))
