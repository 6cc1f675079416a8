"""The pass rule."""

from typing import ClassVar

import torch
from torch import Tensor

from speechlrp.lrp.layer import Layer
from speechlrp.lrp.refusals import LRPError
from speechlrp.lrp.rules.rule import Rule


class Pass(Rule):
    """Hands the relevance of every output to the input at its place: ``R_in = R_out``.

    For layers that do their work entry by entry, such as a batch norm whose shift shall
    not take a share. What activations do without being asked.

    Raises:
        LRPError: on use, the layer's output has another shape than its input.

    Source: Bach et al. 2015 treat activations so; the convention for norms is zennit's.
    """

    direct: ClassVar = True
    reads_input: ClassVar = False

    def backward(self, layer: Layer, c: Tensor) -> Tensor:
        """``R_in = c_out z``."""
        if layer.x.shape != layer.z.shape:
            raise LRPError(
                f"Pass needs an output shaped like the input; {layer.place} makes "
                f"{list(layer.z.shape)} of {list(layer.x.shape)}"
            )
        return c * layer.z

    def bias(self, layer: Layer, c: Tensor) -> Tensor:
        """None."""
        return torch.zeros_like(layer.z)
