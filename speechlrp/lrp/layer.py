"""What a rule sees of one operation: its input, its output, its weights, its transpose."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from speechlrp.lrp.places import Place

Affine = Callable[[Tensor, Tensor | None, Tensor | None], Tensor]


def plain(tensor: Tensor) -> Tensor:
    """The tensor's numbers as a constant that autograd may keep."""
    tensor = tensor.detach()
    return tensor.clone() if tensor.is_inference() else tensor


class Layer:
    """An operation ``z = w x + b``: dense, convolution, or a pooling that averages.

    Attributes:
        operation: its name as a function, such as ``"conv2d"``.
        place: the module it belongs to.
        x: its input, as the model gave it, ``[B, ...]``.
        z: its output, ``[B, ...]``. Where a ReLU alone reads it, values that the ReLU
            turns to 0 may stand as 0: no relevance reaches them.
        weight: its weights, or ``None`` for a pooling.
        bias: its bias, or ``None``.
    """

    def __init__(
        self,
        operation: str,
        place: Place,
        function: Affine,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
    ) -> None:
        self.operation = operation
        self.place = place
        self.weight = None if weight is None else plain(weight)
        self.bias = None if bias is None else plain(bias)
        self._function = function
        self.x = x
        leaf = plain(x).requires_grad_()
        with torch.enable_grad():
            z = function(leaf, self.weight, self.bias)
        self._leaf, self._edge = leaf, get_gradient_edge(z)
        self.z = z.detach()

    def release(self) -> None:
        """Let go of ``z``, which the tape keeps and puts back for the sweep."""
        del self.z

    def transpose(self, c: Tensor) -> Tensor:
        """``w^T c``: from the output's shape to the input's. May be called repeatedly."""
        return torch.autograd.grad(self._edge, self._leaf, c, retain_graph=True)[0]

    def modified(
        self, weight: Tensor | None, bias: Tensor | None, x: Tensor | None = None
    ) -> Layer:
        """The same operation with other weights, and where given, another input.

        Costs one forward; the result has its own ``z`` and ``transpose``.
        """
        x = self.x if x is None else x
        return Layer(self.operation, self.place, self._function, x, weight, bias)
