"""Batch, instance, group, layer and other norms: linear, with their deviation for a constant.

The mean of layer, group and instance norms is linear in the input, so that nothing is lost
to it (Ali et al. 2022); that of a batch norm's running statistics is a constant.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.arguments import mapped
from speechlrp.lrp.modules import Place
from speechlrp.lrp.recorder import Call, Recorder
from speechlrp.lrp.scaling import Centring, Scaling

Shape = tuple[int, ...]


def batch_norm(recorder: Recorder, call: Call) -> Tensor:
    """``z = s x + (beta - s mean)``, ``s = gamma / sqrt(var + eps)``, running statistics."""
    named = call.bound(functional.batch_norm)
    if named["training"]:
        raise recorder.refuse(call, "takes its statistics from the batch")
    return _with_running_statistics(recorder, call, named)


def instance_norm(recorder: Recorder, call: Call) -> Tensor:
    """The norm of every channel of every example."""
    named = call.bound(functional.instance_norm)
    if not named["use_input_stats"]:
        return _with_running_statistics(recorder, call, named)
    x = named["input"]
    return _centred(recorder, call, named, (*x.shape[:2], -1), _per_channel(x))


def group_norm(recorder: Recorder, call: Call) -> Tensor:
    """The norm of every group of channels of every example."""
    named = call.bound(functional.group_norm)
    x = named["input"]
    return _centred(recorder, call, named, (len(x), named["num_groups"], -1), _per_channel(x))


def layer_norm(recorder: Recorder, call: Call) -> Tensor:
    """The norm over the last dimensions."""
    named = call.bound(functional.layer_norm)
    outside = named["input"].shape[: -len(named["normalized_shape"])]
    return _centred(recorder, call, named, (*outside, -1))


def rms_norm(recorder: Recorder, call: Call) -> Tensor:
    """A division by the root of the mean square over the last dimensions, a constant."""
    named = call.bound(functional.rms_norm)
    x, count = recorder.numbers(named["input"]), len(named["normalized_shape"])
    eps = torch.finfo(x.dtype).eps if named["eps"] is None else named["eps"]
    square = x.square().mean(tuple(range(-count, 0)), keepdim=True)
    return _scaled(recorder, call, named, (square + eps).sqrt())


def normalize(recorder: Recorder, call: Call) -> Tensor:
    """A division by the norm over a dimension, a constant, as cosine scores have it."""
    named = call.bound(functional.normalize)
    x, dim = recorder.numbers(named["input"]), named["dim"]
    size = torch.linalg.vector_norm(x, named["p"], dim, keepdim=True).clamp_min(named["eps"])
    return _scaled(recorder, call, named, size)


def _with_running_statistics(recorder: Recorder, call: Call, named: dict[str, Any]) -> Tensor:
    shape = _per_channel(named["input"])
    deviation = (recorder.numbers(named["running_var"]) + named["eps"]).sqrt().reshape(shape)
    mean = recorder.numbers(named["running_mean"]).reshape(shape)
    return _scaled(recorder, call, named, deviation, mean, shape)


def _centred(
    recorder: Recorder,
    call: Call,
    named: dict[str, Any],
    groups: Shape,
    shape: Shape | None = None,
) -> Tensor:
    """Record ``gamma (x - mean(x)) / deviation + beta``, gamma and beta in the given shape.

    ``groups`` is a shape for the input whose last dimension runs over what is normed together.
    """
    x = recorder.numbers(named["input"])
    grouped = x.reshape(groups)
    variance = grouped.var(-1, correction=0, keepdim=True)
    deviation = (variance + named["eps"]).sqrt().expand_as(grouped).reshape(x.shape)
    scale, beta = _affine(recorder, call, named, deviation, shape)
    layer = Centring(call.name, _place(recorder, named), x, scale, beta, grouped.shape)
    return _recorded(recorder, call, named, layer)


def _scaled(
    recorder: Recorder,
    call: Call,
    named: dict[str, Any],
    deviation: Tensor,
    mean: Tensor | None = None,
    shape: Shape | None = None,
) -> Tensor:
    """Record ``gamma (x - mean) / deviation + beta``, where the mean is a constant too."""
    scale, shift = _affine(recorder, call, named, deviation, shape)
    if mean is not None:
        shift = -mean * scale if shift is None else shift - mean * scale
    layer = Scaling(
        call.name, _place(recorder, named), recorder.numbers(named["input"]), scale, shift
    )
    return _recorded(recorder, call, named, layer)


def _affine(
    recorder: Recorder,
    call: Call,
    named: dict[str, Any],
    deviation: Tensor,
    shape: Shape | None,
) -> tuple[Tensor, Tensor | None]:
    """``gamma / deviation`` and ``beta``, to be broadcast to the input."""
    gamma, beta = (named.get(name) for name in ("weight", "bias"))
    for parameter in (gamma, beta, named.get("running_mean"), named.get("running_var")):
        if recorder.tracks(parameter):
            raise recorder.refuse(call, "has weights or statistics that depend on the input")
    gamma, beta = (
        one if one is None else one.detach().reshape(one.shape if shape is None else shape)
        for one in (gamma, beta)
    )
    return deviation.reciprocal() if gamma is None else gamma / deviation, beta


def _place(recorder: Recorder, named: dict[str, Any]) -> Place:
    gamma = named.get("weight")
    return recorder.places.running() if gamma is None else recorder.places.owner(gamma)


def _recorded(
    recorder: Recorder, call: Call, named: dict[str, Any], layer: Scaling | Centring
) -> Tensor:
    args, kwargs = mapped(recorder.numbers, (call.args, call.kwargs))
    with torch.no_grad():
        z = call.function(*args, **kwargs)
    source = recorder.consume(named["input"])
    visible, value = recorder.emit(z)
    value.derivable = True
    recorder.record(
        call,
        [source],
        [value],
        lambda cs: [layer.transpose(cs[0])],
        layer=layer,
        place=layer.place,
    )
    return visible


def _per_channel(x: Tensor) -> Shape:
    return (1, -1, *[1] * (x.dim() - 2))
