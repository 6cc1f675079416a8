"""The order in which bins are flipped. P bins a recording, B recordings."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from speechlrp.errors import unknown
from speechlrp.flipping import STRATEGIES


def falling_order(relevance: Tensor) -> Tensor:
    """Rank bins by relevance, the most positive first; equal ones by their position.

    Args:
        relevance: `[B, ...]`, P values a recording.

    Returns:
        Bin indices `[B, P]`, int64.
    """
    return relevance.flatten(1).argsort(dim=1, descending=True, stable=True)


def flipping_order(
    strategy: str, falling: Tensor, ids: list[str], seed: int, repeat: int
) -> Tensor:
    """Order the bins for a strategy (T 6.1).

    Args:
        strategy: ``"lrp"`` (most positive first), ``"lrp_rev"`` (most negative
            first) or ``"random"``.
        falling: bin indices by falling relevance `[B, P]`.
        ids: what the recordings are called `[B]`: a random order depends on the
            recording, the seed and the repeat, not on the batch it comes in.
        seed: of the random orders.
        repeat: number of the random order.

    Returns:
        Bin indices `[B, P]`.
    """
    if strategy == "lrp":
        return falling
    if strategy == "lrp_rev":
        return falling.flip(1)
    if strategy == "random":
        bins = falling.shape[1]
        return torch.stack([_permutation(bins, f"{seed}/{repeat}/{name}") for name in ids]).to(
            falling.device
        )
    raise unknown("strategy", strategy, STRATEGIES)


def _permutation(bins: int, key: str) -> Tensor:
    seed = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") >> 1
    return torch.randperm(bins, generator=torch.Generator().manual_seed(seed))
