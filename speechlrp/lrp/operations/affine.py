"""Dense layers, convolutions and average pools, which a rule acts on; and Lp pools."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge
from torch.nn import functional

from speechlrp.lrp.arguments import precision_of
from speechlrp.lrp.layer import Layer, Transposed, plain
from speechlrp.lrp.operations.convolution import (
    as_dense,
    as_dense_back,
    convolution,
    dense,
    one_step,
)
from speechlrp.lrp.operations.gradient import gradient, moved
from speechlrp.lrp.recorder import Call, Recorder
from speechlrp.lrp.tape import Coefficients

Function = Callable[..., Tensor]

_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSED = (*_CONV[:5], "output_padding", "groups", "dilation")


def arguments_of(operation: str) -> tuple[str, ...]:
    """The names of a layer's arguments in their order."""
    return _TRANSPOSED if operation.startswith("conv_transpose") else _CONV


def layer(recorder: Recorder, call: Call) -> Tensor:
    """``z = w x + b``, matched to its module by the identity of ``w``."""
    operation = call.name
    order = arguments_of(operation)
    named = call.named(*order)
    x, weight, bias = (named.pop(name, None) for name in order[:3])
    if x.is_complex():
        return gradient(recorder, call)
    affine: Function = call.function  # the call itself would keep its arguments alive

    def function(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        return affine(x, weight, bias, **named)

    transposed: Transposed = dense
    if operation != "linear":
        transposed = convolution(int(operation[-2]), named, order is _TRANSPOSED)
        if order is _CONV and one_step(x, weight, named):
            transposed = as_dense_back
            if x.device.type == "cpu":  # several times as fast, and the same up to rounding
                affine, named = as_dense, {}
    place = recorder.places.owner(weight)
    function = in_this_precision(function, x)
    numbers = recorder.numbers(x)
    layer = Layer(operation, place, function, numbers, weight, bias, transposed)
    return recorded(recorder, call, x, layer)


def average(recorder: Recorder, call: Call) -> Tensor:
    """Average pooling: a linear layer with fixed weights and no bias."""
    x, (rest, named) = call.first, call.rest

    def function(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        z = call.function(x, *rest, **named)
        return z if weight is None else z * weight

    place, function = recorder.places.running(), in_this_precision(function, x)
    numbers = recorder.numbers(x)
    return recorded(recorder, call, x, Layer(call.name, place, function, numbers, None, None))


def recorded(recorder: Recorder, call: Call, x: Tensor, layer: Layer) -> Tensor:
    """Record a layer that read ``x``."""
    sweep = layer.transpose
    visible = recorder.write(call, [x], layer.z, lambda cs: [sweep(cs[0])], layer=layer, data=True)
    del layer.z  # which the tape keeps, and puts back for the sweep
    if recorder.forget:
        layer.forget_input()
    return visible


def in_this_precision(function: Function, x: Tensor) -> Function:
    """The function as it runs now, for the sweep, which runs it again outside of autocast."""
    precision = precision_of(x)
    if precision is nullcontext:
        return function

    def under_autocast(*tensors: Tensor | None) -> Tensor:
        with precision():
            return function(*tensors)

    return under_autocast


def lp_pool(recorder: Recorder, call: Call) -> Tensor:
    r"""Each window hands on its relevance in proportion to ``x^p``.

    ``z = s^(1/p)`` with ``s`` the window's sum of ``x^p`` is homogeneous of degree one, so
    that this is its gradient, ``c_in = x^(p-1) sum_j c_j z_j / s_j``; written out, since
    autograd's is NaN where a window is all zeros. There ``z = 0`` holds no relevance.
    """
    named = call.bound(functional.lp_pool1d)
    x, p = named.pop("input"), named.pop("norm_type")
    if not p > 0:
        raise recorder.refuse(call, f"with norm_type={p} divides by numbers that may be 0")
    if math.isinf(p):
        return gradient(recorder, call)
    numbers = recorder.numbers(x)
    with torch.no_grad():
        result = call.function(numbers, p, **named)
    leaf = plain(numbers.pow(p)).requires_grad_()
    with torch.enable_grad():
        sums = call.function(leaf, 1, **named)
    edge, sums = get_gradient_edge(sums), sums.detach()

    def backward(outgoing: Coefficients) -> Coefficients:
        c = torch.where(sums == 0, 0, outgoing[0] * result / sums)
        (shared,) = torch.autograd.grad(edge, leaf, c)
        return [torch.where((numbers == 0) & (p < 1), 0, shared * numbers.pow(p - 1))]

    return recorder.write(call, [x], result, backward)


def resized(recorder: Recorder, call: Call) -> Any:
    """Nearest neighbours are copies; every other interpolation is linear, so the gradient."""
    mode = call.kwargs.get("mode", "nearest")
    return (moved if mode.startswith("nearest") else gradient)(recorder, call)
