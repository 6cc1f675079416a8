"""The contributions to a layer's output, told apart by their sign."""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import chain

import torch
from torch import Tensor

from speechlrp.lrp.layer import Layer, pieces, sign_of

Term = tuple[Tensor, float, float]
Terms = list[Term]
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
        self._sign = sign_of(layer.x)
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
            return self._below(z, total, 1 - 2 * LEAST)
        return self._below(total, z, -1 / (1 - 2 * LEAST))

    def _below(self, numbers: Tensor, others: Tensor, factor: float) -> bool:
        """Whether ``numbers + factor others`` is below 0 for an active output."""
        for one, other, active in pieces(numbers, others, self._active):
            sums = torch.add(one, other, alpha=factor)
            # The least number is found many times faster than masks are made.
            if float(sums.amin()) < 0:
                low, high = torch.aminmax(sums.clamp_(max=0).mul_(active))
                if float(low) < 0 or float(high) > 0:
                    return True
        return False

    def positive(self) -> Tensor:
        """The sum of each output's positive contributions, shaped like ``z``.

        Up to rounding: where there are none it may lie on either side of 0.
        """
        if self._total is not None:
            total, self._total = self._total, None  # as large as z, and needed no more
            return total.add_(self.layer.z).div_(2)
        return self._sum(1)

    def both(self) -> tuple[Tensor, Tensor]:
        """The sums of the positive and of the negative ones, up to rounding.

        One of the two may be had as the rest of ``z`` where that adds numbers of one sign:
        the positive sum where ``z > 0``, the negative where ``z < 0``.
        """
        z = self.layer.z
        if self._total is not None:
            negative = torch.sub(z, self._total).div_(2)
            return self.positive(), negative
        if self._sign == 0 or self._coarse:
            return self._sum(1), self._sum(-1)
        if sign_of(z) > 0:
            negative = self._sum(-1)
            return z - negative, negative
        positive = self._sum(1)
        negative = z - positive
        cancelled = self._below(positive, z, -1 / (1 - LEAST))
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
        """``c_in`` with ``x_i c_i = sum_j (a z_ij+ + b z_ij-) s_j``, summed over ``(s, a, b)``.

        The list of terms may be empty afterwards.
        """
        if self._sign:
            # Taken out one by one, so that each is let go of when it is passed on.
            return self._transposed((terms.pop(0) for _ in range(len(terms))), self._sign)
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

    def _transposed(self, terms: Iterable[Term], sign: int) -> Tensor:
        """``back`` where ``x`` has this sign."""
        parts = (self._transposes(s, _factors(a, b, sign)) for s, a, b in terms)
        return reduce(Tensor.add_, chain.from_iterable(parts))

    def _forward(self, factors: Factors, bias: Tensor | None, x: Tensor) -> Tensor:
        """``z`` with the positive and the negative weights times their factors."""
        parts = [
            self.layer.modified(
                _scaled(weight, factors, buffer), None if bias is None else bias[block], x
            ).z
            for block, weight, buffer in self.layer.blocks()
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts, self.layer.channel)

    def _transpose(self, c: Tensor, factors: Factors) -> Tensor:
        """``w^T c`` with the positive and the negative weights times their factors."""
        return reduce(Tensor.add_, self._transposes(c, factors))

    def _transposes(self, c: Tensor, factors: Factors) -> Iterator[Tensor]:
        """What sums to ``w^T c``, so that no more than two of its size are there at a time."""
        for block, weight, buffer in self.layer.blocks():
            whole = block == slice(None)
            cotangent = c if whole else c[(slice(None),) * self.layer.channel + (block,)]
            yield self.layer.transpose(cotangent, _scaled(weight, factors, buffer))

    def bias(self, terms: Terms) -> Tensor:
        """The relevance that each output gives to its bias, shaped like ``z``."""
        positive, negative = (self.layer.spread(_signed(self.layer.bias, sign)) for sign in (1, -1))
        return _sum(s * (a * positive + b * negative) for s, a, b in terms)


def _sum(tensors: Iterable[Tensor]) -> Tensor:
    return reduce(torch.add, tensors)


def _factors(a: float, b: float, sign: int) -> Factors:
    """Of positive and negative weights, for contributions of ``x`` with a sign."""
    return (a, b) if sign > 0 else (b, a)


def _scaled(weight: Tensor, factors: Factors, out: Tensor) -> Tensor:
    """The positive and the negative weights times their factors; ``out`` may be ``weight``."""
    positive, negative = factors
    if positive == negative:
        return weight if positive == 1 else torch.mul(weight, positive, out=out)
    if factors == (1, -1):
        return torch.abs(weight, out=out)
    if 0 in factors:
        torch.clamp(weight, *((0, None) if negative == 0 else (None, 0)), out=out)
    else:  # in one pass, where another one for a factor of both can be spared
        torch.ops.aten.leaky_relu.out(weight, negative / positive, out=out)
    factor = positive or negative
    return out if factor == 1 else out.mul_(factor)


def _signed(tensor: Tensor | None, sign: int) -> Tensor | None:
    if tensor is None:
        return None
    return tensor.clamp(min=0) if sign > 0 else tensor.clamp(max=0)
