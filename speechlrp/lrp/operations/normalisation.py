"""Batch, instance, group, layer and other norms: linear, with their deviation for a constant.

The mean of layer, group and instance norms is linear in the input, so that nothing is lost
to it (Ali et al. 2022); that of a batch norm's running statistics is a constant.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.arguments import mapped
from speechlrp.lrp.recorder import PARTS, Call, Recorder
from speechlrp.lrp.scaling import Centring, Scaling

Shape = tuple[int, ...]


def batch_norm(recorder: Recorder, call: Call) -> Tensor:
    """``z = s x + (beta - s mean)``, ``s = gamma / sqrt(var + eps)``, running statistics."""
    norm = _Norm(recorder, call, functional.batch_norm)
    if norm.named["training"]:
        raise recorder.refuse(call, "takes its statistics from the batch")
    return norm.with_running_statistics()


def instance_norm(recorder: Recorder, call: Call) -> Tensor:
    """The norm of every channel of every example."""
    norm = _Norm(recorder, call, functional.instance_norm)
    if not norm.named["use_input_stats"]:
        return norm.with_running_statistics()
    return norm.centred((*norm.x.shape[:2], -1), norm.per_channel)


def group_norm(recorder: Recorder, call: Call) -> Tensor:
    """The norm of every group of channels of every example."""
    norm = _Norm(recorder, call, functional.group_norm)
    return norm.centred((len(norm.x), norm.named["num_groups"], -1), norm.per_channel)


def layer_norm(recorder: Recorder, call: Call) -> Tensor:
    """The norm over the last dimensions."""
    norm = _Norm(recorder, call, functional.layer_norm)
    return norm.centred((*norm.x.shape[: -len(norm.named["normalized_shape"])], -1))


def rms_norm(recorder: Recorder, call: Call) -> Tensor:
    """A division by the root of the mean square over the last dimensions, a constant."""
    norm = _Norm(recorder, call, functional.rms_norm)
    if norm.x.is_complex():
        raise recorder.refuse(call, "acts on complex numbers", PARTS)
    eps, count = norm.named["eps"], len(norm.named["normalized_shape"])
    eps = torch.finfo(norm.x.dtype).eps if eps is None else eps
    square = norm.x.square().mean(tuple(range(-count, 0)), keepdim=True)
    return norm.scaled((square + eps).sqrt())


def normalize(recorder: Recorder, call: Call) -> Tensor:
    """A division by the norm over a dimension, a constant, as cosine scores have it."""
    norm = _Norm(recorder, call, functional.normalize)
    p, dim, eps = (norm.named[name] for name in ("p", "dim", "eps"))
    return norm.scaled(torch.linalg.vector_norm(norm.x, p, dim, keepdim=True).clamp_min(eps))


class _Norm:
    """A call of one of torch's norms; gamma and beta are its ``weight`` and ``bias``, if any."""

    def __init__(self, recorder: Recorder, call: Call, function: Callable[..., Any]) -> None:
        self.recorder, self.call, self.named = recorder, call, call.bound(function)
        self.x = recorder.numbers(self.named["input"])
        self.per_channel = (1, -1, *[1] * (self.x.dim() - 2))
        names = ("weight", "bias", "running_mean", "running_var")
        if any(recorder.tracks(self.named.get(name)) for name in names):
            raise recorder.refuse(call, "has weights or statistics that depend on the input")
        gamma = self.named.get("weight")
        places = recorder.places
        self.place = places.running() if gamma is None else places.owner(gamma)

    def with_running_statistics(self) -> Tensor:
        mean, variance = (
            self.recorder.numbers(self.named[f"running_{name}"]) for name in ("mean", "var")
        )
        deviation = (variance + self.named["eps"]).sqrt()
        scale, beta = self._affine(deviation)
        if beta is None:
            shift = (mean * scale).neg_()
        else:
            shift = torch.addcmul(beta, mean, scale, value=-1)
        return self._scaling(scale.reshape(self.per_channel), shift.reshape(self.per_channel))

    def centred(self, groups: Shape, shape: Shape | None = None) -> Tensor:
        """Record ``gamma (x - mean(x)) / deviation + beta``, gamma and beta in the given shape.

        ``groups`` is a shape for the input whose last dimension runs over what is normed together.
        """
        grouped = self.x.reshape(groups)
        variance = grouped.var(-1, correction=0, keepdim=True)
        deviation = (variance + self.named["eps"]).sqrt().expand_as(grouped).reshape(self.x.shape)
        scale, beta = self._affine(deviation, shape)
        layer = Centring(self.call.name, self.place, self.x, scale, beta, grouped.shape)
        return self._recorded(layer)

    def scaled(self, deviation: Tensor) -> Tensor:
        """Record ``gamma x / deviation + beta``."""
        return self._scaling(*self._affine(deviation))

    def _scaling(self, scale: Tensor, shift: Tensor | None) -> Tensor:
        return self._recorded(Scaling(self.call.name, self.place, self.x, scale, shift))

    def _affine(
        self, deviation: Tensor, shape: Shape | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """``gamma / deviation`` and ``beta``, to be broadcast to the input."""
        gamma, beta = (
            one if one is None else one.detach().reshape(one.shape if shape is None else shape)
            for one in (self.named.get(name) for name in ("weight", "bias"))
        )
        return deviation.reciprocal() if gamma is None else gamma / deviation, beta

    def _recorded(self, layer: Scaling | Centring) -> Tensor:
        args, kwargs = mapped(self.recorder.numbers, (self.call.args, self.call.kwargs))
        with torch.no_grad():
            z = self.call.function(*args, **kwargs)
        sources = [self.named["input"]]
        visible = self.recorder.write(
            self.call, sources, z, lambda cs: [layer.transpose(cs[0])], layer=layer
        )
        visible.value.derivable = True
        return visible
