"""How few bins hold the relevance. N recordings, P bins each."""

from __future__ import annotations

import numpy as np

from speechlrp.measures.scores import Maps, share
from speechlrp.measures.validity import check_maps


def sparseness(maps: Maps) -> dict[str, np.ndarray]:
    """The Gini index and the complexity of every map."""
    return {"gini": gini(maps.relevance), "complexity": complexity(maps.relevance)}


def gini(relevance: np.ndarray) -> np.ndarray:
    """The Gini index of absolute relevance: 0 if all bins have as much, 1 - 1/P if one has all.

    Args:
        relevance: ``[N, F, T]``.

    Returns:
        ``[N]``; NaN of a map that is 0 throughout.

    Source: Chalasani et al. 2020; Hurley and Rickard 2009.
    """
    sizes = np.sort(_sizes(relevance), axis=1)
    count = sizes.shape[1]
    weights = 2 * np.arange(1, count + 1) - count - 1
    return share(sizes @ weights, count * sizes.sum(axis=1))


def complexity(relevance: np.ndarray) -> np.ndarray:
    """The entropy of the shares of absolute relevance, in nats: 0 if one bin has all, to ``ln P``.

    Args:
        relevance: ``[N, F, T]``.

    Returns:
        ``[N]``; NaN of a map that is 0 throughout.

    Source: Bhatt et al. 2020.
    """
    sizes = _sizes(relevance)
    p = share(sizes, np.broadcast_to(sizes.sum(axis=1, keepdims=True), sizes.shape))
    return -(p * np.log(p, out=np.zeros_like(p), where=p != 0)).sum(axis=1)


def _sizes(relevance: np.ndarray) -> np.ndarray:
    relevance = np.abs(check_maps(relevance).astype(np.float64))
    return relevance.reshape(len(relevance), int(np.prod(relevance.shape[1:])))
