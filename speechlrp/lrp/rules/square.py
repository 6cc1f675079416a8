"""LRP-w^2 and LRP-flat."""

from typing import ClassVar

import torch
from torch import Tensor

from speechlrp.lrp.layer import Layer
from speechlrp.lrp.rules.rule import Rule, finite, stabilised


class WSquare(Rule):
    r"""LRP-w^2: shares by the weights alone, whatever the input.

    .. math:: R_i = \sum_j \frac{w_{ij}^2}{\sum_{i'} w_{i'j}^2 + b_j^2} R_j

    For the first layer, where the input is not bounded and its value says little: inputs
    of 0 get relevance too. The reference point is then the nearest input that the neuron
    does not react to.

    Args:
        stabilizer: added to the denominator.

    Raises:
        LRPError: ``stabilizer`` is not a finite number above 0.

    Source: Montavon et al. 2017, "Explaining nonlinear classification decisions with deep
    Taylor decomposition", the w^2 rule.
    """

    direct: ClassVar = True

    def __init__(self, stabilizer: float = 1e-6) -> None:
        self.stabilizer = finite("stabilizer", stabilizer, above=0)

    def backward(self, layer: Layer, c: Tensor) -> Tensor:
        """``R_in = v^T [R_out / (v 1)]``, ``v = w^2``; at the edge, padding takes no share."""
        squares = self._squares(layer)
        return squares.transpose(self._share(layer, c, squares))

    def bias(self, layer: Layer, c: Tensor) -> Tensor:
        """``b^2`` has a share as a weight has."""
        squares = self._squares(layer)
        return squares.spread(squares.bias) * self._share(layer, c, squares)

    def _squares(self, layer: Layer) -> Layer:
        bias = None if layer.bias is None else layer.bias.square()
        return layer.modified(layer.weight.square(), bias, torch.ones_like(layer.x))

    def _share(self, layer: Layer, c: Tensor, squares: Layer) -> Tensor:
        return (c * layer.z).div_(stabilised(squares.z, self.stabilizer))


class Flat(WSquare):
    r"""LRP-flat: every input of a neuron gets the same share.

    .. math:: R_i = \sum_j \frac{1}{\sum_{i'} 1} R_j

    For the first layer, to see where in the input a decision was made at the resolution of
    that layer's receptive field, and not which values made it. No bias takes part.

    Source: Lapuschkin et al. 2019, "Unmasking Clever Hans predictors and assessing what
    machines really learn", as the rule of the first layer.
    """

    def _squares(self, layer: Layer) -> Layer:
        return layer.modified(torch.ones_like(layer.weight), None, torch.ones_like(layer.x))
