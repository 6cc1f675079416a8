"""What a rule sees of one operation: of one input, or of two factors that both depend on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge

from speechlrp.lrp.modules import Place

Affine = Callable[[Tensor, Tensor | None, Tensor | None], Tensor]
Transposed = Callable[[Tensor, Tensor, Tensor], Tensor]

BLOCK = 2**19
"""Numbers of a weight that are worked on at a time."""
EXAMPLES = 2**21
"""Numbers of an input that are worked on at a time where a rule makes others of their size."""
PIECE = 2**18
"""Numbers of an output that stay in the cache while several operations go over them."""


def plain(tensor: Tensor) -> Tensor:
    """The tensor's numbers as a constant that autograd may keep."""
    tensor = tensor.detach()
    return tensor.clone() if tensor.is_inference() else tensor


def sign_of(x: Tensor) -> int:
    """1 if no number is below 0, -1 if none is above, 0 if there are both, or NaN."""
    # By pieces, since the first one tells most tensors of both signs.
    if all(float(part.amin()) >= 0 for (part,) in pieces(x)):
        return 1
    return -1 if all(float(part.amax()) <= 0 for (part,) in pieces(x)) else 0


def pieces(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Tensors of one shape piece by piece, if they lie alike, for what is done number by number."""
    first = tensors[0]
    alike = all(one.shape == first.shape and one.is_contiguous() for one in tensors)
    if alike and first.numel() > PIECE and first.device.type == "cpu":
        yield from zip(*(one.view(-1).split(PIECE) for one in tensors), strict=True)
    else:
        yield tensors


class Layer:
    """An operation ``z = w x + b``: dense, convolution, or a pooling that averages.

    Attributes:
        operation: its name as a function, such as ``"conv2d"``.
        place: the module it belongs to.
        x: its input, as the model gave it, ``[B, ...]``.
        z: its output, ``[B, ...]``. Where a ReLU alone reads it, values that the ReLU
            turns to 0 may stand as 0: no relevance reaches them.
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
        transposed: Transposed | None = None,
    ) -> None:
        """Compute ``z = function(x, weight, bias)``.

        ``transposed(c, x, weight)`` is the operation's transpose; without it, autograd
        finds it, at the cost of one forward for every ``weight`` but the layer's own.
        """
        self.operation = operation
        self.place = place
        # Of a sparse matrix, such as a filter bank, rules ask what only a dense one answers.
        self._w = x.new_ones(()) if weight is None else plain(weight).to_dense()
        self.bias = None if bias is None else plain(bias)
        self.x = x
        self._function, self._transposed = function, transposed
        # A graph would keep x and the weights alive as autograd does; a known transpose needs
        # neither a graph nor, for other weights, a forward.
        known = transposed is not None
        leaf = x if known else plain(x).requires_grad_()
        with torch.set_grad_enabled(not known):
            z = function(leaf, None if weight is None else self.weight, self.bias)
        if not known:
            self._leaf, self._edge = leaf, get_gradient_edge(z)
        self.z = z.detach()

    @property
    def weight(self) -> Tensor:
        """Its weights; of a pooling, the single factor 1."""
        return self._w

    def output(self) -> Tensor:
        """``z``, computed anew."""
        return self.modified(self.weight, self.bias).z

    def forget_input(self) -> None:
        """Let go of the numbers of ``x``, where the transpose asks for its shape and type alone."""
        if self._transposed is not None:
            self.x = torch.empty_like(self.x, device="meta")

    def examples(self) -> Iterator[tuple[slice, Layer]]:
        """The layer for some examples at a time, if all of them are large; with their indices.

        What a rule makes beside the input then takes the memory of some.
        """
        count = max(1, EXAMPLES * len(self.x) // max(self.x.numel(), self.z.numel(), 1))
        in_rows = self._counts_outputs() and self.channel > 0
        if not in_rows or count >= len(self.x) or self.x.is_cuda:
            yield slice(None), self
            return
        for start in range(0, len(self.x), count):
            rows, part = slice(start, start + count), copy(self)
            part.x, part.z = self.x[rows], self.z[rows]
            yield rows, part

    def transpose(self, c: Tensor, weight: Tensor | None = None) -> Tensor:
        """``w^T c``: from the output's shape to the input's.

        With ``weight``, the transpose that the operation would have with those weights.
        """
        if self._transposed is not None:
            return self._transposed(c, self.x, self.weight if weight is None else weight)
        if weight is not None:
            return self.modified(weight, None).transpose(c)
        return torch.autograd.grad(self._edge, self._leaf, c, retain_graph=True)[0]

    def modified(
        self, weight: Tensor | None, bias: Tensor | None, x: Tensor | None = None
    ) -> Layer:
        """The same operation with other weights, and where given, another input.

        Costs one forward; the result has its own ``z`` and ``transpose``.
        """
        x = self.x if x is None else x
        return Layer(self.operation, self.place, self._function, x, weight, bias, self._transposed)

    def blocks(self) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """The weights, each with a buffer of their shape for what a rule makes of them.

        The buffer may be where the weights already lie, and serves the next ones again. Large
        weights come some outputs at a time, with the outputs' indices in dimension ``channel``
        of ``z``: what a rule makes of them then neither takes memory of their size nor leaves
        the cache. Other weights come in one piece.
        """
        stored = self._stored
        count = len(stored) if self._counts_outputs() else 1
        rows = max(1, max(BLOCK, self.x.numel()) * count // stored.numel())
        if rows >= count or stored.is_cuda:  # which waits for each piece, and has the memory
            buffer = torch.empty_like(stored)
            yield slice(None), self._some(slice(None), buffer), buffer
            return
        rows = -(-count // -(-count // rows))  # a small rest takes as long as a whole block
        buffer = torch.empty_like(stored[:rows])
        for start in range(0, count, rows):
            block = slice(start, min(start + rows, count))
            part = buffer[: block.stop - start]
            yield block, self._some(block, part), part

    @property
    def channel(self) -> int:
        """The dimension of ``z`` that counts a dense layer's or a convolution's outputs."""
        return self.x.dim() + 1 - self._stored.dim()

    @property
    def _stored(self) -> Tensor:
        return self.weight

    @property
    def fan_in(self) -> int:
        """How many contributions an output has; 0 where that is not in the weights' shape."""
        return self._stored.shape[1:].numel() if self._counts_outputs() else 0

    def _counts_outputs(self) -> bool:
        """Whether the first dimension of the weights is that of outputs of all inputs."""
        if self.operation not in ("linear", "conv1d", "conv2d", "conv3d"):
            return False
        shape = self._stored.shape
        return len(shape) > 1 and self.x.shape[1 - len(shape)] == shape[1]

    def _some(self, block: slice, buffer: Tensor) -> Tensor:
        """The weights of these outputs, in the buffer where they do not lie anywhere else."""
        return self._stored[block] if self._stored.dim() else self._stored

    def spread(self, bias: Tensor | None) -> Tensor:
        """A bias as it counts in every output, shaped like ``z``; zeros where there is none."""
        return self.modified(torch.zeros_like(self.weight), bias).z


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

    def carry(self, shares: Shares, rs: Sequence[Tensor]) -> list[Tensor | None]:
        """``r`` of both factors of an elementwise product, given that of its result.

        Summed over what a factor is broadcast to.
        """
        pairs = zip(shares(self), self.factors, strict=True)
        return [
            None if _nothing(share) else (rs[0] * share).sum_to_size(factor.shape)
            for share, factor in pairs
        ]

    def absorbed(self, c: Tensor, shares: Shares) -> Tensor:
        """What neither factor gets, shaped like ``z``: nothing."""
        return torch.zeros_like(c)

    def __str__(self) -> str:
        known = [gate for gate in self.gates if gate]
        return f"{self.operation} with {known[0]}" if len(known) == 1 else self.operation


def _nothing(share: Share) -> bool:
    return not isinstance(share, Tensor) and share == 0


def _all(share: Share) -> bool:
    return not isinstance(share, Tensor) and share == 1
