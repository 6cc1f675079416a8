"""How specific a pattern is, by numbers instead of by eye (K 4.3 compares by eye), and how sure.

Shapes as in `speechlrp.navai.average`; ``G`` groups of utterances.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from speechlrp.errors import SpeechLRPError
from speechlrp.navai.average import Averages
from speechlrp.navai.pattern import Patterns

WITH_ERRORS = ("energy", "effective_ms")


def specificity(
    patterns: Patterns, averages: Averages, offset_ms: np.ndarray, within_s: float | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Energy and width in time of each pattern, and which alignment is the most specific.

    The square of a pattern holds that of its noise; ``e(t) = sum over bands of (pattern^2 -
    error^2)``, at least 0, is free of it on average. Only offsets that enough runs reach
    count, and the alignments reach unequally far: compare them with `within_s`.

    Args:
        patterns: of C classes and A alignments.
        averages: what they come from; with sums by groups of utterances, for standard errors.
        offset_ms: from the key step, ``[D]``.
        within_s: farthest offset from the key step that is looked at, in seconds.

    Returns:
        One row a class and alignment: frames, runs; energy (mean of ``e`` a bin), noise (mean
        of error^2), peak (largest absolute value), differs (share of bins); and of the time
        course ``e(t)``: effective_ms, ``hop (sum e)^2 / sum e^2`` (a box of that length
        has it), centre_ms, its mean offset from the key step, and spread_ms about that, its
        standard deviation; nearest, the class with the most similar pattern, and similarity,
        the correlation with it over all bins. With groups energy_error and
        effective_ms_error (jackknife), and reliability, the correlation of the patterns of
        two halves of the utterances. NaN where there is nothing to say.

        One row an alignment: classes (those that have all numbers with every alignment);
        energy, effective_ms and similarity (means over them), with groups energy_error,
        effective_ms_error and reliability; most_energy and narrowest, in how many of the
        classes it comes first.
    """
    near = np.abs(offset_ms) <= (np.inf if within_s is None else 1000 * within_s + 1e-6)
    at = patterns.tested & near
    numbers = _numbers(patterns.pattern, patterns.pattern_error, at, offset_ms)
    differs = (patterns.differs & at[:, :, None]).sum((2, 3)) / _bins(at, averages.bands)
    columns = {"frames": patterns.counts.max(2), "runs": patterns.runs.max(2)} | numbers
    columns |= {"differs": differs} | _nearest(patterns.pattern, at, averages.classes)
    replicates = {}
    if averages.groups:
        replicates = _replicates(patterns, averages, at, offset_ms)
        columns |= {f"{name}_error": standard_error(v) for name, v in replicates.items()}
        columns["reliability"] = _alike(*halves(averages), at)
    panels = [averages.classes, averages.alignments]
    index = pd.MultiIndex.from_product(panels, names=["class", "alignment"])
    table = pd.DataFrame({name: v.ravel() for name, v in columns.items()}, index).reset_index()
    return table, _by_alignment(columns, replicates, averages.alignments)


def _by_alignment(
    columns: dict[str, np.ndarray], replicates: dict[str, np.ndarray], alignments: Sequence[str]
) -> pd.DataFrame:
    """Means ``[A]`` of columns ``[C, A]`` over the classes that have them with all alignments."""
    whole = np.isfinite([columns[name] for name in WITH_ERRORS]).all((0, 2))
    table = pd.DataFrame({"alignment": alignments, "classes": int(whole.sum())})
    for name in (*WITH_ERRORS, "similarity", "reliability"):
        if name in columns:
            table[name] = columns[name][whole].mean(0) if whole.any() else np.nan
    for name, values in replicates.items():
        # the error of the mean, not a mean of errors: alignments share their utterances
        means = values[:, whole].mean(1) if whole.any() else np.full(1, np.nan)
        table[f"{name}_error"] = standard_error(means)
    firsts = {"most_energy": -columns["energy"][whole], "narrowest": columns["effective_ms"][whole]}
    for name, values in firsts.items():
        table[name] = np.bincount(values.argmin(1), minlength=len(alignments)) if len(values) else 0
    return table


def _bins(at: np.ndarray, bands: int) -> np.ndarray:
    """How many bins of each pattern count ``[C, A]``; NaN for none."""
    return np.where(at.any(2), bands * at.sum(2), np.nan)


def _numbers(
    pattern: np.ndarray, error: np.ndarray, at: np.ndarray, offset_ms: np.ndarray
) -> dict[str, np.ndarray]:
    """Numbers ``[C, A]`` of patterns at the offsets that count ``[C, A, D]``."""
    here = at[:, :, None]
    noise = np.where(here, error, 0) ** 2
    course = np.maximum((np.where(here, pattern, 0) ** 2 - noise).sum(2), 0)
    bins = _bins(at, pattern.shape[2])
    total = course.sum(2)
    shape = course / np.where(total > 0, total, np.nan)[:, :, None]  # of the time course, sum 1
    centre, hop = shape @ offset_ms, np.ptp(offset_ms) / max(len(offset_ms) - 1, 1)
    return {
        "energy": total / bins,
        "noise": noise.sum((2, 3)) / bins,
        "peak": np.abs(np.where(here, pattern, 0)).max((2, 3)) + 0 * bins,
        "effective_ms": hop / (shape**2).sum(2),
        "centre_ms": centre,
        "spread_ms": np.sqrt((shape * (offset_ms - centre[:, :, None]) ** 2).sum(2)),
    }


def _replicates(
    patterns: Patterns, averages: Averages, at: np.ndarray, offset_ms: np.ndarray
) -> dict[str, np.ndarray]:
    """Numbers ``[G, C, A]`` of the patterns without a group, whose noise is a little more."""
    error = patterns.pattern_error * (averages.groups / (averages.groups - 1)) ** 0.5
    numbers = [_numbers(pattern, error, at, offset_ms) for pattern in leave_one_out(averages)]
    return {name: np.stack([one[name] for one in numbers]) for name in WITH_ERRORS}


def _nearest(pattern: np.ndarray, at: np.ndarray, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """The class with the most similar pattern, and how similar it is, ``[C, A]`` each."""
    names = np.full(at.shape[:2], "", dtype=object)
    best = np.full(at.shape[:2], np.nan)
    for c, a in np.ndindex(at.shape[:2]):
        both = at[c, a] & at[:, a]
        others = [_correlation(pattern[c, a], pattern[o, a], both[o]) for o in range(len(both))]
        others[c] = np.nan
        if np.isfinite(others).any():
            place = int(np.nanargmax(others))
            names[c, a], best[c, a] = classes[place], others[place]
    return {"nearest": names, "similarity": best}


def _alike(one: np.ndarray, other: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Correlations ``[C, A]`` of the patterns of two halves."""
    correlations = np.full(at.shape[:2], np.nan)
    for panel in np.ndindex(correlations.shape):
        correlations[panel] = _correlation(one[panel], other[panel], at[panel])
    return correlations


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


def leave_one_out(averages: Averages) -> Iterator[np.ndarray]:
    """The patterns ``[C, A, F, D]`` without each of the groups in turn; NaN: nothing reaches.

    Raises:
        SpeechLRPError: sums by groups were not kept.
    """
    _check_groups(averages, "errors")
    sums, counts = (averages.arrays[name].cpu().numpy() for name in ("sums", "counts"))
    for group in range(averages.groups):
        yield _pattern(
            sums - averages.arrays["group_sums"][group].cpu().numpy(),
            counts - averages.arrays["group_counts"][group].cpu().numpy(),
        )


def _check_groups(averages: Averages, what: str) -> None:
    if averages.groups < 2:
        raise SpeechLRPError(f"{what} need 2 groups of utterances; there are {averages.groups}")


def halves(averages: Averages) -> tuple[np.ndarray, np.ndarray]:
    """The patterns ``[C, A, F, D]`` of every second group, and of the others; errors as above."""
    _check_groups(averages, "halves")
    sums, counts = (averages.arrays[f"group_{name}"] for name in ("sums", "counts"))
    one, other = (
        _pattern(sums[part::2].sum(0).cpu().numpy(), counts[part::2].sum(0).cpu().numpy())
        for part in (0, 1)
    )
    return one, other


def standard_error(replicates: np.ndarray) -> np.ndarray:
    """The jackknife's standard error of a number, by its values with each of G groups left out.

    ``sqrt((G - 1) / G sum (x_g - mean)^2)`` ``[...]`` of ``[G, ...]``; NaN where one of them is.

    Source: Efron and Stein 1981; for groups of unequal size an approximation.
    """
    groups = len(replicates)
    return np.sqrt((groups - 1) * np.var(replicates, axis=0))


def _pattern(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Means of the classes less the mean over all."""
    every = counts.sum(0)
    mean = sums / np.where(counts, counts, np.nan)[:, :, None]
    return mean - sums.sum(0) / np.where(every, every, np.nan)[:, None]
