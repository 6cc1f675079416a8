"""Attention in one call: ``scaled_dot_product_attention``."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from speechlrp.lrp.fused_attention import Attention
from speechlrp.lrp.recorder import Call, Recorder
from speechlrp.lrp.tape import Coefficients

_ORDER = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")


def attention(recorder: Recorder, call: Call) -> Tensor:
    """Two products and a softmax; in the fused kernel where only the mask is a constant."""
    named = dict(zip(_ORDER, call.args, strict=False)) | call.kwargs
    if named.get("dropout_p"):
        raise recorder.refuse(call, "drops at random (dropout_p above 0)")
    inputs = [named[name] for name in ("query", "key", "value")]
    scale = named.get("scale")
    scale = inputs[0].shape[-1] ** -0.5 if scale is None else scale
    mask = named.get("attn_mask")
    if recorder.tracks(mask) or not all(recorder.tracks(one) for one in inputs):
        return _written_out(recorder, inputs, _bias(named), scale)
    return _fused(recorder, call, inputs, _bias(named), scale)


def _fused(
    recorder: Recorder, call: Call, inputs: list[Tensor], bias: Tensor | None, scale: float
) -> Tensor:
    rest, kwargs = call.args[3:], dict(call.kwargs)
    for name in ("query", "key", "value"):
        kwargs.pop(name, None)

    def function(*factors: Tensor) -> Tensor:
        return call.function(*factors, *rest, **kwargs)

    layer = Attention(
        recorder.places.running(), function, [*map(recorder.numbers, inputs)], bias, scale
    )
    sources = [recorder.consume(one) for one in inputs]
    visible, value = recorder.emit(layer.compute())

    def backward(outgoing: Coefficients) -> Coefficients:
        return layer.share_out(outgoing[0], lambda product: (0.5, 0.5))

    recorder.record(call, sources, [value], backward, layer=layer, place=layer.place)
    return visible


def _written_out(
    recorder: Recorder, inputs: list[Tensor], bias: Tensor | None, scale: float
) -> Tensor:
    """As the model would write it: what is a constant makes layers in place of products."""
    masked = None if bias is None else torch.isneginf(recorder.numbers(bias)).all(-1, keepdim=True)
    with recorder.watching():
        query, key, value = inputs
        if query.dim() > 2 and query.shape[-3] != key.shape[-3]:
            groups = query.shape[-3] // key.shape[-3]
            key, value = (one.repeat_interleave(groups, -3) for one in (key, value))
        scores = query @ key.mT * scale
        if bias is None or masked is None:
            return scores.softmax(-1) @ value
        weights = (scores + bias).masked_fill(masked, 0.0).softmax(-1)
        return weights.masked_fill(masked, 0.0) @ value


def _bias(named: dict[str, Any]) -> Tensor | None:
    """What the mask adds to the scores."""
    query, key, mask = named["query"], named["key"], named.get("attn_mask")
    if named.get("is_causal"):
        mask = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool).tril()
    if mask is None or mask.dtype != torch.bool:
        return mask
    bias = torch.zeros(mask.shape, dtype=query.dtype, device=query.device)
    return bias.masked_fill(~mask.to(query.device), -math.inf)
