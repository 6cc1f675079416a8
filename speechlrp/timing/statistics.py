"""Bias, spread and shares of errors, and how sure they are: the bootstrap over utterances.

Shapes: ``n`` errors, ``R`` repeats, ``U`` utterances.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

WITHIN_MS = (20, 50, 100)
SHARES = ("inside", *(f"within_{ms}" for ms in WITHIN_MS))
MOMENTS = ("bias_ms", "std_ms", *SHARES)
QUARTILES = (0.25, 0.5, 0.75)
TAILS, ENDS = (0.025, 0.975), ("low", "high")
"""95 % lie between."""


def statistics(error: np.ndarray, inside: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Bias, spread and shares of weighted errors.

    Args:
        error: in ms, rising ``[n]``.
        inside: whether each is inside, or what share of it ``[n]``.
        weight: how often each occurs ``[n]``.

    Returns:
        `MOMENTS`, median_ms, q25_ms, q75_ms and iqr_ms.
    """
    low, middle, high = quantiles(error, weight, QUARTILES)
    places = {"median_ms": middle, "q25_ms": low, "q75_ms": high, "iqr_ms": high - low}
    return _moments(_terms(error, inside) @ weight) | places


def _terms(error: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """What is added up for `_moments` ``[7, n]``."""
    within = (np.abs(error) <= ms for ms in WITHIN_MS)
    return np.stack([np.ones(len(error)), error, error**2.0, inside, *within])


def _moments(sums: np.ndarray) -> dict[str, np.ndarray]:
    """`MOMENTS` of sums ``[7, ...]``."""
    frames, error, square, *shares = sums
    mean = error / frames
    spread = np.sqrt(np.maximum(square / frames - mean**2, 0))
    return dict(zip(MOMENTS, (mean, spread, *(share / frames for share in shares)), strict=True))


def quantiles(rising: np.ndarray, weight: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """The least values that at least these shares of the weights do not exceed."""
    total = np.cumsum(weight)
    # a sum of weights such as 1/206 may just miss a share that it should meet
    return rising[np.searchsorted(total, np.asarray(shares) * total[-1] - 1e-9)]


def median_distance(error: np.ndarray) -> float:
    """The median distance of errors from their median."""
    middle = np.quantile(error, 0.5, method="inverted_cdf")
    return float(np.quantile(np.abs(error - middle), 0.5, method="inverted_cdf"))


def resampled(utterances: int, repeats: int) -> np.ndarray:
    """How often each utterance is drawn, with replacement, in each repeat ``[R, U]``."""
    even = np.full(utterances, 1 / utterances)
    return np.random.default_rng(0).multinomial(utterances, even, size=repeats)


def intervals(errors: pd.DataFrame, draws: np.ndarray) -> dict[str, float]:
    """Bounds of the middle 95 % of the repeats' statistics.

    Frames of an utterance are no independent errors, so utterances are drawn, not frames.

    Args:
        errors: columns error_ms, rising, inside and utterance (0 to U - 1).
        draws: as `resampled` gives them.

    Returns:
        ``_low`` and ``_high`` of `MOMENTS`, median_ms and iqr_ms.
    """
    error, inside, utterance = (
        errors[name].to_numpy() for name in ("error_ms", "inside", "utterance")
    )
    sums = [np.bincount(utterance, term, draws.shape[1]) for term in _terms(error, inside)]
    draws = draws[draws @ sums[0] > 0]  # those that drew any of these errors
    repeats = _moments(np.stack(sums) @ draws.T)
    low, middle, high = np.transpose(
        [quantiles(error, draw[utterance], QUARTILES) for draw in draws]
    )
    repeats |= {"median_ms": middle, "iqr_ms": high - low}
    bounds = {name: np.quantile(values, TAILS) for name, values in repeats.items()}
    return {
        f"{n}_{end}": v for n, pair in bounds.items() for end, v in zip(ENDS, pair, strict=True)
    }
