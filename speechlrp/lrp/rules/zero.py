"""LRP-0."""

from __future__ import annotations

from torch import Tensor

from speechlrp.lrp.layer import Layer
from speechlrp.lrp.rules.rule import SharedRule


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

    def share(self, layer: Layer, c: Tensor) -> Tensor:
        """``s = c``."""
        return c
