"""LRP-alpha-beta and LRP-z+."""

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from speechlrp.lrp.layer import Layer, pieces
from speechlrp.lrp.refusals import LRPError
from speechlrp.lrp.rules.contributions import Contributions, Terms
from speechlrp.lrp.rules.rule import SignedRule, finite


class AlphaBeta(SignedRule):
    r"""LRP-alpha-beta: positive and negative contributions in a fixed proportion.

    .. math:: R_i = \sum_j \left(\alpha \frac{z_{ij}^{+}}{\sum_{i'} z_{i'j}^{+} + b_j^{+}}
        - \beta \frac{z_{ij}^{-}}{\sum_{i'} z_{i'j}^{-} + b_j^{-}}\right) R_j,
        \qquad \alpha - \beta = 1

    The choice where evidence against must be seen, yet not as much of it as LRP-0 shows:
    (2, 1) is customary for convolutions, (1, 0) is z+. What of ``beta R`` an output cannot
    hand on, having no negative contributions, is missing, so that it conserves only where
    both signs occur and there is no bias.

    Args:
        alpha: weight of the positive contributions.
        beta: weight of the negative ones, ``alpha - 1``.
        stabilizer: added to both denominators, with their signs.

    Raises:
        LRPError: a weight is below 0, the two don't differ by 1, or the stabiliser is not a
            finite number above 0.

    Source: Bach et al. 2015, eq. 60.
    """

    def __init__(self, alpha: float = 2.0, beta: float = 1.0, stabilizer: float = 1e-6) -> None:
        super().__init__(stabilizer)
        self.alpha, self.beta = finite("alpha", alpha), finite("beta", beta)
        if not math.isclose(self.alpha - self.beta, 1, abs_tol=1e-9):
            raise LRPError(f"alpha - beta must be 1; found {alpha:g} - {beta:g}")

    divides: ClassVar[Sequence[str]] = ("positive", "negative")

    def terms(self, layer: Layer, c: Tensor, parts: Contributions) -> Terms:
        """``s = c z / z+``, times ``alpha``, and ``c z / z-``, times ``- beta``."""
        z, guard = layer.z, self.guard(layer.z)
        if not self.beta:
            s = parts.positive()
            for out, one, of_z in pieces(s, z, c):
                torch.div(one, out.clamp_(min=0).add_(guard), out=out).mul_(of_z)
            return [(s, self.alpha, 0)]
        positive, negative = parts.both()
        for above, below, one, of_z in pieces(positive, negative, z, c):
            torch.div(one, above.clamp_(min=0).add_(guard), out=above).mul_(of_z)
            torch.div(one, below.clamp_(max=0).sub_(guard), out=below).mul_(of_z)
        return [(positive, self.alpha, 0), (negative, 0, -self.beta)]

    def __repr__(self) -> str:
        return f"AlphaBeta({self.alpha:g}, {self.beta:g})"


class ZPlus(AlphaBeta):
    r"""LRP-z+: positive contributions alone.

    .. math:: R_i = \sum_j \frac{z_{ij}^{+}}{\sum_{i'} z_{i'j}^{+} + b_j^{+}} R_j,
        \qquad z_{ij} = x_i w_{ij}

    Relevance keeps its sign, so an explanation of a positive output shows what speaks for
    it and never what speaks against it: smooth and quiet, at the price of being less
    selective. The limit of LRP-gamma, and alpha-beta with (1, 0). Conserves but for
    positive biases; an output without positive contributions passes nothing on.

    Args:
        stabilizer: added to the denominator.

    Raises:
        LRPError: ``stabilizer`` is not a finite number above 0.

    Source: Bach et al. 2015, eq. 60 with alpha = 1; Montavon et al. 2017, "Explaining
    nonlinear classification decisions with deep Taylor decomposition", the z+ rule.
    """

    divides: ClassVar = ("positive",)

    def __init__(self, stabilizer: float = 1e-6) -> None:
        super().__init__(1, 0, stabilizer)

    __repr__ = SignedRule.__repr__
