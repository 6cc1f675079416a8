"""How specific a pattern is, by numbers instead of by eye (K 4.3 compares by eye).

Shapes as in `speechlrp.navai.average`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from speechlrp.navai.average import Averages
from speechlrp.navai.jackknife import halves, left_out, standard_error
from speechlrp.navai.pattern import Patterns

WITH_ERRORS = ("energy", "effective_ms")


def specificity(
    patterns: Patterns,
    classes: Sequence[str],
    alignments: Sequence[str],
    *,
    hop_s: float = 0.008,
    within_s: float | None = None,
    averages: Averages | None = None,
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
        averages: with sums by groups of utterances, for standard errors.

    Returns:
        One row a class and alignment: frames, runs; energy (mean of ``e`` a bin), noise (mean
        of error^2), peak (largest absolute value), differs (share of bins); and of the time
        course ``e(t)``: effective_ms, ``hop (sum e)^2 / sum e^2`` (a box of that length
        has it), centre_ms, its mean offset from the key step, and spread_ms about that, its
        standard deviation; nearest, the class with the most similar pattern, and similarity,
        the correlation with it over all bins. With groups energy_error and
        effective_ms_error (jackknife), and reliability, the correlation of the patterns of
        two halves of the utterances. NaN where there is nothing to say.
    """
    width = patterns.pattern.shape[3]
    time = (np.arange(width) - width // 2) * 1000 * hop_s
    near = np.abs(time) <= (np.inf if within_s is None else 1000 * within_s + 1e-6)
    rows = [
        {"class": name, "alignment": alignment} | _row(patterns, (c, a), near, time, 1000 * hop_s)
        for c, name in enumerate(classes)
        for a, alignment in enumerate(alignments)
    ]
    table = pd.DataFrame(rows)
    at = patterns.tested & near
    columns = _nearest(patterns.pattern, at, classes)
    if averages is not None and averages.groups:
        for name, values in _replicates(patterns, averages, at, time, 1000 * hop_s).items():
            columns[f"{name}_error"] = standard_error(values)
        columns["reliability"] = _alike(*halves(averages), at)
    return table.assign(**{name: values.ravel() for name, values in columns.items()})


def by_alignment(
    table: pd.DataFrame,
    patterns: Patterns,
    averages: Averages,
    *,
    hop_s: float = 0.008,
    within_s: float | None = None,
) -> pd.DataFrame:
    """Which alignment is the most specific: means over the classes that all of them have.

    Args:
        table: of `specificity`, with the same settings.
        patterns: its patterns.
        averages: what they come from.
        hop_s: as there.
        within_s: as there.

    Returns:
        One row an alignment: classes (those that have all numbers with every alignment);
        energy, effective_ms and similarity (means over them), with groups energy_error,
        effective_ms_error and reliability; most_energy and narrowest, in how many of the
        classes it comes first.
    """
    alignments = table.alignment.unique()
    numbers = {name: _grid(table, name, len(alignments)) for name in WITH_ERRORS}
    whole = np.logical_and.reduce([np.isfinite(v).all(1) for v in numbers.values()])
    found = {"alignment": alignments, "classes": int(whole.sum())}
    nothing = np.full(len(alignments), np.nan)
    for name in (*WITH_ERRORS, "similarity", "reliability"):
        if name in table:
            values = _grid(table, name, len(alignments))[whole]
            found[name] = values.mean(0) if whole.any() else nothing
    if averages.groups:
        time = (np.arange(averages.width) - averages.width // 2) * 1000 * hop_s
        near = np.abs(time) <= (np.inf if within_s is None else 1000 * within_s + 1e-6)
        at = patterns.tested & near
        for name, values in _replicates(patterns, averages, at, time, 1000 * hop_s).items():
            error = standard_error(values[:, whole].mean(1)) if whole.any() else nothing
            found[f"{name}_error"] = error
    for name, best in (("most_energy", np.argmax), ("narrowest", np.argmin)):
        values = numbers["energy" if name == "most_energy" else "effective_ms"][whole]
        firsts = best(values, axis=1) if len(values) else np.zeros(0, np.int64)
        found[name] = np.bincount(firsts, minlength=len(alignments))
    return pd.DataFrame(found)


def _grid(table: pd.DataFrame, name: str, alignments: int) -> np.ndarray:
    return table[name].to_numpy(float).reshape(-1, alignments)


def _replicates(
    patterns: Patterns, averages: Averages, at: np.ndarray, time: np.ndarray, hop: float
) -> dict[str, np.ndarray]:
    """Numbers ``[G, C, A]`` of the patterns without a group, whose noise is a little more."""
    more = averages.groups / (averages.groups - 1)
    found = {n: np.full((averages.groups, *at.shape[:2]), np.nan) for n in WITH_ERRORS}
    for group, pattern in enumerate(left_out(averages)):
        for panel in np.ndindex(at.shape[:2]):
            here = at[panel]
            values = pattern[panel][:, here], patterns.pattern_error[panel][:, here] * more**0.5
            numbers = _numbers(*values, time[here], hop)
            for name in WITH_ERRORS:
                found[name][(group, *panel)] = numbers[name]
    return found


def _nearest(pattern: np.ndarray, at: np.ndarray, classes: Sequence[str]) -> dict:
    """The class with the most similar pattern, and how similar it is, ``[C, A]`` each."""
    names = np.full(at.shape[:2], "", dtype=object)
    best = np.full(at.shape[:2], np.nan)
    for a in range(at.shape[1]):
        for c in range(len(classes)):
            both = at[c, a] & at[:, a]
            others = [_correlation(pattern[c, a], pattern[o, a], both[o]) for o in range(len(both))]
            others[c] = np.nan
            if np.isfinite(others).any():
                place = int(np.nanargmax(others))
                names[c, a], best[c, a] = classes[place], others[place]
    return {"nearest": names, "similarity": best}


def _alike(one: np.ndarray, other: np.ndarray, at: np.ndarray) -> np.ndarray:
    found = np.full(at.shape[:2], np.nan)
    for panel in np.ndindex(found.shape):
        found[panel] = _correlation(one[panel], other[panel], at[panel])
    return found


def _correlation(one: np.ndarray, other: np.ndarray, at: np.ndarray) -> float:
    """Over the bins of some offsets; NaN where one has none or is the same everywhere."""
    a, b = one[:, at].ravel(), other[:, at].ravel()
    there = np.isfinite(a) & np.isfinite(b)
    a, b = a[there], b[there]
    if len(a) < 2:
        return np.nan
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size > 0 else np.nan


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
