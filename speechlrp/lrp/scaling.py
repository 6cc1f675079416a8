"""Layers that scale every number by itself, and their union with the layer before them."""

from __future__ import annotations

import torch
from torch import Tensor

from speechlrp.lrp.layer import Layer
from speechlrp.lrp.modules import Place


class Scaling(Layer):
    """``z = w x + b`` entry by entry: a normalisation whose statistics are constants.

    ``weight`` and ``bias`` broadcast to ``x``.
    """

    def __init__(
        self, operation: str, place: Place, x: Tensor, weight: Tensor, bias: Tensor | None
    ) -> None:
        self.operation, self.place = operation, place
        self.x, self._w, self.bias = x, weight, bias

    def transpose(self, c: Tensor, weight: Tensor | None = None) -> Tensor:
        """``w c``."""
        return c * (self.weight if weight is None else weight)

    def modified(
        self, weight: Tensor | None, bias: Tensor | None, x: Tensor | None = None
    ) -> Layer:
        """The same scaling with other weights, and where given, another input."""
        x, weight = self.x if x is None else x, self.weight if weight is None else weight
        layer = Scaling(self.operation, self.place, x, weight, bias)
        layer.z = layer.output()
        return layer

    def output(self) -> Tensor:
        """``z``, computed anew."""
        z = self.x * self.weight
        return z if self.bias is None else z.add_(self.bias)


class Merged(Layer):
    """A dense layer or convolution and the batch norm after it, as one layer.

    Attributes:
        inner: the layer alone, with the output that it had before the norm.
        bias: the bias of the two together.
    """

    def __init__(self, inner: Layer, norm: Layer) -> None:
        self.operation, self.place, self.x = inner.operation, inner.place, inner.x
        self.inner, self._norm = inner, norm
        inner.z = norm.x
        assert norm.bias is not None  # a batch norm's holds the mean at least
        self.bias = norm.bias.flatten()
        if inner.bias is not None:
            self.bias = self.bias + norm.weight.flatten() * inner.bias

    def transpose(self, c: Tensor, weight: Tensor | None = None) -> Tensor:
        """``w^T c`` of the two together."""
        if weight is not None:
            return self.inner.transpose(c, weight)
        return self.inner.transpose(c * self._norm.weight)

    def modified(
        self, weight: Tensor | None, bias: Tensor | None, x: Tensor | None = None
    ) -> Layer:
        """The layer with other weights, and where given, another input; there is no norm."""
        return self.inner.modified(weight, bias, x)

    def output(self) -> Tensor:
        """``z``, computed anew."""
        return self._norm.output()

    @property
    def weight(self) -> Tensor:
        """The layer's weights, each output's scaled by the norm; made anew each time."""
        return self._fill(torch.empty_like(self._stored), slice(None))

    @property
    def _stored(self) -> Tensor:
        return self.inner.weight

    def _fill(self, buffer: Tensor, block: slice) -> Tensor:
        weight, scale = self.inner.weight, self._norm.weight.flatten()
        if not self.operation.startswith("conv_transpose"):
            factors = scale[block].reshape(-1, *[1] * (weight.dim() - 1))
            return torch.mul(weight[block], factors, out=buffer)
        groups = len(scale) // weight.shape[1]  # weight is [in, out / groups, ...]
        split = weight.reshape(groups, -1, *weight.shape[1:])
        factors = scale.reshape(groups, 1, -1, *[1] * (weight.dim() - 2))
        return buffer.copy_((split * factors).reshape(weight.shape))
