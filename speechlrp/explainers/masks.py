"""Masks from relevance: which bins an explanation says count most."""

import numpy as np

from speechlrp.errors import SpeechLRPError


def most_relevant(
    relevance: np.ndarray, share: float, among: np.ndarray | None = None, seed: int = 0
) -> np.ndarray:
    """Mark the bins of highest relevance, of those whose relevance is above 0; bool, in its shape.

    Args:
        relevance: of any shape.
        share: of the bins that are marked, in (0, 1]; fewer where fewer are above 0.
        among: bool, broadcast against the relevance: the bins that count; None: all.
        seed: of the draw between equal bins at the border.

    Raises:
        SpeechLRPError: no such share.
    """
    if not 0 < share <= 1:
        raise SpeechLRPError(f"a share of bins lies in (0, 1], not at {share}")
    counts = (
        np.ones(relevance.shape, bool) if among is None else np.broadcast_to(among, relevance.shape)
    )
    values = np.where(counts & (relevance > 0), relevance, 0.0).ravel()
    draw = np.random.default_rng(seed).permutation(values.size)
    most = draw[np.argsort(-values[draw], kind="stable")][: round(share * counts.sum())]
    mask = np.zeros(values.shape, bool)
    mask[most] = values[most] > 0
    return mask.reshape(relevance.shape)
