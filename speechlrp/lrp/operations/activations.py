"""ReLU, every other function applied number by number, and dropout."""

from collections.abc import Callable

import torch
from torch import Tensor

from speechlrp.lrp.arguments import mapped
from speechlrp.lrp.operations.affine import in_this_precision
from speechlrp.lrp.operations.gradient import moved
from speechlrp.lrp.recorder import OFF, PARTS, Call, Recorder
from speechlrp.lrp.tape import Coefficients
from speechlrp.lrp.watched import Watched

Elementwise = Callable[[Tensor], Tensor]


def relu(recorder: Recorder, call: Call) -> Tensor:
    """``c_in = c_out [z > 0]``: where the ReLU is open, value and relevance pass unchanged."""
    result = torch.relu(recorder.numbers(call.first))
    source = recorder.consume_in_relu(call.first, result)
    visible, value = recorder.emit(result)

    def backward(outgoing: Coefficients) -> Coefficients:
        return [torch.ops.aten.threshold_backward(outgoing[0], result, 0)]

    recorder.record(call, [source], [value], backward, carry=list)
    return visible


def activation(recorder: Recorder, call: Call) -> Watched:
    """``R_in = R_out``, the customary rule for an activation: ``c_in = c_out f(x) / x``.

    At ``x = 0`` the factor is its limit ``f'(0)`` where ``f(0) = 0``; where ``f(0)`` is
    another number (sigmoid, softplus), relevance given to an ``x`` of exactly 0 has no
    value to stand on and is absorbed. For ReLU and leaky ReLU this is the gradient.
    """
    x, function = alone(recorder, call)
    numbers = recorder.numbers(x)
    if numbers.is_complex():
        raise recorder.refuse(call, "acts on complex numbers", PARTS)
    function = in_this_precision(function, numbers)
    with torch.no_grad():
        result = function(numbers)

    def backward(outgoing: Coefficients) -> Coefficients:
        # Made now: beside the input, which the layer before often keeps too, a factor kept from
        # the forward pass would be a third tensor where a gradient keeps two.
        factor = _factor(function, numbers)
        fits = factor.dtype == outgoing[0].dtype
        return [factor.mul_(outgoing[0]) if fits else factor * outgoing[0]]

    return recorder.write(call, [x], result, backward, carry=list)


def _factor(function: Elementwise, x: Tensor) -> Tensor:
    """``f(x) / x``, at 0 its limit."""
    result = function(x)
    shared = result.untyped_storage()._cdata == x.untyped_storage()._cdata
    factor = result / x if shared or result.dtype != x.dtype else result.div_(x)
    if bool(factor.sum().isfinite()):  # which no infinity and no 0 / 0 leaves finite
        return factor
    return torch.where(x == 0, _limit(function, x), factor.nan_to_num_(0, 0, 0))


def alone(recorder: Recorder, call: Call) -> tuple[Tensor, Elementwise]:
    """The tensor that a call is about, and the call as a function of it alone."""
    # Constants by other objects: those may come to hold the input's influence, see ``fill``.
    x, (rest, named) = call.first, mapped(recorder.held, call.rest)
    if not isinstance(x, Tensor) or any(recorder.tracks(one) for one in (*rest, *named.values())):
        raise recorder.refuse(call, "has parameters that depend on the input")
    if named.get("training"):
        raise recorder.refuse(call, "draws at random (training=True)", OFF)
    return x, lambda numbers: call.function(numbers, *rest, **named)


def clamp(recorder: Recorder, call: Call) -> Tensor:
    """A ReLU with a lower bound of 0 alone, an activation where 0 is within the bounds.

    With bounds that leave 0 out, ``c_in = c_out`` up to the one next to 0. What that adds to ``x``
    is a bias, so that ``R_in = R_out x / z`` there, as with ``sqrt(var + eps)``: were all of it
    passed on, ``c`` would have a pole at ``x = 0``. Beyond the other bound relevance passes.
    """
    order = ("input", "max") if call.name.startswith("clamp_max") else ("input", "min", "max")
    named = call.named(*order)
    low, high = (named.get(end, named.get(f"{end}_val")) for end in ("min", "max"))
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        raise recorder.refuse(call, "has tensors as bounds", "take torch.maximum, torch.minimum")
    if low == 0 and high is None:
        return relu(recorder, call)
    if not ((low is not None and low > 0) or (high is not None and high < 0)):
        return activation(recorder, call)
    numbers = recorder.numbers(call.first)
    result = numbers.clamp(low, high)
    beyond = numbers > result if low is not None and low > 0 else numbers < result

    def backward(outgoing: Coefficients) -> Coefficients:
        return [torch.where(beyond, outgoing[0] * result / numbers, outgoing[0])]

    return recorder.write(call, [call.first], result, backward)


def threshold(recorder: Recorder, call: Call) -> Tensor:
    """An activation that is 0 up to the threshold; any other value there is a constant."""
    named = call.named("input", "threshold", "value")
    x, value = named["input"], named["value"]
    if value == 0:
        return activation(recorder, call)
    above = recorder.numbers(x) > named["threshold"]
    return moved(recorder, Call(torch.where, (above, x, value), {}))


def power(recorder: Recorder, call: Call) -> Tensor:
    """``x ** k`` for constants ``k``, as an activation: ``c_in = c_out x^(k - 1)``.

    With ``k < 0`` it is a divisor where it is multiplied with something. ``k ** x`` is an
    activation too, as ``exp`` is.
    """
    named = call.named("input", "exponent")
    x, exponent, function = named["input"], named.get("exponent"), call.function
    if call.name == "__rpow__":
        x, exponent, function = exponent, x, torch.pow
    if recorder.tracks(x) and recorder.tracks(exponent):
        raise recorder.refuse(call, "has a base and an exponent that depend on the input")
    if isinstance(x, Tensor) and isinstance(exponent, Tensor):
        x, exponent = _repeated(recorder, x, exponent)
    if recorder.tracks(exponent):
        return activation(recorder, Call(exponential, (exponent, x), {}))
    exponents = torch.as_tensor(exponent)
    if exponents.is_complex():
        raise recorder.refuse(call, "has a complex exponent", PARTS)
    if bool((exponents == 0).any()):
        raise recorder.refuse(call, "has an exponent of 0, which makes a constant of it")
    function = function if bool((exponents > 0).any()) else negative_power
    return activation(recorder, Call(function, (x, exponent), {}))


def _repeated(recorder: Recorder, *pair: Tensor) -> list[Tensor]:
    """Base and exponent, the one of the input in the shape of the power."""
    shape = torch.broadcast_shapes(*(one.shape for one in pair))
    with recorder.watching():
        return [
            one.expand(shape) if recorder.tracks(one) and one.shape != shape else one
            for one in pair
        ]


def negative_power(x: Tensor, exponent: float | Tensor) -> Tensor:
    """``x ** -k``, by a name that tells it from other powers on the tape."""
    return x**exponent


def exponential(x: Tensor, base: float | Tensor) -> Tensor:
    """``base ** x``."""
    return base**x


def dropout(recorder: Recorder, call: Call) -> Tensor:
    """The identity in evaluation; in training it raises."""
    named = call.named("input", "p", "training")
    if named.get("training", named.get("train", True)):
        raise recorder.refuse(call, "drops at random (training=True)", OFF)
    return named["input"]


def _limit(function: Elementwise, x: Tensor) -> Tensor:
    """``f'(0)`` where ``f(0) = 0`` and it is finite, else 0; per channel where f is (PReLU)."""
    shape = [size if axis == 1 else 1 for axis, size in enumerate(x.shape)]
    zero = x.new_zeros(shape)
    if function(zero).shape != zero.shape:  # other parameters, such as an exponent a step
        zero = torch.zeros_like(x)
    zero.requires_grad_()
    with torch.enable_grad():  # off in the forward of an autograd function
        value = function(zero)
        (slope,) = torch.autograd.grad(value.sum(), zero)
    return torch.where(value.detach() == 0, slope.nan_to_num(0, 0, 0), 0)
