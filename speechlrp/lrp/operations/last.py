"""Softmax, and sigmoid where it is the last step: relevance begins at the logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from speechlrp.lrp.errors import NotExplainable
from speechlrp.lrp.operations.activations import alone, passed
from speechlrp.lrp.tape import Logits, Tape, Value

if TYPE_CHECKING:
    from speechlrp.lrp.tracer import Call, Tracer

SQUASHING = frozenset(("sigmoid", "sigmoid_", "special_expit", "log_sigmoid"))


def softmax(tracer: Tracer, call: Call) -> Tensor:
    """Nothing is recorded: only the end of the model may follow, and starts at the logits."""
    x, function = alone(tracer, call)
    named = dict(zip(("input", "dim"), call.args, strict=False)) | call.kwargs
    if named.get("dim") is None:
        raise tracer.refuse(call, "does not say over which dimension (dim=)")
    with torch.no_grad():
        result = function(x.detach())
    visible, value = tracer.emit(result)
    dim = range(x.dim())[named["dim"]]
    value.logits = Logits(tracer.consume(x), x.detach(), dim)
    return visible


def sigmoid(tracer: Tracer, call: Call) -> Tensor:
    """An activation like any other, unless the model ends here."""
    x, _ = alone(tracer, call)
    numbers = x.detach()
    visible, source, value = passed(tracer, call)
    value.logits = Logits(source, numbers)
    return visible


def check_ending(tape: Tape, end: Value, start: str) -> None:
    """Raise where the output is a sigmoid's, moved about: it would be taken for a logit.

    Raises:
        NotExplainable: see above, unless relevance starts from 1.
    """
    if start == "one" or end.logits is not None:
        return
    producers = {id(value): node for node in tape.nodes for value in node.outputs}
    waiting = [end]
    while waiting:
        node = producers.get(id(waiting.pop()))
        if node is not None and node.operation in SQUASHING:
            raise NotExplainable(
                f"the output is that of {node.operation} in {node.place}, reshaped or picked "
                f"from, and start={start!r} asks for the logits: let the model end at its "
                "logits or in the sigmoid itself, or take start='one'"
            )
        if node is not None and node.carry is node.backward:
            waiting += node.inputs
