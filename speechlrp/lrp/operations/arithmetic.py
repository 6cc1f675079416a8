"""Sums, products with constants, and changes in place."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from speechlrp.lrp.operations.activations import activation
from speechlrp.lrp.operations.gradient import gradient

if TYPE_CHECKING:
    from speechlrp.lrp.tracer import Call, Tracer

Handler = Callable[["Tracer", "Call"], Any]


def added(tracer: Tracer, call: Call) -> Any:
    """The gradient: each summand has the sum's ``c``. A constant absorbs its share as a bias."""
    x, y = call.args if len(call.args) == 2 and not call.kwargs else (None, None)
    if not all(isinstance(one, Tensor) and tracer.tracks(one) for one in (x, y)):
        return gradient(tracer, call)
    if x.shape != y.shape or x.dtype != y.dtype:
        return gradient(tracer, call)
    result = torch.add(x.detach(), y.detach())
    sources = [tracer.consume(x), tracer.consume(y)]
    visible, value = tracer.emit(result)
    tracer.record(call, sources, [value], lambda cs: [cs[0], cs[0]])
    return visible


def scaled(tracer: Tracer, call: Call) -> Any:
    """A product with a constant: linear, so the gradient. ``x * x`` is ``square``."""
    factors = [call.args[0], *call.args[1:], *call.kwargs.values()]
    if sum(isinstance(one, Tensor) and tracer.tracks(one) for one in factors) > 1:
        if factors[0] is factors[1]:
            return activation(tracer, type(call)(torch.square, (factors[0],), {}))
        raise tracer.refuse(call, "multiplies two tensors that depend on the input")
    return gradient(tracer, call)


def divided(tracer: Tracer, call: Call) -> Any:
    """A division by a constant: linear, so the gradient."""
    named = dict(zip(("input", "other"), call.args, strict=False)) | call.kwargs
    if isinstance(named["other"], Tensor) and tracer.tracks(named["other"]):
        raise tracer.refuse(call, "divides by a tensor that depends on the input")
    if named.get("rounding_mode") is not None:
        raise tracer.refuse(call, "rounds")
    return gradient(tracer, call)


def in_place(handler: Handler, written: Callable[..., Any] | None = None) -> Handler:
    """The handler of ``x.f_()``, given that of ``x.f()``: a new value under the old tensor.

    Args:
        handler: what records the operation.
        written: what changes its first argument and returns it, if the call itself does not.
    """

    def handle(tracer: Tracer, call: Call) -> Tensor:
        target = call.args[0] if call.args else call.kwargs["input"]
        if not tracer.tracks(target):
            raise tracer.refuse(call, "writes the input's influence into a constant")
        function = written or call.function

        @wraps(call.function)
        def on_a_copy(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            return function(x.clone(), *args, **kwargs)

        kwargs = {key: value for key, value in call.kwargs.items() if key != "input"}
        args = call.args or (target,)
        return tracer.overwrite(call, target, handler(tracer, type(call)(on_a_copy, args, kwargs)))

    return handle


def assigned(x: Tensor, index: Any, value: Any) -> Tensor:
    """``x[index] = value``."""
    x[index] = value
    return x
