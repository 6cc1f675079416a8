"""Layers that scale, and take the mean off: what norms are; merged with the layer before too."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

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

    ``inner`` is the layer alone, with the output that it had before the norm; ``bias`` that of the
    two together.
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
        return self.inner.modified(weight, bias, self.x if x is None else x)

    def output(self) -> Tensor:
        """``z``, computed anew."""
        return self._norm.output()

    @property
    def weight(self) -> Tensor:
        """The layer's weights, each output's scaled by the norm; made anew each time."""
        return self._some(slice(None), torch.empty_like(self._stored))

    @property
    def _stored(self) -> Tensor:
        return self.inner.weight

    def _some(self, block: slice, buffer: Tensor) -> Tensor:
        weight, scale = self.inner.weight, self._norm.weight.flatten()
        if not self.operation.startswith("conv_transpose"):
            factors = scale[block].reshape(-1, *[1] * (weight.dim() - 1))
            return torch.mul(weight[block], factors, out=buffer)
        groups = len(scale) // weight.shape[1]  # weight is [in, out / groups, ...]
        split = weight.reshape(groups, -1, *weight.shape[1:])
        factors = scale.reshape(groups, 1, -1, *[1] * (weight.dim() - 2))
        return buffer.copy_((split * factors).reshape(weight.shape))


class Centring(Layer):
    """``z = s (x - mean(x)) + b``: a norm whose deviation is a constant and whose mean is not.

    Its matrix has two numbers for each output: ``s (1 - 1/n)`` for the input at the output's
    place and ``-s/n`` for the others of its group of ``n``. The rules, which ask for the
    weights of a sign, their sizes or their squares, get and give back these two.

    Attributes:
        weight: ``[2, ...]``, for the input at the output's place and for each of the others.
        bias: likewise without the first dimension; both broadcast to ``x``.

    Source: Ali et al. 2022, "XAI for transformers: better explanations through conservative
    propagation", section 4.2.
    """

    def __init__(
        self,
        operation: str,
        place: Place,
        x: Tensor,
        scale: Tensor,
        bias: Tensor | None,
        groups: Sequence[int],
        weight: Tensor | None = None,
    ) -> None:
        """Take ``s``, ``b`` and the shape of ``x`` whose last dimension runs over a group.

        ``weight`` replaces what ``s`` says, in layers with modified weights.
        """
        self.operation, self.place, self.x, self.bias = operation, place, x, bias
        self._scale, self._groups, self._weight = scale, tuple(groups), weight

    @property
    def weight(self) -> Tensor:
        """Made anew each time: a norm's are only asked for by rules that go by signs."""
        if self._weight is not None:
            return self._weight
        others = self._scale / -self._groups[-1]
        return torch.stack([self._scale + others, others])

    def transpose(self, c: Tensor, weight: Tensor | None = None) -> Tensor:
        """``w^T c``; with the norm's own weights ``s c - mean(s c)``."""
        weight = self._weight if weight is None else weight
        if weight is None:
            c = c * self._scale
            return c - self._mean(c)
        weights, others = weight
        return weights * c + self._rest(others * c)

    def modified(
        self, weight: Tensor | None, bias: Tensor | None, x: Tensor | None = None
    ) -> Layer:
        """The same operation with other weights, and where given, another input."""
        x, weight = self.x if x is None else x, self.weight if weight is None else weight
        layer = Centring(self.operation, self.place, x, self._scale, bias, self._groups, weight)
        weights, others = weight
        z = weights * x + others * self._rest(x)
        layer.z = z if bias is None else z.add_(bias)
        return layer

    def output(self) -> Tensor:
        """``z``, computed anew."""
        z = (self.x - self._mean(self.x)).mul_(self._scale)
        return z if self.bias is None else z.add_(self.bias)

    def with_constant_mean(self) -> Scaling:
        """The layer whose mean is a constant too, and so a part of its bias."""
        shift = -self._mean(self.x) * self._scale
        bias = shift if self.bias is None else shift + self.bias
        return Scaling(self.operation, self.place, self.x, self._scale, bias)

    def _mean(self, x: Tensor) -> Tensor:
        grouped = x.reshape(self._groups)
        return grouped.mean(-1, keepdim=True).expand(self._groups).reshape(x.shape)

    def _rest(self, x: Tensor) -> Tensor:
        """The sum over the others of a group, in each place.

        Of those before and those behind: all of them less the one would cancel where it is
        larger than the others by far, as what a rule divides by its stabiliser alone can be.
        """
        grouped = x.reshape(self._groups)
        return (_before(grouped) + _before(grouped.flip(-1)).flip(-1)).reshape(x.shape)


def _before(x: Tensor) -> Tensor:
    """The sum of what stands before each place of the last dimension."""
    return functional.pad(x, (1, -1)).cumsum(-1)
