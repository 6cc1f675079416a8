"""The order in which bins are flipped. P bins a recording, B recordings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor

from speechlrp.errors import SpeechLRPError
from speechlrp.flipping import STRATEGIES


def falling_order(relevance: Tensor, ids: Sequence[str], seed: int) -> Tensor:
    """Rank bins by relevance, the most positive first.

    Args:
        relevance: `[B, ...]`, P values a recording.
        ids: see `ranked`.
        seed: see `ranked`.

    Returns:
        Bin indices `[B, P]`, int64.
    """
    return ranked(_flat(relevance), ids, seed)


def flipping_order(
    strategy: str, relevance: Tensor, ids: Sequence[str], seed: int, repeat: int = 0
) -> Tensor:
    """Order the bins for a strategy (T 6.1).

    Args:
        strategy: a name of `STRATEGIES`, or ``package.module:Name``.
        relevance: `[B, ...]`, P values a recording.
        ids: see `ranked`.
        seed: see `ranked`.
        repeat: see `ranked`.

    Returns:
        Bin indices `[B, P]`, int64.

    Raises:
        SpeechLRPError: no such strategy, or one whose priorities are not of the relevance's shape
            or not finite.
    """
    flat = _flat(relevance)
    priority = STRATEGIES[strategy]().priority(flat)
    if not isinstance(priority, Tensor) or priority.shape != flat.shape:
        shape = list(priority.shape) if isinstance(priority, Tensor) else type(priority).__name__
        raise SpeechLRPError(
            f"strategy {strategy} gives {shape}; it must give priorities {list(flat.shape)}"
        )
    return ranked(priority, ids, seed, repeat)


def ranked(priority: Tensor, ids: Sequence[str], seed: int, repeat: int = 0) -> Tensor:
    """Put the largest first; equal ones in an order that is drawn.

    By position, a map that is the same everywhere would be flipped from low frequencies up, and
    its curve show what the network makes of those.

    Args:
        priority: `[B, P]`.
        ids: what the recordings are called `[B]`: a draw depends on the recording, the seed and
            the repeat, not on the batch that it comes in.
        seed: of the draws.
        repeat: number of the draw.

    Returns:
        Bin indices `[B, P]`, int64.

    Raises:
        SpeechLRPError: a priority is not finite; there are more or fewer ids.
    """
    if not bool(priority.isfinite().all()):
        raise SpeechLRPError("bins cannot be ranked by numbers that are not finite")
    if len(ids) != len(priority):
        raise SpeechLRPError(f"there are {len(ids)} ids for the bins of {len(priority)} recordings")
    bins = priority.shape[1]
    draw = torch.empty(priority.shape, dtype=torch.int64)
    for row, name in zip(draw, ids, strict=True):
        row.copy_(_permutation(bins, f"{seed}/{repeat}/{name}"))
    draw = draw.to(priority.device)
    order = priority.gather(1, draw).argsort(dim=1, descending=True, stable=True)
    return draw.gather(1, order)


def check_order(order: Tensor, inputs: Tensor) -> None:
    """Raise SpeechLRPError where an order is not of the bins of the inputs ``[B, C, F, T]``."""
    wanted = [len(inputs), inputs[:1, :1].numel()]
    if list(order.shape) != wanted and len(inputs):
        raise SpeechLRPError(f"an order must have the shape {wanted}; found {list(order.shape)}")


def _flat(relevance: Tensor) -> Tensor:
    if relevance.dim() < 2:
        shape = list(relevance.shape)
        raise SpeechLRPError(f"relevance must have the shape [B, ...]; found {shape}")
    return relevance.flatten(1)


def _permutation(bins: int, key: str) -> Tensor:
    seed = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") >> 1
    return torch.randperm(bins, generator=torch.Generator().manual_seed(seed))
