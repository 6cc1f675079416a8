"""LRP-z-box."""

from typing import ClassVar

import torch
from torch import Tensor

from speechlrp.lrp.layer import Layer
from speechlrp.lrp.refusals import LRPError
from speechlrp.lrp.rules.rule import Rule, finite, stabilised

Bound = float | Tensor


class ZBox(Rule):
    r"""LRP-z-box (z^B): contributions measured from the corner of a box of possible inputs.

    .. math:: R_i = \sum_j \frac{x_i w_{ij} - l_i w_{ij}^{+} - h_i w_{ij}^{-}}
        {\sum_{i'} x_{i'} w_{i'j} - l_{i'} w_{i'j}^{+} - h_{i'} w_{i'j}^{-}} R_j

    For a first layer whose inputs are bounded, as pixels are, or decibels between a floor
    and 0: every input is compared with the value that would have spoken most against the
    neuron. The shares are never negative, and the bias takes none.

    Args:
        low: the least possible input: a number, one a channel ``[C]``, or anything that
            broadcasts to an example.
        high: the greatest.
        stabilizer: added to the denominator.

    Raises:
        LRPError: ``stabilizer`` is not a finite number above 0; on use, a bound whose
            shape doesn't fit, ``low`` above ``high``, or inputs outside the box.

    Source: Montavon et al. 2017, "Explaining nonlinear classification decisions with deep
    Taylor decomposition", the z^B rule.
    """

    direct: ClassVar = True

    def __init__(self, low: Bound, high: Bound, stabilizer: float = 1e-6) -> None:
        self.low, self.high = low, high
        self.stabilizer = finite("stabilizer", stabilizer, above=0)

    def backward(self, layer: Layer, c: Tensor) -> Tensor:
        """``R_in = x (w^T s) - l (w+^T s) - h (w-^T s)``."""
        low, high = _bound("low", self.low, layer), _bound("high", self.high, layer)
        _check(layer, low, high)
        positive, negative = layer.weight.clamp(min=0), layer.weight.clamp(max=0)
        z = layer.z
        if layer.bias is not None:
            z = z - layer.spread(layer.bias)
        least = layer.modified(positive, None, low).z + layer.modified(negative, None, high).z
        s = (c * layer.z).div_(stabilised(z - least, self.stabilizer))
        contributions = layer.x * layer.transpose(s)
        return (
            contributions - low * layer.transpose(s, positive) - high * layer.transpose(s, negative)
        )

    def bias(self, layer: Layer, c: Tensor) -> Tensor:
        """None."""
        return torch.zeros_like(layer.z)

    def __repr__(self) -> str:
        both = (self.low, self.high)
        bounds = ("..." if isinstance(one, Tensor) else f"{one:g}" for one in both)
        return f"ZBox({', '.join(bounds)})"


def _bound(name: str, bound: Bound, layer: Layer) -> Tensor:
    """The bound, shaped like the layer's input."""
    x = layer.x
    tensor = torch.as_tensor(bound, dtype=x.dtype, device=x.device)
    if tensor.dim() == 1 and x.dim() > 2 and len(tensor) == x.shape[1]:
        tensor = tensor.reshape(-1, *[1] * (x.dim() - 2))
    try:
        return tensor.expand_as(x)
    except RuntimeError as error:
        raise LRPError(
            f"ZBox: {name} has shape {list(tensor.shape)}, which does not fit inputs of shape "
            f"{list(x.shape)} in {layer.place}"
        ) from error


def _check(layer: Layer, low: Tensor, high: Tensor) -> None:
    if bool((low > high).any()):
        raise LRPError("ZBox: low is above high")
    slack = 1e-5 * (high - low).abs().max()
    x = layer.x
    if bool((x < low - slack).any()) or bool((x > high + slack).any()):
        raise LRPError(
            f"ZBox: inputs of {layer.place} are in [{float(x.min()):g}, {float(x.max()):g}], "
            f"outside the box [{float(low.min()):g}, {float(high.max()):g}]"
        )
