"""What measures ask of the maps that they are given."""

from __future__ import annotations

import numpy as np

from speechlrp.errors import SpeechLRPError


def check_maps(relevance: np.ndarray, axes: str = "N, F, T", what: str = "relevance") -> np.ndarray:
    """Give maps back as an array, where they have the axes that they should.

    Args:
        relevance: maps.
        axes: such as ``"N, F, T"``, for their number and the error.
        what: they are, for the error.

    Raises:
        SpeechLRPError: the shape is another.
    """
    relevance = np.asarray(relevance)
    if relevance.ndim != axes.count(",") + 1:
        raise SpeechLRPError(f"{what} must have the shape [{axes}]; found {list(relevance.shape)}")
    return relevance


def check_share(share: float) -> float:
    """Give a share of bins back, where it lies in (0, 1]; else SpeechLRPError."""
    if not 0 < share <= 1:
        raise SpeechLRPError(f"a share of bins lies in (0, 1], not at {share}")
    return share
