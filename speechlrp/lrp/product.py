"""What a rule for products sees: two factors that both depend on the input."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from speechlrp.lrp.layer import plain
from speechlrp.lrp.modules import Place

Bilinear = Callable[..., Tensor]
Share = float | Tensor
Shares = Callable[["Product"], tuple[Share, Share]]

TWO_FACTORS = frozenset({"product", "quotient", "attention"})
"""The operations of two factors: ``a b``; ``a / b``; a softmax's weights times values."""


class Product:
    """``z = f(a, b)``, linear in either factor: ``a * b``, ``a @ b``, ``einsum(..., a, b)``.

    A quotient ``a / b`` is linear in ``a`` alone.

    Attributes:
        operation: ``"product"``, ``"quotient"`` or ``"attention"``.
        divisor: which factor of a quotient divides (0 or 1): the second of ``a / b``, of a
            product the one that is a reciprocal, as in ``x * rsqrt(v)``; else ``None``.
        place: the module it belongs to.
        factors: ``a`` and ``b`` as the model gave them, ``[B, ...]``.
        gates: for each factor, what makes it a gate, such as ``"sigmoid"``, or ``None``; known
            once the forward pass is over.
        elementwise: whether ``z`` is made number by number, the factors broadcast.
    """

    def __init__(
        self,
        operation: str,
        place: Place,
        function: Bilinear,
        factors: Sequence[Tensor],
        elementwise: bool = False,
    ) -> None:
        """Take the factors of ``z = function(*factors)``."""
        self.operation, self.place, self.elementwise = operation, place, elementwise
        self.divisor = 1 if operation == "quotient" else None
        self.gates: tuple[str | None, str | None] = (None, None)
        self.factors = tuple(plain(one).requires_grad_() for one in factors)
        self._function = function

    def compute(self) -> Tensor:
        """The result, as it goes on in the model; once, in the forward pass."""
        with torch.enable_grad():
            z = self._function(*self.factors)
        # The edge keeps the graph and not z, which is as large and made anew where it is needed.
        self._edge = get_gradient_edge(z)
        return z.detach()

    @property
    def z(self) -> Tensor:
        """The result, made anew each time."""
        with torch.no_grad():
            return self._function(*self.factors)

    def transpose(self, c: Tensor, factor: int) -> Tensor:
        """From the result's shape to that of a factor (0 or 1), the other one held constant."""
        leaf = self.factors[factor]
        return torch.autograd.grad(self._edge, leaf, c, retain_graph=True)[0]

    def share_out(self, c: Tensor, shares: Shares) -> list[Tensor | None]:
        """``c`` of both factors by a rule's shares, ``None`` for one that gets nothing."""
        return [
            None if _nothing(share) else self.transpose(c if _all(share) else c * share, factor)
            for factor, share in enumerate(shares(self))
        ]

    def carry(self, r: Tensor, shares: Shares) -> list[Tensor | None]:
        """``r`` of both factors of an elementwise product, given that of its result."""
        return [
            None if _nothing(share) else self.fold(r * share, factor)
            for factor, share in enumerate(shares(self))
        ]

    def absorbed(self, c: Tensor, shares: Shares) -> Tensor:
        """What neither factor gets, shaped like ``z``: nothing."""
        return torch.zeros_like(c)

    def fold(self, r: Tensor, factor: int) -> Tensor:
        """The sum of ``r``, shaped like ``z``, over what a factor is broadcast to."""
        return r.sum_to_size(self.factors[factor].shape)

    def __str__(self) -> str:
        known = [gate for gate in self.gates if gate]
        return f"{self.operation} with {known[0]}" if len(known) == 1 else self.operation


def _nothing(share: Share) -> bool:
    return not isinstance(share, Tensor) and share == 0


def _all(share: Share) -> bool:
    return not isinstance(share, Tensor) and share == 1
