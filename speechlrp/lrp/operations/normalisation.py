"""Batch, instance, group, layer and other norms: a scaling by constants."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.recorder import Call, Recorder
from speechlrp.lrp.scaling import Scaling


def batch_norm(recorder: Recorder, call: Call) -> Tensor:
    """``z = s x + (beta - s mean)``, ``s = gamma / sqrt(var + eps)``, running statistics."""
    named = _named(functional.batch_norm, call)
    if named["training"]:
        raise recorder.refuse(call, "takes its statistics from the batch")
    return _with_running_statistics(recorder, call, named)


def instance_norm(recorder: Recorder, call: Call) -> Tensor:
    """The norm of every channel of every example, its statistics constants."""
    named = _named(functional.instance_norm, call)
    if not named["use_input_stats"]:
        return _with_running_statistics(recorder, call, named)
    x = named["input"].detach()
    statistics = _moments(x, tuple(range(2, x.dim())), named["eps"])
    return _recorded(recorder, call, named, *statistics, _per_channel(x))


def group_norm(recorder: Recorder, call: Call) -> Tensor:
    """The norm of every group of channels of every example, its statistics constants."""
    named = _named(functional.group_norm, call)
    x, groups = named["input"].detach(), named["num_groups"]
    grouped = x.reshape(len(x), groups, -1)
    shape = (len(x), -1, *[1] * (x.dim() - 2))
    statistics = [
        value.repeat_interleave(x.shape[1] // groups, dim=1).reshape(shape)
        for value in _moments(grouped, (2,), named["eps"])
    ]
    return _recorded(recorder, call, named, *statistics, _per_channel(x))


def layer_norm(recorder: Recorder, call: Call) -> Tensor:
    """The norm over the last dimensions, its statistics constants."""
    named = _named(functional.layer_norm, call)
    x, count = named["input"].detach(), len(named["normalized_shape"])
    statistics = _moments(x, tuple(range(-count, 0)), named["eps"])
    return _recorded(recorder, call, named, *statistics, None)


def rms_norm(recorder: Recorder, call: Call) -> Tensor:
    """A division by the root of the mean square over the last dimensions, a constant."""
    named = _named(functional.rms_norm, call)
    x, count = named["input"].detach(), len(named["normalized_shape"])
    eps = torch.finfo(x.dtype).eps if named["eps"] is None else named["eps"]
    square = x.square().mean(tuple(range(-count, 0)), keepdim=True)
    return _recorded(recorder, call, named, None, (square + eps).sqrt(), None)


def normalize(recorder: Recorder, call: Call) -> Tensor:
    """A division by the norm over a dimension, a constant, as cosine scores have it."""
    named = _named(functional.normalize, call)
    x, dim = named["input"].detach(), named["dim"]
    size = torch.linalg.vector_norm(x, named["p"], dim, keepdim=True).clamp_min(named["eps"])
    return _recorded(recorder, call, named, None, size, None)


def _with_running_statistics(recorder: Recorder, call: Call, named: dict[str, Any]) -> Tensor:
    shape = _per_channel(named["input"])
    deviation = (named["running_var"].detach() + named["eps"]).sqrt().reshape(shape)
    mean = named["running_mean"].detach().reshape(shape)
    return _recorded(recorder, call, named, mean, deviation, shape)


def _recorded(
    recorder: Recorder,
    call: Call,
    named: dict[str, Any],
    mean: Tensor | None,
    deviation: Tensor,
    shape: tuple[int, ...] | None,
) -> Tensor:
    """Record ``gamma (x - mean) / deviation + beta`` as a layer.

    ``mean`` and ``deviation`` broadcast to the input, gamma and beta in the given shape.
    """
    gamma, beta = (named.get(name) for name in ("weight", "bias"))
    for parameter in (gamma, beta, named.get("running_mean"), named.get("running_var")):
        if isinstance(parameter, Tensor) and recorder.tracks(parameter):
            raise recorder.refuse(call, "has weights or statistics that depend on the input")
    gamma, beta = (_shaped(parameter, shape) for parameter in (gamma, beta))
    scale = deviation.reciprocal() if gamma is None else gamma / deviation
    shift = beta
    if mean is not None:
        shift = -mean * scale if beta is None else beta - mean * scale
    places = recorder.places
    place = places.running() if gamma is None else places.owner(named["weight"])
    with torch.no_grad():
        z = call.function(*call.args, **call.kwargs)
    source = recorder.consume(named["input"])
    layer = Scaling(call.name, place, named["input"].detach(), scale, shift)
    visible, value = recorder.emit(z)
    value.derivable = True
    recorder.record(
        call, [source], [value], lambda cs: [layer.transpose(cs[0])], layer=layer, place=place
    )
    return visible


def _named(function: Any, call: Call) -> dict[str, Any]:
    bound = inspect.signature(function).bind(*call.args, **call.kwargs)
    bound.apply_defaults()
    return bound.arguments


def _per_channel(x: Tensor) -> tuple[int, ...]:
    return (1, -1, *[1] * (x.dim() - 2))


def _shaped(parameter: Tensor | None, shape: tuple[int, ...] | None) -> Tensor | None:
    if parameter is None:
        return None
    parameter = parameter.detach()
    return parameter if shape is None else parameter.reshape(shape)


def _moments(x: Tensor, dims: tuple[int, ...], eps: float) -> tuple[Tensor, Tensor]:
    """Mean and ``sqrt(var + eps)`` over some dimensions, which stay as ones."""
    variance, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
    return mean, (variance + eps).sqrt()
