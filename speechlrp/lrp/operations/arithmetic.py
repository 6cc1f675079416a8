"""Products with constants, and arithmetic in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from speechlrp.lrp.operations.gradient import gradient

if TYPE_CHECKING:
    from speechlrp.lrp.tracer import Call, Tracer

_OUT_OF_PLACE = {
    "add": torch.add,
    "sub": torch.sub,
    "subtract": torch.sub,
    "mul": torch.mul,
    "multiply": torch.mul,
    "div": torch.div,
    "divide": torch.div,
    "truediv": torch.div,
    "neg": torch.neg,
}


def scaled(tracer: Tracer, call: Call) -> Any:
    """A product with a constant: linear, so the gradient."""
    factors = [call.args[0], *call.args[1:], *call.kwargs.values()]
    if sum(isinstance(one, Tensor) and tracer.tracks(one) for one in factors) > 1:
        raise tracer.refuse(call, "multiplies two tensors that depend on the input")
    return gradient(tracer, call)


def divided(tracer: Tracer, call: Call) -> Any:
    """A division by a constant: linear, so the gradient."""
    named = dict(zip(("input", "other"), call.args, strict=False)) | call.kwargs
    if isinstance(named["other"], Tensor) and tracer.tracks(named["other"]):
        raise tracer.refuse(call, "divides by a tensor that depends on the input")
    if named.get("rounding_mode") is not None:
        raise tracer.refuse(call, "rounds")
    return gradient(tracer, call)


def in_place(tracer: Tracer, call: Call) -> Tensor:
    """``x += y`` and its kind: a new value under the old tensor."""
    target, *others = call.args
    if not tracer.tracks(target):
        raise tracer.refuse(call, "writes the input's influence into a constant")
    name = call.function.__name__.strip("_")
    function = _OUT_OF_PLACE.get(name) or _OUT_OF_PLACE[name[1:]]
    handler = {torch.mul: scaled, torch.div: divided}.get(function, gradient)
    plain_call = type(call)(function, (target, *others), call.kwargs)
    return tracer.overwrite(call, target, handler(tracer, plain_call))
