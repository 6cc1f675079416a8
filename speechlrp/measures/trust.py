"""How far a measure that knows no truth ranks explainers as truth does.

Shapes: S seeds of a training, E explainers, N recordings, the same for all seeds; D draws.
"""

import math
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from speechlrp.errors import SpeechLRPError

BEST_IS_LEAST = (
    *("deletion", "steepness", "to_chance", "sufficiency", "drop", "infidelity", "max_sensitivity"),
    *("complexity", "randomised_weights", "randomised_logit", "completeness_error"),
)
"""Measures, or their beginnings, whose small values speak for an explainer."""
FEWEST = 4
"""Explainers below which no rank correlation is given."""


def sign_of(measure: str) -> int:
    """-1 where a small value speaks for an explainer, else 1."""
    return -1 if measure.startswith(BEST_IS_LEAST) else 1


@dataclass(frozen=True)
class Agreement:
    """A measure beside truth."""

    correlation: float  # Spearman's, the mean over the seeds; NaN where it is not defined
    low: float  # 2.5 % of the draws
    high: float  # 97.5 %
    each: np.ndarray  # of every seed ``[S]``
    explainers: int  # that have a value of both
    best: int  # the number of the explainer that the measure calls the best, by its mean over seeds


UNKNOWN = Agreement(math.nan, math.nan, math.nan, np.zeros(0), 0, -1)


def agreement_with_truth(measure: np.ndarray, truth: np.ndarray, *, draws: int) -> Agreement:
    """The rank correlation of explainers' means, with its interval over seeds and recordings.

    Seeds and recordings are drawn with replacement, each on its own: a recording is drawn for
    all seeds and explainers at once, so that what is hard for all stays so.

    Args:
        measure: ``[S, E, N]``, the larger the better; NaN where it is undefined.
        truth: likewise.
        draws: D, always the same ones.

    Raises:
        SpeechLRPError: the shapes differ.
    """
    if measure.shape != truth.shape or measure.ndim != 3:
        raise SpeechLRPError(
            f"a measure and the truth are both [S, E, N]; found {list(measure.shape)} and "
            f"{list(truth.shape)}"
        )
    known = np.isfinite(measure).any((0, 2)) & np.isfinite(truth).any((0, 2))
    if known.sum() < FEWEST:
        return UNKNOWN
    measure, truth = measure[:, known], truth[:, known]
    seeds, _, recordings = measure.shape
    each = _correlations(measure, truth, np.ones((recordings, 1)))[:, 0]
    weights, picked = _draws(seeds, recordings, draws)
    drawn = _correlations(measure, truth, weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a measure that is the same for all
        means = np.nanmean(np.take_along_axis(drawn, picked, 0), axis=0)
        low, high = np.nanquantile(means, [0.025, 0.975])
        overall = np.nanmean(measure, axis=(0, 2))
        correlation = float(np.nanmean(each))
    best = int(np.flatnonzero(known)[np.nanargmax(overall)])
    return Agreement(correlation, float(low), float(high), each, int(known.sum()), best)


def _draws(seeds: int, recordings: int, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each recording is drawn ``[N, D]``, and which seeds are ``[S, D]``."""
    rng = np.random.default_rng(0)
    weights = rng.multinomial(recordings, np.full(recordings, 1 / recordings), draws).T
    return weights, rng.integers(seeds, size=(seeds, draws))


def _correlations(measure: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Spearman's over the explainers of their weighted means ``[S, D]``; weights ``[N, D]``."""
    first, second = (_ranks(_means(values, weights)) for values in (measure, truth))
    first, second = (ranks - ranks.mean(1, keepdims=True) for ranks in (first, second))
    with np.errstate(invalid="ignore", divide="ignore"):
        length = np.sqrt((first**2).sum(1) * (second**2).sum(1))
        return (first * second).sum(1) / length


def _means(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Means over the recordings that are defined, ``[S, E, D]``."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (np.where(known, values, 0) @ weights) / (known @ weights)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks over the explainers ``[S, E, D]``, equal ones sharing their mean."""
    seeds, explainers, draws = values.shape
    flat = values.transpose(1, 0, 2).reshape(explainers, seeds * draws)
    ranks = pd.DataFrame(flat).rank().to_numpy()
    return ranks.reshape(explainers, seeds, draws).transpose(1, 0, 2)


def interval(values: np.ndarray, *, draws: int) -> tuple[float, float, float]:
    """The mean of an explainer's measure ``[S, N]``, and 2.5 and 97.5 % over seeds and recordings.

    NaN does not count. Both are drawn D times, always alike.
    """
    if not np.isfinite(values).any():
        return math.nan, math.nan, math.nan
    seeds, recordings = values.shape
    weights, picked = _draws(seeds, recordings, draws)
    drawn = np.take_along_axis(_means(values[:, None], weights)[:, 0], picked, 0)
    low, high = np.nanquantile(np.nanmean(drawn, axis=0), [0.025, 0.975])
    return float(np.nanmean(values)), float(low), float(high)
