"""The face: one forward pass that is watched, one sweep back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from speechlrp.lrp.assignment import assign, meets_zeros
from speechlrp.lrp.checks import (
    check_composite,
    check_finite,
    check_inputs,
    check_model,
    check_output,
)
from speechlrp.lrp.compiled import eagerly
from speechlrp.lrp.composite import Composite
from speechlrp.lrp.errors import NotExplainable
from speechlrp.lrp.operations.last import check_ending
from speechlrp.lrp.recorder import Recorder
from speechlrp.lrp.start import Target, start_coefficient
from speechlrp.lrp.tape import Logits, Observer, Tape, Value
from speechlrp.lrp.tracer import Tracer

Start = Literal["logit", "one", "sigmoid", "softmax"]
MakeRecorder = Callable[[nn.Module, Tape, bool], Recorder]


class Run(NamedTuple):
    """A forward pass: the output, its tape, and the values of the input and the output."""

    output: Tensor
    tape: Tape
    source: Value
    end: Value


def attribute(
    model: nn.Module,
    inputs: Tensor,
    target: Target,
    composite: Composite,
    *,
    start: Start = "logit",
) -> tuple[Tensor, Tensor]:
    """Explain a model's output by the relevance of each number of its input.

    One forward and about one input gradient; the model is left as it was, whatever
    happens, and may be in use by other threads. Shapes: ``B`` examples, ``K`` classes.

    Args:
        model: any module in evaluation mode whose forward takes one tensor and returns one.
        inputs: ``[B, ...]``, floating point.
        target: what to explain. A class for all examples; a ``LongTensor [B]`` of classes;
            a floating-point weighting shaped like the output; or a function of the output
            that picks or weighs its entries, such as ``lambda z: z[:, 3, 17]`` (it should
            be linear: its gradient is the weighting).
        composite: which layer gets which rule.
        start: the relevance of the output. ``"logit"``, the target's entry itself;
            ``"one"``; or the target's probability, ``"sigmoid"`` or ``"softmax"`` (over
            dimension 1) of the output. Where the model ends in a softmax, a sigmoid or the
            logarithm of one, its logits are what target and start are about, and
            ``"softmax"`` is over the model's own dimension.

    Returns:
        The model's output and the relevance, shaped like ``inputs``; both detached.

    Raises:
        NotExplainable: the model does something that has no rule, or a layer that needs a
            rule gets none.
        LRPError: training mode, integer inputs, a target of the wrong shape or out of
            range, an output that is not finite.

    Source: Bach et al. 2015; as a modified gradient, ``docs/lrp.md``.
    """
    return explain(model, inputs, target, composite, start)


def explain(
    model: nn.Module,
    inputs: Tensor,
    target: Target,
    composite: Composite,
    start: str = "logit",
    observe: Observer | None = None,
    make_recorder: MakeRecorder = Recorder,
) -> tuple[Tensor, Tensor]:
    """``attribute``, with a look at every step of the sweep and another recorder if need be."""
    check_composite(composite)
    keep = observe is not None
    with torch.inference_mode(False), torch.enable_grad():
        run = _ruled(record(model, inputs, keep, make_recorder), composite, keep)
        if run is None:
            run = _ruled(record(model, inputs, True, make_recorder), composite, True)
        output, tape, source, end = run
        check_ending(tape, end, start)
        logits = end.logits or Logits(end, output)
        c = start_coefficient(logits.data, target, start, len(inputs), logits.dim)
        logits.value.give(c)
        tape.sweep(observe)
        return output, _relevance(source, inputs.detach())


def _ruled(run: Run, composite: Composite, keep: bool) -> Run | None:
    """The pass with its rules, or ``None`` if they ask for numbers that were not kept."""
    assign(run.tape, composite)
    if keep or not meets_zeros(run.tape, run.source):
        return run
    run.tape.nodes.clear()
    return None


def record(
    model: nn.Module, inputs: Tensor, keep: bool = False, make_recorder: MakeRecorder = Recorder
) -> Run:
    """Check the model and its inputs, and watch one forward pass; gradients must be enabled.

    ``keep`` keeps the numbers of every value.
    """
    check_model(model)
    check_inputs(inputs)
    tape = Tape()
    recorder = make_recorder(model, tape, keep)
    tracer = Tracer(recorder)
    visible, source = recorder.emit(inputs.clone() if inputs.is_inference() else inputs, data=keep)
    try:
        with eagerly(), tracer:
            output = model(visible)
        if recorder.failure is not None:
            raise recorder.failure
        check_output(recorder.numbers(output) if recorder.tracks(output) else output)
        if not recorder.tracks(output):
            raise NotExplainable("the model's output does not depend on its input")
        end = recorder.consume(output, last=True)
        return Run(output.numbers, tape, source, end)
    finally:
        recorder.close()


def _relevance(source: Value, x: Tensor) -> Tensor:
    c, r = source.take()
    c = torch.zeros_like(x) if c is None else c
    relevance = c.mul(x) if r is None else c.mul(x).add_(r)
    check_finite(
        "the relevance", relevance, "take a larger eps or stabilizer, or a higher precision"
    )
    return relevance
