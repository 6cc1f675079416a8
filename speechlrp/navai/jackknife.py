"""Patterns without a group of utterances: how sure is a number that comes from one?

Shapes as in `speechlrp.navai.average`; ``G`` groups of utterances.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from speechlrp.errors import SpeechLRPError
from speechlrp.navai.average import Averages


def leave_one_out(averages: Averages) -> Iterator[np.ndarray]:
    """The patterns ``[C, A, F, D]`` without each of the groups in turn; NaN: nothing reaches.

    Raises:
        SpeechLRPError: sums by groups were not kept.
    """
    if averages.groups < 2:
        raise SpeechLRPError(f"errors need 2 groups of utterances; there are {averages.groups}")
    sums, counts = (averages.arrays[name].cpu().numpy() for name in ("sums", "counts"))
    for group in range(averages.groups):
        yield _pattern(
            sums - averages.arrays["group_sums"][group].cpu().numpy(),
            counts - averages.arrays["group_counts"][group].cpu().numpy(),
        )


def halves(averages: Averages) -> tuple[np.ndarray, np.ndarray]:
    """The patterns ``[C, A, F, D]`` of every second group, and of the others.

    Raises:
        SpeechLRPError: sums by groups were not kept.
    """
    if averages.groups < 2:
        raise SpeechLRPError(f"halves need 2 groups of utterances; there are {averages.groups}")
    sums, counts = (averages.arrays[f"group_{name}"] for name in ("sums", "counts"))
    one, other = (
        _pattern(sums[part::2].sum(0).cpu().numpy(), counts[part::2].sum(0).cpu().numpy())
        for part in (0, 1)
    )
    return one, other


def standard_error(replicates: np.ndarray) -> np.ndarray:
    """The jackknife's standard error of a number.

    Args:
        replicates: its values with each of G groups left out ``[G, ...]``.

    Returns:
        ``sqrt((G - 1) / G sum (x_g - mean)^2)`` ``[...]``; NaN where one of them is.

    Source: Efron and Stein 1981; for groups of unequal size an approximation.
    """
    groups = len(replicates)
    return np.sqrt((groups - 1) * np.var(replicates, axis=0))


def _pattern(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Means of the classes less the mean over all."""
    every = counts.sum(0)
    mean = sums / np.where(counts, counts, np.nan)[:, :, None]
    return mean - sums.sum(0) / np.where(every, every, np.nan)[:, None]
