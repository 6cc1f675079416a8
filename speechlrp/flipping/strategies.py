"""The order in which bins are flipped. P bins a recording, B recordings.

A strategy sees the relevance and says what comes first; what it leaves equal is drawn (`ranked`).
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from speechlrp.errors import SpeechLRPError, about
from speechlrp.flipping import STRATEGIES
from speechlrp.flipping.sorting import falling
from speechlrp.registry import guarded


def flipping_order(
    strategy: str, relevance: Tensor, ids: Sequence[str], seed: int, repeat: int = 0
) -> Tensor:
    """Order the bins for a strategy (T 6.1): bin indices `[B, P]`, int64.

    Args:
        strategy: a name of `STRATEGIES`, or ``package.module:Name``.
        relevance: `[B, ...]`, P values a recording.
        ids: see `ranked`, as for the others.
        seed: see `ranked`.
        repeat: see `ranked`.

    Raises:
        SpeechLRPError: no such strategy, or one whose priorities are not of the relevance's shape
            or not finite, or whose `reverse` is no strategy.
    """
    flat = _flat(relevance)
    entry = STRATEGIES[strategy]
    if entry.reverse:
        with about(f"reverse of strategy {strategy}"):
            STRATEGIES[entry.reverse]
    with guarded(f"strategy {strategy}", entry):
        priority = entry().priority(flat)
    if not isinstance(priority, Tensor) or priority.shape != flat.shape:
        shape = list(priority.shape) if isinstance(priority, Tensor) else type(priority).__name__
        raise SpeechLRPError(
            f"strategy {strategy} gives {shape}; it must give priorities {list(flat.shape)}"
        )
    with about(f"strategy {strategy}"):
        return ranked(priority, ids, seed, repeat)


def ranked(priority: Tensor, ids: Sequence[str], seed: int, repeat: int = 0) -> Tensor:
    """Put the largest priority `[B, P]` first: bin indices `[B, P]`, int64.

    Equal ones come in an order that is drawn: by position, a map that is the same everywhere would
    be flipped from low frequencies up, and its curve show what the network makes of those. A draw
    depends on the recording's id `[B]`, the seed and the number of the repeat, not on the batch.

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
        row.copy_(torch.randperm(bins, generator=generator(f"{seed}/{repeat}/{name}")))
    return falling(priority, draw.to(priority.device))


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


def generator(key: str) -> torch.Generator:
    """A generator that is seeded by a text, the same in every process."""
    seed = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") >> 1
    return torch.Generator().manual_seed(seed)


class Strategy(ABC):
    """Base of all strategies."""

    reverse: str = ""
    """The strategy of the opposite order, if there is one: the symmetric gain of a curve is the
    difference of the two."""
    repeated: bool = False
    """Whether `flipping.repeats` orders are drawn, as of a strategy that leaves most bins equal."""

    @abstractmethod
    def priority(self, relevance: Tensor) -> Tensor:
        """Say what comes first.

        Args:
            relevance: ``[B, P]``.

        Returns:
            ``[B, P]``: the bin with the largest number is flipped first.
        """


class MostRelevant(Strategy):
    """The most positive first (T's ``lrp``)."""

    reverse = "lrp_rev"

    def priority(self, relevance: Tensor) -> Tensor:
        """Relevance itself."""
        return relevance


class MostNegative(Strategy):
    """The most negative first (T's ``lrp_rev``)."""

    reverse = "lrp"

    def priority(self, relevance: Tensor) -> Tensor:
        """Relevance with its sign turned."""
        return -relevance


class Random(Strategy):
    """Whatever the relevance is (T's ``random``)."""

    repeated = True

    def priority(self, relevance: Tensor) -> Tensor:
        """All are equal, and drawn."""
        return torch.zeros_like(relevance)


class Largest(Strategy):
    """The largest first, whether it speaks for the class or against it."""

    reverse = "lrp_abs_rev"

    def priority(self, relevance: Tensor) -> Tensor:
        """Relevance without its sign."""
        return relevance.abs()


class Smallest(Strategy):
    """What matters least first, to either side."""

    reverse = "lrp_abs"

    def priority(self, relevance: Tensor) -> Tensor:
        """The opposite of `Largest`."""
        return -relevance.abs()
