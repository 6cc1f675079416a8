"""ReLU and dropout."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from speechlrp.lrp.tape import Coefficients

if TYPE_CHECKING:
    from speechlrp.lrp.tracer import Call, Tracer


def relu(tracer: Tracer, call: Call) -> Tensor:
    """``c_in = c_out [z > 0]``: where the ReLU is open, value and relevance pass unchanged."""
    named = dict(zip(("input", "inplace"), call.args, strict=False)) | call.kwargs
    return _relu(tracer, call, named["input"], bool(named.get("inplace", False)))


def in_place_relu(tracer: Tracer, call: Call) -> Tensor:
    """As ``relu``, on a tensor that the model goes on using."""
    return _relu(tracer, call, call.args[0] if call.args else call.kwargs["input"], True)


def _relu(tracer: Tracer, call: Call, x: Tensor, inplace: bool) -> Tensor:
    result = torch.relu(x.detach())
    source = tracer.consume_in_relu(x, result)
    visible, value = tracer.emit(result)

    def backward(outgoing: Coefficients) -> Coefficients:
        return [torch.ops.aten.threshold_backward(outgoing[0], result, 0)]

    tracer.record(call, [source], [value], backward, carry=list)
    return tracer.overwrite(call, x, visible) if inplace else visible


def dropout(tracer: Tracer, call: Call) -> Tensor:
    """The identity in evaluation; in training it raises."""
    named = dict(zip(("input", "p", "training"), call.args, strict=False)) | call.kwargs
    training = named.get("training", named.get("train", True))
    if training:
        raise tracer.refuse(call, "drops at random (training=True)")
    return named["input"]
