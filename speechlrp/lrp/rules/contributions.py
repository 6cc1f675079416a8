"""The contributions to a layer's output, told apart by their sign."""

from collections.abc import Iterable, Sequence
from functools import reduce

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.layer import Layer, pieces

Terms = Sequence[tuple[Tensor, float, float]]
Factors = tuple[float, float]

FEW = 32
"""Contributions to an output below which one sign alone occurs often."""
LEAST = 1e-3
"""Share of all contributions below which those of one sign are not had as a difference."""


class Contributions:
    """The ``z_ij = x_i w_ij`` of a layer ``z = w x + b``, and ``b`` by its own sign.

    Where ``x`` has one sign throughout, as behind a ReLU or in decibels, the contributions
    of a sign are those of the weights of a sign: one more forward gives their sum, and the
    other sum is the rest of ``z``. Where ``x`` has both signs, one forward of ``|w| |x|``
    gives both sums and two transposes, of ``w`` and of ``|w|``, lead back. Where that would
    cancel, and in half precision, each sum is computed by itself.

    Args:
        layer: the operation.
        c: of its output; an output is active where it is not 0.
        divides: the sums that a rule divides by, of ``"positive"`` and ``"negative"``.
    """

    def __init__(self, layer: Layer, c: Tensor, divides: Sequence[str] = ()) -> None:
        self.layer, self._active = layer, c
        low, high = (float(end) for end in torch.aminmax(layer.x))
        self._sign = 1 if low >= 0 else -1 if high <= 0 else 0
        self._coarse = torch.finfo(layer.z.dtype).bits < 32
        self._total = self._absolute() if self._had_together(divides) else None
        if self._total is not None and any(self._cancels(sign) for sign in divides):
            self._total = None
        self._together = self._total is not None

    def _had_together(self, divides: Sequence[str]) -> bool:
        """Whether both sums are worth a forward of ``|w| |x|``."""
        # Of a few contributions to each of many outputs, all have one sign somewhere.
        few = bool(divides) and 0 < self.layer.fan_in < FEW
        return self._sign == 0 and not self._coarse and not few

    def _cancels(self, sign: str) -> bool:
        """Whether the sum of a sign is too small a part of all contributions, where active."""
        z, total = self.layer.z, self._total
        assert total is not None
        if sign == "positive":
            return self._below(torch.add(z, total, alpha=1 - 2 * LEAST))
        return self._below(torch.sub(total, z, alpha=1 / (1 - 2 * LEAST)))

    def _below(self, numbers: Tensor) -> bool:
        """Whether an active output has a number below 0; the numbers are used up."""
        # Least and largest numbers are found many times faster than masks are made.
        if not float(numbers.amin()) < 0:
            return False
        low, high = torch.aminmax(numbers.clamp_(max=0).mul_(self._active))
        return float(low) < 0 or float(high) > 0

    def positive(self) -> Tensor:
        """The sum of each output's positive contributions, shaped like ``z``.

        Up to rounding: where there are none it may lie on either side of 0.
        """
        if self._total is not None:
            total, self._total = self._total, None  # as large as z, and needed no more
            return total.add_(self.layer.z).div_(2)
        return self._sum(1)

    def both(self) -> tuple[Tensor, Tensor]:
        """The sums of the positive and of the negative ones, at least and at most 0.

        One of the two may be had as the rest of ``z`` where that adds numbers of one sign:
        the positive sum where ``z > 0``, the negative where ``z < 0``.
        """
        positive, negative = self._both()
        return positive.clamp_(min=0), negative.clamp_(max=0)

    def _both(self) -> tuple[Tensor, Tensor]:
        z = self.layer.z
        if self._total is not None:
            negative = torch.sub(z, self._total).div_(2)
            return self.positive(), negative
        if self._sign == 0 or self._coarse:
            return self._sum(1), self._sum(-1)
        if float(z.amin()) >= 0:
            negative = self._sum(-1)
            return z - negative, negative
        positive = self._sum(1)
        negative = z - positive
        cancelled = self._below(torch.add(negative, positive, alpha=LEAST).neg_())
        return positive, self._sum(-1) if cancelled else negative

    def _absolute(self) -> Tensor:
        """``|w| |x| + |b|``."""
        bias = None if self.layer.bias is None else self.layer.bias.abs()
        return self._forward((1, -1), bias, self.layer.x.abs())

    def _sum(self, sign: int) -> Tensor:
        """All contributions of a sign, each a product of its own."""
        layer, bias = self.layer, _signed(self.layer.bias, sign)
        if self._sign:
            return self._forward(_factors(1, 0, sign * self._sign), bias, layer.x)
        total = self._forward(_factors(1, 0, sign), bias, layer.x.clamp(min=0))
        return total.add_(self._forward(_factors(1, 0, -sign), None, layer.x.clamp(max=0)))

    def back(self, terms: Terms) -> Tensor:
        """``c_in`` with ``x_i c_i = sum_j (a z_ij+ + b z_ij-) s_j``, summed over ``(s, a, b)``."""
        if self._sign:
            return self._transposed(terms, self._sign)
        x = self.layer.x
        if not self._together:
            return torch.where(x < 0, self._transposed(terms, -1), self._transposed(terms, 1))
        sizes = self._transpose(_sum(s * ((a - b) / 2) for s, a, b in terms), (1, -1))
        plain = self._transpose(_sum(s * ((a + b) / 2) for s, a, b in terms), (1, 1))
        for out, size, one in pieces(plain, sizes, x):
            # 1 and -1 as numbers: on the CPU `where` takes many times as long.
            sign = torch.ge(one, 0, out=torch.empty_like(one)).mul_(2).sub_(1)
            out.addcmul_(size, sign)
        return plain

    def _transposed(self, terms: Terms, sign: int) -> Tensor:
        """``back`` where ``x`` has this sign."""
        parts = (self._transpose(s, _factors(a, b, sign)) for s, a, b in terms)
        return reduce(Tensor.add_, parts)

    def _forward(self, factors: Factors, bias: Tensor | None, x: Tensor) -> Tensor:
        """``z`` with the positive and the negative weights times their factors."""
        parts = [
            self.layer.modified(
                _scaled(weight, factors), None if bias is None else bias[block], x
            ).z
            for block, weight in self.layer.copies()
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts, self.layer.channel)

    def _transpose(self, c: Tensor, factors: Factors) -> Tensor:
        """``w^T c`` with the positive and the negative weights times their factors."""

        def back(block: slice, weight: Tensor) -> Tensor:
            whole = block == slice(None)
            cotangent = c if whole else c[(slice(None),) * self.layer.channel + (block,)]
            return self.layer.transpose(cotangent, _scaled(weight, factors))

        return reduce(Tensor.add_, (back(*copy) for copy in self.layer.copies()))

    def bias(self, terms: Terms) -> Tensor:
        """The relevance that each output gives to its bias, shaped like ``z``."""
        positive, negative = (self.layer.spread(_signed(self.layer.bias, sign)) for sign in (1, -1))
        return _sum(s * (a * positive + b * negative) for s, a, b in terms)


def _sum(tensors: Iterable[Tensor]) -> Tensor:
    return reduce(torch.add, tensors)


def _factors(a: float, b: float, sign: int) -> Factors:
    """Of positive and negative weights, for contributions of ``x`` with a sign."""
    return (a, b) if sign > 0 else (b, a)


def _scaled(weight: Tensor, factors: Factors) -> Tensor:
    """The positive and the negative weights times their factors, in place."""
    positive, negative = factors
    if negative == 0:
        return weight.clamp_(min=0).mul_(positive) if positive != 1 else weight.clamp_(min=0)
    if positive == 0:
        return weight.clamp_(max=0).mul_(negative) if negative != 1 else weight.clamp_(max=0)
    if factors == (1, -1):
        return weight.abs_()
    if positive != negative:
        functional.leaky_relu_(weight, negative / positive)
    return weight.mul_(positive) if positive != 1 else weight


def _signed(tensor: Tensor | None, sign: int) -> Tensor | None:
    if tensor is None:
        return None
    return tensor.clamp(min=0) if sign > 0 else tensor.clamp(max=0)
