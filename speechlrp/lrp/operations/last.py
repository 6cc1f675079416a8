"""Softmax and sigmoid: where they are the last step, relevance begins at the logits."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from speechlrp.lrp.assignment import origins, producers_of
from speechlrp.lrp.operations.activations import activation, alone
from speechlrp.lrp.operations.gradient import moved
from speechlrp.lrp.recorder import Call, Recorder
from speechlrp.lrp.refusals import NotExplainable
from speechlrp.lrp.tape import Coefficients, Logits, Tape, Value

SQUASHING = frozenset(("sigmoid", "sigmoid_", "special_expit", "log_sigmoid"))


def softmax(recorder: Recorder, call: Call) -> Tensor:
    """Its first-order Taylor expansion, whose constant absorbs: ``c_in = s (c - sum s c)``.

    As the model's last step, relevance starts at the logits; a log-softmax can be no other.

    Source: Achtibat et al. 2024, "AttnLRP", proposition 3.1, ``R_in = x (R - s sum R)``.
    """
    x, function = alone(recorder, call)
    named = call.named("input", "dim")
    if named.get("dim") is None:
        raise recorder.refuse(call, "does not say over which dimension (dim=)")
    with torch.no_grad():
        result = function(recorder.numbers(x))
    source, (visible, value) = recorder.consume(x), recorder.emit(result)
    numbers, log = recorder.numbers(x), "log" in call.name
    dim = range(max(1, x.dim()))[named["dim"]]
    value.logits = Logits(source, numbers, dim, only_last=log)

    def backward(outgoing: Coefficients) -> Coefficients:
        share = outgoing[0] * result
        return [share.sub_(result * share.sum(dim, keepdim=True)).to(numbers.dtype)]

    if not log:
        recorder.record(call, [source], [value], backward)
    return visible


def sigmoid(recorder: Recorder, call: Call) -> Tensor:
    """An activation like any other, unless the model ends here."""
    x, visible = call.first, activation(recorder, call)
    visible.value.logits = Logits(recorder.value(x), recorder.numbers(x))
    return visible


def logarithm(recorder: Recorder, call: Call) -> Tensor:
    """An activation, but of a softmax or a sigmoid, which is a log-softmax or log-sigmoid."""
    visible, logits = activation(recorder, call), recorder.value(call.first).logits
    if logits is not None:
        visible.value.logits = replace(logits, only_last=True)
    return visible


def rearranged(recorder: Recorder, call: Call) -> Tensor:
    """As ``moved``. Behind a last log-softmax its logits move along with it.

    So the model may also end in ``log_softmax(z, -1).transpose(0, 1)``, as recognisers do.
    """
    x, (rest, named) = call.first, call.rest
    logits = recorder.value(x).logits if recorder.tracks(x) else None
    if logits is None or not logits.only_last:
        return moved(recorder, call)

    def function(numbers: Tensor) -> Tensor:
        return call.function(numbers, *rest, **named)

    dim = None if logits.dim is None else dimension_behind(function, logits.data, logits.dim)
    if dim is None and logits.dim is not None:
        return moved(recorder, call)  # which refuses
    unmoved = recorder.give(logits.data, logits.value)
    shown = moved(recorder, Call(call.function, (unmoved, *rest), named))
    if shown is unmoved:
        return x
    visible, value = recorder.emit(function(recorder.numbers(x)))
    value.logits = Logits(recorder.value(shown), recorder.numbers(shown), dim, only_last=True)
    return visible


def dimension_behind(function: Callable[[Tensor], Tensor], data: Tensor, dim: int) -> int | None:
    """Where a softmax's dimension comes to lie, by moving its numbers about; or ``None``."""
    size = data.shape[dim]
    numbers = torch.arange(size, device=data.device)
    shape = [size if axis == dim else 1 for axis in range(data.dim())]
    moved_about = function(numbers.reshape(shape).expand_as(data))
    varying = [
        axis
        for axis in range(moved_about.dim())
        if bool((moved_about != moved_about.narrow(axis, 0, 1)).any())
    ]
    return varying[0] if len(varying) == 1 and moved_about.shape[varying[0]] == size else None


def check_ending(tape: Tape, end: Value, start: str) -> None:
    """Raise where the output is a sigmoid's or softmax's, moved about: no logit, though it looks.

    Of a sigmoid unless relevance starts from 1.
    """
    producers = producers_of(tape)
    for node in origins(end if end.logits is None else end.logits.value, producers):
        if node is not None and node.operation.endswith("softmax"):
            raise NotExplainable(
                f"in {node.place}: a softmax can only be the model's last step or a part of its "
                "inside; let the model end at its logits or in the softmax itself"
            )
    if start == "one" or end.logits is not None:
        return
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
