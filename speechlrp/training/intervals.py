"""How sure an accuracy is.

Two 95 % intervals, because they answer different questions. Wilson's takes the
recordings as independent draws; it is too narrow where the recordings of a
speaker succeed or fail together. The bootstrap over speakers draws speakers, and
says how the accuracy would vary with other speakers; with few of them it is rough.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

Z95 = NormalDist().inv_cdf(0.975)
MEANS = ("mean", "deviation", "low", "high", "least", "most")


def wilson(correct: int, n: int) -> tuple[float, float]:
    """Give the 95 % score interval of a proportion (Wilson 1927).

    With p = correct / n and z = 1.96:
    (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Args:
        correct: successes.
        n: trials; 0 gives (nan, nan).

    Returns:
        Lower and upper end, within [0, 1].
    """
    if n == 0:
        return math.nan, math.nan
    z = Z95
    p, weight = correct / n, 1 + z * z / n
    centre = (p + z * z / (2 * n)) / weight
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / weight
    return max(0.0, centre - half), min(1.0, centre + half)


def speaker_bootstrap(
    correct: Sequence[int], n: Sequence[int], *, seed: int, draws: int = 10_000
) -> tuple[float, float]:
    """Give the percentile interval over speakers drawn with replacement.

    Args:
        correct: successes of each speaker, [S].
        n: trials of each speaker, [S].
        seed: of the draws.
        draws: how many.

    Returns:
        The 2.5 and 97.5 % points of the accuracy; (nan, nan) with fewer than two speakers.
    """
    if len(n) < 2:
        return math.nan, math.nan
    drawn = np.random.default_rng(seed).integers(len(n), size=(draws, len(n)))
    accuracy = np.asarray(correct)[drawn].sum(axis=1) / np.asarray(n)[drawn].sum(axis=1)
    low, high = np.quantile(accuracy, [0.025, 0.975])
    return float(low), float(high)


def guessing(correct: Sequence[int], n: Sequence[int], classes: int, *, seed: int) -> str:
    """Say that a network is no better than guessing; "" where it is, or is surely worse.

    Args:
        correct: successes of each speaker, [S].
        n: trials of each speaker, [S].
        classes: of which one is right.
        seed: of the bootstrap's draws.

    Returns:
        A sentence where 1 / classes lies in one of the two intervals of 95 %.
    """
    total, chance = int(sum(n)), 1 / classes
    accuracy = sum(correct) / total if total else math.nan
    intervals = {
        "recordings": wilson(int(sum(correct)), total),
        "speakers": speaker_bootstrap(correct, n, seed=seed),
    }
    for over, (low, high) in intervals.items():
        if low <= chance <= high:
            return (
                "the network is at chance on these recordings: accuracy "
                f"{accuracy:.1%} of {total}, 95 % over {over} {low:.1%} to {high:.1%}, which holds "
                f"1 / {classes} = {chance:.1%}; what explains it explains guesses"
            )
    return ""


def mean_interval(values: Sequence[float]) -> dict[str, float]:
    """Give the mean of a few repetitions, and how sure it is.

    Args:
        values: one of each repetition; those that are not finite are left out.

    Returns:
        ``n``, ``mean``, ``deviation`` (of the repetitions, n - 1), ``low`` and ``high`` (95 % of
        the mean, Student's t), ``least`` and ``most``; nan where there are too few.
    """
    held = np.asarray(values, dtype=np.float64)
    held = held[np.isfinite(held)]
    if not len(held):
        return {"n": 0, **dict.fromkeys(MEANS, math.nan)}
    deviation = float(held.std(ddof=1)) if len(held) > 1 else math.nan
    mean, half = float(held.mean()), deviation * t95(len(held) - 1) / math.sqrt(len(held))
    numbers = (mean, deviation, mean - half, mean + half, float(held.min()), float(held.max()))
    return {"n": len(held), **dict(zip(MEANS, numbers, strict=True))}


def t95(freedom: int) -> float:
    """Give the 97.5 % point of Student's t, by bisection of its distribution function.

    With theta = atan(t / sqrt(freedom)), the probability within -t to t is a finite sum of
    powers of cos theta (Abramowitz and Stegun 26.7.3 and 26.7.4).

    Args:
        freedom: degrees of freedom; below 1 there is no such point.
    """
    if freedom < 1:
        return math.nan
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < 0.95 else (low, middle)
    return high


def _within(t: float, freedom: int) -> float:
    theta = math.atan(t / math.sqrt(freedom))
    odd, cosine = freedom % 2, math.cos(theta)
    term, total = (cosine if odd else 1.0), 0.0
    for power in range(1 + odd, freedom, 2):
        total += term
        term *= cosine**2 * power / (power + 1)
    if odd:
        return 2 / math.pi * (theta + math.sin(theta) * total)
    return math.sin(theta) * total
