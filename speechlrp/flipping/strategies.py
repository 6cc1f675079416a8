"""Which bins are flipped first. B recordings, P bins each.

A strategy sees the relevance and says what comes first; what it leaves equal is drawn
(`ranking.ranked`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Strategy(ABC):
    """Base of all strategies.

    Attributes:
        reverse: the strategy of the opposite order, if there is one: the symmetric gain of a
            curve is the difference of the two.
        repeated: whether `flipping.repeats` orders are drawn, as of a strategy that leaves most
            bins equal.
    """

    reverse: str = ""
    repeated: bool = False

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
