"""Dense layers, convolutions and average pools: the operations that a rule acts on."""

from __future__ import annotations

import torch
from torch import Tensor

from speechlrp.lrp.layer import Affine, Layer, Transposed
from speechlrp.lrp.modules import Place
from speechlrp.lrp.operations.gradient import gradient
from speechlrp.lrp.operations.transposes import convolution, dense
from speechlrp.lrp.recorder import Call, Recorder

_CONV = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
_TRANSPOSED = (*_CONV[:5], "output_padding", "groups", "dilation")


def weighted(recorder: Recorder, call: Call) -> Tensor:
    """``z = w x + b``, matched to its module by the identity of ``w``."""
    order = _TRANSPOSED if call.name.startswith("conv_transpose") else _CONV
    named = dict(zip(order, call.args, strict=False)) | call.kwargs
    x, weight, bias = (named.pop(name, None) for name in order[:3])
    if any(isinstance(fixed, Tensor) and recorder.tracks(fixed) for fixed in (weight, bias)):
        raise recorder.refuse(call, "has weights that depend on the input")
    if x.is_complex():
        return gradient(recorder, call)

    def function(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        return call.function(x, weight, bias, **named)

    transposed: Transposed = dense
    if call.name != "linear":
        dimensions = int(call.name[-2])
        transposed = convolution(dimensions, named, order is _TRANSPOSED)
    place = recorder.places.owner(weight)
    return recorded(recorder, call, call.name, function, x, weight, bias, place, transposed)


def average(recorder: Recorder, call: Call) -> Tensor:
    """Average pooling: a linear layer with fixed weights and no bias."""
    named = dict(call.kwargs)
    x, rest = (call.args[0], call.args[1:]) if call.args else (named.pop("input"), ())

    def function(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        z = call.function(x, *rest, **named)
        return z if weight is None else z * weight

    return recorded(recorder, call, call.name, function, x, None, None, recorder.places.running())


def recorded(
    recorder: Recorder,
    call: Call,
    operation: str,
    function: Affine,
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    place: Place,
    transposed: Transposed | None = None,
) -> Tensor:
    """Record ``z = function(x, weight, bias)`` as a layer."""
    function = in_this_precision(function, x)
    source = recorder.consume(x)
    layer = Layer(operation, place, function, recorder.numbers(x), weight, bias, transposed)
    visible, value = recorder.emit(layer.z, data=True)
    layer.release()
    recorder.record(
        call, [source], [value], lambda cs: [layer.transpose(cs[0])], layer=layer, place=place
    )
    return visible


def in_this_precision(function: Affine, x: Tensor) -> Affine:
    """The function as it runs now, for rules that run it again outside the model's autocast."""
    device = x.device.type
    if not torch.is_autocast_enabled(device):
        return function
    dtype = torch.get_autocast_dtype(device)

    def under_autocast(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        with torch.autocast(device, dtype):
            return function(x, weight, bias)

    return under_autocast
