"""LRP-epsilon and LRP-0."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from speechlrp.lrp.layer import Layer, pieces
from speechlrp.lrp.refusals import LRPError
from speechlrp.lrp.rules.rule import SharedRule, stabilised


class Epsilon(SharedRule):
    r"""LRP-epsilon: LRP-0 whose denominator is kept away from zero.

    .. math:: R_i = \sum_j \frac{x_i w_{ij}}{z_j + \epsilon\,\mathrm{sgn}(z_j)} R_j,
        \qquad z_j = \sum_i x_i w_{ij} + b_j

    ``sgn(0) = 1``. As a modified gradient, ``c_in = w^T [c_out |z| / (|z| + eps)]``, at
    the cost of a plain gradient. Weak and contradictory evidence is absorbed: the share
    ``eps / (|z| + eps)`` of a neuron's relevance is lost. The usual choice for the middle
    of a network; ``eps`` is in the units of ``z``, so it depends on the scale of the input.

    Args:
        eps: the stabiliser, above 0. For 0 take ``Zero``.

    Raises:
        LRPError: ``eps`` is not a finite number above 0.

    Source: Bach et al. 2015, eq. 58.
    """

    reads_input: ClassVar = False

    def __init__(self, eps: float) -> None:
        if not (isinstance(eps, int | float) and math.isfinite(eps) and eps > 0):
            raise LRPError(f"eps must be a number above 0; found {eps!r} (for LRP-0 take Zero())")
        self.eps = float(eps)

    def share(self, layer: Layer, c: Tensor) -> Tensor:
        """``s = c z / (z + eps sgn z)``."""
        share = torch.empty_like(layer.z)
        for out, z, one in pieces(share, layer.z, c):
            stabilised(z, self.eps, out)
            torch.div(z, out, out=out).mul_(one)
        return share

    def __repr__(self) -> str:
        return f"Epsilon({self.eps:g})"


class Zero(SharedRule):
    r"""LRP-0: every input gets its share of the pre-activation.

    .. math:: R_i = \sum_j \frac{x_i w_{ij}}{\sum_{i'} x_{i'} w_{i'j} + b_j} R_j

    As ``c_in = w^T c_out`` it is the plain gradient, so with this rule everywhere a
    network of ReLUs is explained by gradient times input. The right one for the last
    dense layers, where few contributions cancel; noisy in deep stacks of convolutions,
    where ``z`` comes close to 0.

    Where ``z`` is exactly 0 the share is 0/0 and ``R_j = z c = 0``. We keep ``c``: it is
    the rule's limit, and what is handed on sums to ``R_j``, that is, to 0.

    Source: Bach et al. 2015, eq. 56; Montavon et al. 2019, "Layer-wise relevance
    propagation: an overview", section 10.2.1.
    """

    reads_input: ClassVar = False

    def share(self, layer: Layer, c: Tensor) -> Tensor:
        """``s = c``."""
        return c
