"""ReLU, every other function applied number by number, and dropout."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from speechlrp.lrp.operations.gradient import moved
from speechlrp.lrp.recorder import Call, Recorder
from speechlrp.lrp.tape import Coefficients, Value

Elementwise = Callable[[Tensor], Tensor]


def relu(recorder: Recorder, call: Call) -> Tensor:
    """``c_in = c_out [z > 0]``: where the ReLU is open, value and relevance pass unchanged."""
    named = dict(zip(("input", "inplace"), call.args, strict=False)) | call.kwargs
    visible = _relu(recorder, call, named["input"])
    return recorder.overwrite(named["input"], visible) if named.get("inplace") else visible


def _relu(recorder: Recorder, call: Call, x: Tensor) -> Tensor:
    result = torch.relu(recorder.numbers(x))
    source = recorder.consume_in_relu(x, result)
    visible, value = recorder.emit(result)

    def backward(outgoing: Coefficients) -> Coefficients:
        return [torch.ops.aten.threshold_backward(outgoing[0], result, 0)]

    recorder.record(call, [source], [value], backward, carry=list)
    return visible


def activation(recorder: Recorder, call: Call) -> Tensor:
    """``R_in = R_out``, the customary rule for an activation: ``c_in = c_out f(x) / x``.

    At ``x = 0`` the factor is its limit ``f'(0)`` where ``f(0) = 0``; where ``f(0)`` is
    another number (sigmoid, softplus), relevance given to an ``x`` of exactly 0 has no
    value to stand on and is absorbed. For ReLU and leaky ReLU this is the gradient.
    """
    visible, _, _ = passed(recorder, call)
    return recorder.overwrite(call.args[0], visible) if call.kwargs.get("inplace") else visible


def passed(recorder: Recorder, call: Call) -> tuple[Tensor, Value, Value]:
    """Record an activation; the tensor that it makes, the value it read, the value it made."""
    x, function = alone(recorder, call)
    numbers = recorder.numbers(x)
    if numbers.is_complex():
        raise recorder.refuse(call, "acts on complex numbers")
    with torch.no_grad():
        result = function(numbers)
    factor = (result / numbers).nan_to_num_(0, 0, 0)
    factor = torch.where(numbers == 0, _limit(function, numbers), factor)
    source = recorder.consume(x)
    visible, value = recorder.emit(result)
    recorder.record(call, [source], [value], lambda cs: [cs[0] * factor], carry=list)
    return visible, source, value


def alone(recorder: Recorder, call: Call) -> tuple[Tensor, Elementwise]:
    """The tensor that a call is about, and the call as a function of it alone."""
    named = {key: value for key, value in call.kwargs.items() if key != "inplace"}
    x, rest = (call.args[0], call.args[1:]) if call.args else (named.pop("input"), ())
    if not isinstance(x, Tensor) or any(recorder.tracks(one) for one in (*rest, *named.values())):
        raise recorder.refuse(call, "has parameters that depend on the input")
    if named.get("training"):
        raise recorder.refuse(call, "draws at random (training=True)")
    return x, lambda numbers: call.function(numbers, *rest, **named)


def clamp(recorder: Recorder, call: Call) -> Tensor:
    """A ReLU with a lower bound of 0 alone; with bounds that leave 0 out, ``_away_from_zero``."""
    order = ("input", "max") if call.name.startswith("clamp_max") else ("input", "min", "max")
    named = dict(zip(order, call.args, strict=False)) | call.kwargs
    low, high = named.get("min"), named.get("max")
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        raise recorder.refuse(call, "has tensors as bounds (take torch.maximum, torch.minimum)")
    if low == 0 and high is None:
        return _relu(recorder, call, named["input"])
    return _bounded(recorder, call, named["input"], low, high)


def hardtanh(recorder: Recorder, call: Call) -> Tensor:
    """A clamp under another name."""
    order = ("input", "min_val", "max_val")
    named = dict(zip(order, call.args, strict=False)) | call.kwargs
    return _bounded(recorder, call, named["input"], named.get("min_val"), named.get("max_val"))


def threshold(recorder: Recorder, call: Call) -> Tensor:
    """An activation that is 0 up to the threshold; any other value there is a constant."""
    named = dict(zip(("input", "threshold", "value"), call.args, strict=False)) | call.kwargs
    x, value = named["input"], named["value"]
    if value == 0:
        return activation(recorder, call)
    visible = moved(
        recorder, Call(torch.where, (recorder.numbers(x) > named["threshold"], x, value), {})
    )
    return recorder.overwrite(x, visible) if named.get("inplace") else visible


def _bounded(
    recorder: Recorder, call: Call, x: Tensor, low: float | None, high: float | None
) -> Tensor:
    if (low is not None and low > 0) or (high is not None and high < 0):
        return _away_from_zero(recorder, call, x, low, high)
    return activation(recorder, call)


def _away_from_zero(
    recorder: Recorder, call: Call, x: Tensor, low: float | None, high: float | None
) -> Tensor:
    """``c_in = c_out`` up to the bound next to 0: what it adds to ``x`` is a bias.

    So ``R_in = R_out x / z`` there, as with ``sqrt(var + eps)``: were all of it passed on, ``c``
    would have a pole at ``x = 0``. Beyond the other bound relevance passes, as in any activation.
    """
    numbers = recorder.numbers(x)
    result = numbers.clamp(low, high)
    beyond = numbers > result if low is not None and low > 0 else numbers < result
    source = recorder.consume(x)
    visible, value = recorder.emit(result)

    def backward(outgoing: Coefficients) -> Coefficients:
        return [torch.where(beyond, outgoing[0] * result / numbers, outgoing[0])]

    recorder.record(call, [source], [value], backward)
    return recorder.overwrite(x, visible) if call.kwargs.get("inplace") else visible


def power(recorder: Recorder, call: Call) -> Tensor:
    """``x ** k`` for constants ``k``, as an activation: ``c_in = c_out x^(k - 1)``.

    With ``k < 0`` it is a divisor where it is multiplied with something.
    """
    named = dict(zip(("input", "exponent"), call.args, strict=False)) | call.kwargs
    x, exponent = named["input"], named.get("exponent")
    if not recorder.tracks(x) or recorder.tracks(exponent):
        raise recorder.refuse(call, "has an exponent that depends on the input")
    sign = torch.as_tensor(exponent).sign()
    if bool((sign == 0).any()):
        raise recorder.refuse(call, "has an exponent of 0, which makes a constant of it")
    if bool((sign > 0).any()):
        return activation(recorder, call)
    return activation(recorder, Call(negative_power, (x, exponent), {}))


def negative_power(x: Tensor, exponent: float | Tensor) -> Tensor:
    """``x ** -k``, by a name that tells it from other powers on the tape."""
    return x**exponent


def dropout(recorder: Recorder, call: Call) -> Tensor:
    """The identity in evaluation; in training it raises."""
    named = dict(zip(("input", "p", "training"), call.args, strict=False)) | call.kwargs
    training = named.get("training", named.get("train", True))
    if training:
        raise recorder.refuse(call, "drops at random (training=True)")
    return named["input"]


def _limit(function: Elementwise, x: Tensor) -> Tensor:
    """``f'(0)`` where ``f(0) = 0`` and it is finite, else 0; per channel where f is (PReLU)."""
    shape = [size if axis == 1 else 1 for axis, size in enumerate(x.shape)]
    zero = x.new_zeros(shape).requires_grad_()
    with torch.enable_grad():  # off in the forward of an autograd function
        value = function(zero)
        (slope,) = torch.autograd.grad(value.sum(), zero)
    return torch.where(value.detach() == 0, slope.nan_to_num_(0, 0, 0), 0)
