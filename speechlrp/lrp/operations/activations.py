"""ReLU, every other function applied number by number, and dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from speechlrp.lrp.tape import Coefficients, Value

if TYPE_CHECKING:
    from speechlrp.lrp.tracer import Call, Tracer

Elementwise = Callable[[Tensor], Tensor]


def relu(tracer: Tracer, call: Call) -> Tensor:
    """``c_in = c_out [z > 0]``: where the ReLU is open, value and relevance pass unchanged."""
    named = dict(zip(("input", "inplace"), call.args, strict=False)) | call.kwargs
    visible = _relu(tracer, call, named["input"])
    return tracer.overwrite(call, named["input"], visible) if named.get("inplace") else visible


def _relu(tracer: Tracer, call: Call, x: Tensor) -> Tensor:
    result = torch.relu(x.detach())
    source = tracer.consume_in_relu(x, result)
    visible, value = tracer.emit(result)

    def backward(outgoing: Coefficients) -> Coefficients:
        return [torch.ops.aten.threshold_backward(outgoing[0], result, 0)]

    tracer.record(call, [source], [value], backward, carry=list)
    return visible


def activation(tracer: Tracer, call: Call) -> Tensor:
    """``R_in = R_out``, the customary rule for an activation: ``c_in = c_out f(x) / x``.

    At ``x = 0`` the factor is its limit ``f'(0)`` where ``f(0) = 0``; where ``f(0)`` is
    another number (sigmoid, softplus), relevance given to an ``x`` of exactly 0 has no
    value to stand on and is absorbed. For ReLU and leaky ReLU this is the gradient.
    """
    visible, _, _ = passed(tracer, call)
    return tracer.overwrite(call, call.args[0], visible) if call.kwargs.get("inplace") else visible


def passed(tracer: Tracer, call: Call) -> tuple[Tensor, Value, Value]:
    """Record an activation; the tensor that it makes, the value it read, the value it made."""
    x, function = alone(tracer, call)
    numbers = x.detach()
    with torch.no_grad():
        result = function(numbers)
    factor = (result / numbers).nan_to_num_(0, 0, 0)
    factor = torch.where(numbers == 0, _limit(function, numbers), factor)
    source = tracer.consume(x)
    visible, value = tracer.emit(result)
    tracer.record(call, [source], [value], lambda cs: [cs[0] * factor], carry=list)
    return visible, source, value


def alone(tracer: Tracer, call: Call) -> tuple[Tensor, Elementwise]:
    """The tensor that a call is about, and the call as a function of it alone."""
    named = {key: value for key, value in call.kwargs.items() if key != "inplace"}
    x, rest = (call.args[0], call.args[1:]) if call.args else (named.pop("input"), ())
    if not isinstance(x, Tensor) or any(_depends(tracer, one) for one in (*rest, *named.values())):
        raise tracer.refuse(call, "has parameters that depend on the input")
    if named.get("training"):
        raise tracer.refuse(call, "draws at random (training=True)")
    return x, lambda numbers: call.function(numbers, *rest, **named)


def clamp(tracer: Tracer, call: Call) -> Tensor:
    """A ReLU with a lower bound of 0 alone, a floor with one above 0, else an activation."""
    order = ("input", "max") if call.name.startswith("clamp_max") else ("input", "min", "max")
    named = dict(zip(order, call.args, strict=False)) | call.kwargs
    low, high = named.get("min"), named.get("max")
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        raise tracer.refuse(call, "has tensors as bounds (take torch.maximum, torch.minimum)")
    if low == 0 and high is None:
        return _relu(tracer, call, named["input"])
    if isinstance(low, int | float) and low > 0 and high is None:
        return _floor(tracer, call, named["input"], low)
    return activation(tracer, call)


def _floor(tracer: Tracer, call: Call, x: Tensor, low: float) -> Tensor:
    """``c_in = c_out``: what the floor adds to ``x`` is a bias, so ``R_in = R_out x / z``.

    As ``sqrt(var + eps)`` does: were all of it passed on, ``c`` would have a pole at ``x = 0``.
    """
    source = tracer.consume(x)
    visible, value = tracer.emit(x.detach().clamp(min=low))
    tracer.record(call, [source], [value], list)
    return visible


def power(tracer: Tracer, call: Call) -> Tensor:
    """``x ** k`` for a number ``k > 0``, as an activation: ``c_in = c_out x^(k - 1)``."""
    named = dict(zip(("input", "exponent"), call.args, strict=False)) | call.kwargs
    exponent = named.get("exponent")
    if isinstance(exponent, bool) or not isinstance(exponent, int | float) or exponent <= 0:
        raise tracer.refuse(call, "has an exponent that is not a constant number above 0")
    return activation(tracer, call)


def dropout(tracer: Tracer, call: Call) -> Tensor:
    """The identity in evaluation; in training it raises."""
    named = dict(zip(("input", "p", "training"), call.args, strict=False)) | call.kwargs
    training = named.get("training", named.get("train", True))
    if training:
        raise tracer.refuse(call, "drops at random (training=True)")
    return named["input"]


def _depends(tracer: Tracer, found: Any) -> bool:
    return isinstance(found, Tensor) and tracer.tracks(found)


def _limit(function: Elementwise, x: Tensor) -> Tensor:
    """``f'(0)`` where ``f(0) = 0`` and it is finite, else 0; per channel where f is (PReLU)."""
    shape = [size if axis == 1 else 1 for axis, size in enumerate(x.shape)]
    zero = x.new_zeros(shape).requires_grad_()
    with torch.enable_grad():
        value = function(zero)
    (slope,) = torch.autograd.grad(value.sum(), zero)
    return torch.where(value.detach() == 0, slope.nan_to_num_(0, 0, 0), 0)
