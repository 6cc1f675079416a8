"""Sums, products and quotients, changes in place, and complex numbers as pairs of real ones.

Relevance of a complex number is that of its real and its imaginary part together.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from speechlrp.lrp.assignment import is_gate
from speechlrp.lrp.operations.activations import activation
from speechlrp.lrp.operations.gradient import gradient, moved, quadratic
from speechlrp.lrp.operations.multiplied import multiplied
from speechlrp.lrp.recorder import BEHIND, Call, Recorder
from speechlrp.lrp.tape import Value

Handler = Callable[["Recorder", "Call"], Any]


def added(recorder: Recorder, call: Call) -> Any:
    """The gradient: each summand has the sum's ``c``. A constant absorbs its share as a bias."""
    if len(call.args) != 2 or call.kwargs or not all(map(recorder.tracks, call.args)):
        return gradient(recorder, call)
    x, y = call.args
    if x.shape != y.shape or x.dtype != y.dtype:
        return gradient(recorder, call)
    result = torch.add(recorder.numbers(x), recorder.numbers(y))
    return recorder.write(call, [x, y], result, lambda cs: [cs[0], cs[0]])


def scaled(recorder: Recorder, call: Call) -> Any:
    """A product with a constant: linear, so the gradient. ``x * x`` is ``square``.

    A gate that lets a constant signal pass gets nothing: what a first state, a constant,
    contributes to a recurrent network written out is as constant as in ``nn.GRU``.
    """
    named = call.named("input", "other")
    x, y = named["input"], named["other"]
    if not (recorder.tracks(x) and recorder.tracks(y)):
        gate, constant = (x, y) if recorder.tracks(x) else (y, x)
        if id(constant) in recorder.signals and is_gate(recorder.value(gate), recorder.tape):
            return call.function(recorder.numbers(gate), constant)
        return gradient(recorder, call)
    if x is y and not x.is_complex():
        return activation(recorder, Call(torch.square, (x,), {}))
    if are_conjugates(recorder, x, y):
        return quadratic(recorder, Call(squared_magnitude, (x,), {}))
    return multiplied(recorder, call.function, (x, y), elementwise=True)


def added_factors(recorder: Recorder, call: Call) -> Any:
    """``input + value * tensor1 * tensor2``: a product, then a sum."""
    named = call.named("input", "tensor1", "tensor2")
    with recorder.watching():
        product = named["tensor1"] * named["tensor2"]
        return torch.add(named["input"], product, alpha=named.get("value", 1))


def divided(recorder: Recorder, call: Call) -> Any:
    """A division by a constant: linear, so the gradient; by a tensor of the input: a quotient.

    A constant divided by a tensor of the input is a divisor in its turn: a reciprocal.
    """
    named = call.named("input", "other")
    x, y = named["input"], named["other"]
    if call.name in ("__rtruediv__", "__rdiv__"):  # called on the divisor
        x, y = y, x
        call = Call(torch.div, (x, y), {})
    if call.kwargs.get("rounding_mode") is not None:
        raise recorder.refuse(call, "rounds", BEHIND)
    if not recorder.tracks(y):
        return gradient(recorder, call)
    if not recorder.tracks(x):
        reciprocal = activation(recorder, Call(torch.reciprocal, (y,), {}))
        return gradient(recorder, Call(torch.mul, (reciprocal, x), {}))
    return multiplied(recorder, call.function, (x, y), "quotient", elementwise=True)


def in_place(handler: Handler, written: Callable[..., Any] | None = None) -> Handler:
    """The handler of ``x.f_()``, given that of ``x.f()``: a new value under the old tensor.

    Args:
        handler: what records the operation.
        written: what changes its first argument and returns it, if the call itself does not.
    """

    def handle(recorder: Recorder, call: Call) -> Tensor:
        target, function = call.first, written or call.function
        args, kwargs = call.rest
        if _lies_on_itself(target):  # and its copy would not
            raise recorder.refuse(call, "changes a tensor whose places overlap", "clone() it first")

        @wraps(call.function)
        def on_a_copy(x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
            return function(x.clone(), *args, **kwargs)

        result = handler(recorder, Call(on_a_copy, (target, *args), kwargs))
        if not recorder.tracks(result):  # a gate's constant signal, see ``scaled``
            result, _ = recorder.emit(result)
        if recorder.tracks(target):
            return recorder.overwrite(target, result)
        return recorder.fill(call, target, result)

    return handle


def _lies_on_itself(tensor: Tensor) -> bool:
    """Whether some of a tensor's places may be the same memory."""
    reach = 0
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1 and stride <= reach:
            return True
        reach += stride * (size - 1)
    return False


def reshaped(recorder: Recorder, call: Call) -> Tensor:
    """``x.unsqueeze_(0)`` and its like: another shape for the numbers that are there."""
    target = call.args[0]
    result = moved(recorder, Call(getattr(Tensor, call.name[:-1]), call.args, call.kwargs))
    return target if result is target else recorder.replace(target, result)


def assigned(x: Tensor, index: Any, value: Any) -> Tensor:
    """``x[index] = value``."""
    x[index] = value
    return x


CONJUGATIONS = frozenset({"conj", "conj_physical", "resolve_conj"})


def magnitude(recorder: Recorder, call: Call) -> Any:
    """Of complex numbers of degree one, so the gradient; of real ones an activation."""
    return (gradient if call.first.is_complex() else activation)(recorder, call)


def are_conjugates(recorder: Recorder, x: Tensor, y: Tensor) -> bool:
    """Whether one of two tensors is made of the other by conjugation."""
    if not x.is_complex() or not y.is_complex():
        return False
    first, second = recorder.value(x), recorder.value(y)
    return _conjugate_of(recorder, first, second) or _conjugate_of(recorder, second, first)


def _conjugate_of(recorder: Recorder, one: Value, other: Value) -> bool:
    conjugated = False
    while (maker := recorder.maker(one)) is not None and maker.operation in CONJUGATIONS:
        conjugated ^= maker.operation != "resolve_conj"
        (one,) = maker.inputs
        if one is other:
            return conjugated
    return False


def squared_magnitude(x: Tensor) -> Tensor:
    """``x conj(x)``, of degree two."""
    return x * x.conj()
