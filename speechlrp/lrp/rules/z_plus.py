"""LRP-z+."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from speechlrp.lrp.layer import Layer
from speechlrp.lrp.rules.contributions import Contributions, Terms
from speechlrp.lrp.rules.rule import SignedRule


class ZPlus(SignedRule):
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

    def terms(self, layer: Layer, c: Tensor, parts: Contributions) -> Terms:
        """``s = c z / z+``."""
        s = parts.positive().clamp_(min=0).add_(self.guard(layer.z))
        return [(torch.div(layer.z, s, out=s).mul_(c), 1, 0)]

    def __repr__(self) -> str:
        return "ZPlus()"
