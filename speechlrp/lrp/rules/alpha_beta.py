"""LRP-alpha-beta."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from speechlrp.lrp.errors import LRPError
from speechlrp.lrp.layer import Layer
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

    divides: ClassVar = ("positive", "negative")

    def terms(self, layer: Layer, c: Tensor, parts: Contributions) -> Terms:
        """``s = alpha c z / z+`` and ``- beta c z / z-``."""
        z = layer.z
        positive, negative = parts.both() if self.beta else (parts.positive(), None)
        positive.add_(self.guard(z))
        terms = [(torch.div(z, positive, out=positive).mul_(c).mul_(self.alpha), 1, 0)]
        if negative is not None:
            negative.sub_(self.guard(z))
            terms.append((torch.div(z, negative, out=negative).mul_(c).mul_(-self.beta), 0, 1))
        return terms

    def __repr__(self) -> str:
        return f"AlphaBeta({self.alpha:g}, {self.beta:g})"
