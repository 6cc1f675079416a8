"""From sums to NAvAI's patterns, with their errors, what of them is no chance, and their sound.

Shapes as in `speechlrp.navai.average`, and ``E`` offsets that are kept. NaN stands where no frame
reaches.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.navai.average import Averages

LEAST = 30
"""Runs of the class, and of all others, that must reach an offset to be tested."""
REACHED = 0.1
"""Share of the most frames that reach an offset which must reach one that is heard."""


@dataclass(frozen=True)
class Patterns:
    """Mean spectrograms and how they differ from the mean over all classes (K 3.5)."""

    mean: np.ndarray  # of the frames of a class ``[C, A, F, D]``; ``error``: its standard error
    error: np.ndarray
    normaliser: np.ndarray  # mean over the frames of all classes ``[A, F, D]``
    pattern: np.ndarray  # ``mean - normaliser``; ``pattern_error``: its standard error
    pattern_error: np.ndarray
    differs: np.ndarray  # where the pattern is not 0 at the stated false-discovery rate, bool
    tested: np.ndarray  # where enough runs reach for that to be asked ``[C, A, D]``, bool
    counts: np.ndarray  # frames that reach the offset ``[C, A, D]``, int64
    runs: np.ndarray  # runs that reach it ``[C, A, D]``, int64


class _Sums(NamedTuple):
    """Sums, frames ``n``, and over runs ``s^2``, ``n s``, ``n^2`` and their number."""

    sums: np.ndarray
    squares: np.ndarray
    products: np.ndarray
    counts: np.ndarray
    run_counts: np.ndarray
    runs: np.ndarray

    def mean(self) -> np.ndarray:
        return self.sums / np.where(self.counts, self.counts, np.nan)

    def variance(self) -> np.ndarray:
        """Of the mean, over runs: ``sum (s - n m)^2 / N^2``, times ``R / (R - 1)``."""
        mean = self.mean()
        # the sum over runs of (s - n m)^2, multiplied out: runs are not kept one by one
        spread = self.squares - 2 * mean * self.products + mean**2 * self.run_counts
        runs = np.where(self.runs > 1, self.runs, np.nan)
        return np.maximum(spread, 0) / self.counts.clip(1) ** 2 * runs / (runs - 1)


def patterns(averages: Averages, rate: float = 0.05) -> Patterns:
    """Compute means, normaliser, patterns and their errors.

    Errors take runs as independent and frames of one run as they are (cluster-robust). A
    class is part of the normaliser, so its pattern is ``(1 - N_c / N) (mean of the class -
    mean of the others)``, and its error follows from those two means, which share no run.
    The test is two-sided and normal; the rate is that of Benjamini and Hochberg among the
    tested bins of one class and alignment (one panel of a figure). Neighbouring bins depend
    on each other, positively on the whole, which the procedure allows for.

    Args:
        averages: sums over at least one frame.
        rate: share of false ones among the bins that are said to differ.

    Raises:
        SpeechLRPError: there is no frame at all, or no such rate.
    """
    if not 0 < rate < 1:
        raise SpeechLRPError(f"a false-discovery rate lies between 0 and 1, not at {rate}")
    classes = _sums(averages)
    if not classes.counts.any():
        raise SpeechLRPError(
            "no frame of any class was found: the model predicts none; train it longer "
            "(`speechlrp train trainer.epochs=...`), or give it longer utterances"
        )
    every = _Sums(*(array.sum(0, keepdims=True) for array in classes))
    others = _Sums(*map(np.subtract, every, classes))
    mean, normaliser = classes.mean(), every.mean()
    share = classes.counts / np.where(every.counts, every.counts, np.nan)
    error = (1 - share) * np.sqrt(classes.variance() + others.variance())
    tested = (np.minimum(classes.runs, others.runs) >= LEAST)[:, :, 0]
    pattern = mean - normaliser
    return Patterns(
        mean=mean,
        error=np.sqrt(classes.variance()),
        normaliser=normaliser[0],
        pattern=pattern,
        pattern_error=error,
        differs=_differs(pattern, error, tested, rate),
        tested=tested,
        counts=classes.counts[:, :, 0].copy(),
        runs=classes.runs[:, :, 0].copy(),
    )


def discoveries(p: np.ndarray, rate: float) -> np.ndarray:
    """Which of several tests stand, at a false-discovery rate; bool, shaped like their p-values.

    The rate is the expected share of false ones among those that stand; a ``p`` of NaN is not
    tested.

    Source: Benjamini and Hochberg 1995, (1): with the p-values in rising order, all up to
    the last that is at most ``rate * k / m``.
    """
    rising = np.sort(p[np.isfinite(p)])
    ranks = np.arange(1, len(rising) + 1)
    below = np.flatnonzero(rising <= rate * ranks / max(len(rising), 1))
    return p <= (rising[below[-1]] if len(below) else -1.0)


def _sums(averages: Averages) -> _Sums:
    state = {name: array.cpu().numpy() for name, array in averages.arrays.items()}
    counts, reach, runs = (state[k][:, :, None] for k in ("counts", "run_counts", "runs"))
    squares = state["run_squares" if averages.by_run else "squares"]
    products = state["run_products" if averages.by_run else "sums"]
    return _Sums(state["sums"], squares, products, counts, reach, runs)


def _differs(pattern: np.ndarray, error: np.ndarray, tested: np.ndarray, rate: float) -> np.ndarray:
    differs = np.zeros(pattern.shape, bool)
    for panel in np.ndindex(pattern.shape[:2]):
        at = tested[panel]
        p = _two_sided(pattern[panel][:, at], error[panel][:, at])
        differs[panel][:, at] = discoveries(p, rate)
    return differs


def _two_sided(value: np.ndarray, error: np.ndarray) -> np.ndarray:
    """P-values under the normal distribution; a value of 0 without error is no finding."""
    # a difference without any error is certain: divided by the least number, p becomes 0
    size = np.abs(value) / np.where(error > 0, error, np.finfo(np.float64).tiny)
    return torch.special.erfc(torch.from_numpy(size) / 2**0.5).numpy()


def reach(counts: np.ndarray) -> slice:
    """The offsets that enough frames reach, without a gap, around the one most frames reach.

    Of the frames that reach each offset ``[D]``; empty where there is none.
    """
    enough = (counts > 0) & (counts >= REACHED * counts.max())
    if not enough.any():
        return slice(0, 0)
    centre = int(counts.argmax())
    gaps = np.flatnonzero(~enough)
    first = max(gaps[gaps < centre], default=-1) + 1
    last = min(gaps[gaps > centre], default=len(counts))
    return slice(int(first), int(last))


def laid_over(
    pattern: np.ndarray, normaliser: np.ndarray, counts: np.ndarray, strength: float
) -> np.ndarray:
    """Lay a pattern, made so strong, over the mean of all classes' frames, ``[E, F]``.

    A pattern is what is left of a mean once the mean over all is subtracted: a difference,
    which has no sound of its own. Empty where no frame reaches.

    Args:
        pattern: ``[F, D]``; NaN where no frame reaches.
        normaliser: ``[F, D]``.
        counts: frames that reach each offset ``[D]``, of which `reach` chooses.
        strength: what the pattern's largest absolute value becomes, in deviations.
    """
    kept = reach(counts)
    shown = np.nan_to_num(pattern[:, kept]).astype(np.float64)
    size = np.abs(shown).max(initial=0.0)
    stronger = shown * (strength / size) if size > 0 else shown
    return (np.nan_to_num(normaliser[:, kept]) + stronger).T
