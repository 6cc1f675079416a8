"""Products of matrices: with a constant one layers without a module, else products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from speechlrp.lrp.operations.affine import recorded
from speechlrp.lrp.operations.gradient import gradient
from speechlrp.lrp.operations.multiplied import multiplied
from speechlrp.lrp.recorder import Call, Recorder

Product = Callable[[Tensor | None, Tensor, Tensor], Tensor]

_OPERANDS = ("input", "self", "mat1", "batch1", "mat", "mat2", "batch2", "vec", "other", "tensor")


def matmul(recorder: Recorder, call: Call) -> Tensor:
    """``x @ w``, ``w @ x``: dense, the constant operand for weights; ``x @ y``: a product."""
    operands, rest, named = _split(call, 2)

    def compute(bias: Tensor | None, first: Tensor, second: Tensor) -> Tensor:
        return call.function(first, second, *rest, **named)

    return _product(recorder, call, "matmul", compute, operands)


def einsum(recorder: Recorder, call: Call) -> Any:
    """A sum of products of two tensors: as ``matmul``; of one tensor alone: linear."""
    equation, *operands = call.args
    if len(operands) == 1 and isinstance(operands[0], tuple | list):
        operands = list(operands[0])
    if not isinstance(equation, str) or len(operands) > 2:
        raise recorder.refuse(call, "has no equation with at most two operands")
    if len(operands) == 1:
        return gradient(recorder, call)

    def compute(bias: Tensor | None, first: Tensor, second: Tensor) -> Tensor:
        return call.function(equation, first, second)

    return _product(recorder, call, "einsum", compute, operands)


def added_product(recorder: Recorder, call: Call) -> Tensor:
    """``beta input + alpha (a @ b)``: as ``matmul``, with a constant ``input`` as its bias."""
    (start, *operands), _, named = _split(call, 3)
    beta, alpha = named.get("beta", 1), named.get("alpha", 1)

    def compute(bias: Tensor | None, first: Tensor, second: Tensor) -> Tensor:
        if bias is None:
            return call.function(first.new_zeros(()), first, second, beta=0)
        return call.function(bias, first, second)

    if not recorder.tracks(start) and not all(recorder.tracks(one) for one in operands):
        bias = start.detach() if beta == 1 else start.detach() * beta
        return _product(recorder, call, "matmul", compute, operands, alpha, bias)
    if not any(recorder.tracks(one) for one in operands):
        raise recorder.refuse(call, "adds a constant product (write it as a sum)")
    product = _product(recorder, call, "matmul", compute, operands, alpha)
    return gradient(recorder, Call(torch.add, (product, start), {"alpha": beta}))


def _product(
    recorder: Recorder,
    call: Call,
    operation: str,
    compute: Product,
    operands: list[Tensor],
    factor: float = 1,
    bias: Tensor | None = None,
) -> Tensor:
    dependent = [recorder.tracks(one) for one in operands]
    if all(dependent):
        return multiplied(recorder, lambda a, b: compute(None, a, b) * factor, operands)
    place = dependent.index(True)
    x, weight = operands[place], operands[1 - place]
    if x.is_complex() or weight.is_complex():
        return _complex(recorder, call, compute, operands, factor, bias)

    def function(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        return compute(bias, *((weight, x) if place else (x, weight)))

    owner = recorder.places.owner(weight)
    weight = weight if factor == 1 else weight * factor
    return recorded(recorder, call, operation, function, x, weight, bias, owner)


def _complex(
    recorder: Recorder,
    call: Call,
    compute: Product,
    operands: list[Tensor],
    factor: float,
    bias: Tensor | None,
) -> Tensor:
    """A linear map that takes no rule, since none can go by the sign of a complex weight."""
    if bias is not None:
        raise recorder.refuse(call, "adds a constant to complex numbers (write it as a sum)")

    def complex_product(first: Tensor, second: Tensor) -> Tensor:
        return compute(None, first, second) * factor

    return gradient(recorder, Call(complex_product, tuple(operands), {}))


def _split(call: Call, count: int) -> tuple[list[Tensor], tuple[Any, ...], dict[str, Any]]:
    """The tensors of a call in the order of its signature, and its other arguments."""
    named = dict(call.kwargs)
    tensors = [named.pop(name) for name in _OPERANDS if name in named]
    return [*call.args[:count], *tensors], call.args[count:], named
