"""The face: one forward pass that is watched, one sweep back."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from speechlrp.lrp.assignment import assign, meets_zeros, settle
from speechlrp.lrp.checkpointing import Checkpointing
from speechlrp.lrp.checks import (
    check_composite,
    check_finite,
    check_output,
    check_same,
    warn_of_draws,
    warn_of_explosion,
    warn_of_nothing,
    warn_of_unmet,
)
from speechlrp.lrp.composite import Composite
from speechlrp.lrp.forward import Forward, Inputs, Output, eagerly
from speechlrp.lrp.operations.last import check_ending
from speechlrp.lrp.recorder import Recorder
from speechlrp.lrp.refusals import NotExplainable
from speechlrp.lrp.start import Target, start_coefficient
from speechlrp.lrp.tape import Logits, Observer, Tape, Value
from speechlrp.lrp.tracer import Tracer

Start = Literal["logit", "one", "sigmoid", "softmax"]
MakeRecorder = Callable[[nn.Module, Tape, bool], Recorder]


class Run(NamedTuple):
    """A forward pass: the output, its tape, the values of the inputs and of the output."""

    output: Tensor
    tape: Tape
    sources: list[Value]
    end: Value
    recorder: Recorder

    @property
    def logits(self) -> Logits:
        """What target and start are about: before a last softmax or sigmoid, or the output."""
        return self.end.logits or Logits(self.end, self.output)


def attribute(
    model: nn.Module,
    inputs: Inputs,
    target: Target,
    composite: Composite,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    output: Output | None = None,
    *,
    start: Start = "logit",
    check: bool = False,
    checkpoint: bool = False,
) -> tuple[Tensor, Any]:
    """Explain a model's output by the relevance of each number of its input.

    One forward and about one input gradient; the model runs as it does under
    ``torch.no_grad()``, is left as it was, whatever happens, and may be in use by other
    threads. Shapes: ``B`` examples, ``K`` classes.

    Args:
        model: any module in evaluation mode.
        inputs: ``[B, ...]``, floating point; or a tuple of such tensors, the model's first
            arguments; or a mapping from the names of arguments to such tensors.
        target: what to explain. A class for all examples; a ``LongTensor [B]`` of classes;
            a floating-point weighting shaped like the output; or a function of the output
            that picks or weighs its entries, such as ``lambda z: z[:, 3, 17]`` (it should
            be linear: its gradient is the weighting).
        composite: which layer gets which rule.
        args: what the model takes after the inputs and is not explained, such as lengths.
        kwargs: likewise by name, such as an attention mask.
        output: picks the tensor that is explained from what the model returns, where that
            is more than a tensor, such as ``lambda o: o.logits``.
        start: the relevance of the output. ``"logit"``, the target's entry itself;
            ``"one"``; or the target's probability, ``"sigmoid"`` or ``"softmax"`` (over
            dimension 1) of the output. Where the model ends in a softmax, a sigmoid or the
            logarithm of one, its logits are what target and start are about, and
            ``"softmax"`` is over the model's own dimension.
        check: whether the model is also run by itself, for one more forward, to see that the
            watched pass gives what the model gives.
        checkpoint: whether the pass is run again piece by piece, for one more forward and the
            same relevance, in memory that grows with the square root of the depth.

    Returns:
        The model's output and the relevance, in the form of ``inputs``; both detached.

    Raises:
        NotExplainable: the model does something that has no rule, a layer that needs a
            rule gets none, or the check fails.
        LRPError: training mode, integer inputs, arguments that the model does not take, a
            target of the wrong shape or out of range, an output that is not finite.

    Warns:
        LRPWarning: relevance that is 0 everywhere, or out of all proportion to the output; a
            pair of the composite that no layer meets; random numbers that the output depends on.

    Source: Bach et al. 2015; as a modified gradient, ``docs/lrp.md``.
    """
    forward = Forward(model, inputs, args, kwargs, output)
    make_recorder = Checkpointing if checkpoint else Recorder
    explanation = explain(forward, target, composite, start, make_recorder=make_recorder)
    if check:
        with torch.inference_mode(False):
            check_same(explanation[0], forward.plain())
    return explanation


def explain(
    forward: Forward,
    target: Target,
    composite: Composite,
    start: str = "logit",
    observe: Observer | None = None,
    make_recorder: MakeRecorder = Recorder,
) -> tuple[Tensor, Any]:
    """``attribute``, with a look at every step of the sweep and another recorder if need be."""
    check_composite(composite)
    keep = observe is not None
    with torch.inference_mode(False), torch.enable_grad():
        forget = not keep and not any(rule.reads_input for _, rule in composite.rules)
        run = record(forward, keep, make_recorder, forget)
        unmet = assign(run.tape, composite)
        again = run.recorder if isinstance(run.recorder, Checkpointing) else None
        if again is None:
            settle(run.tape, composite)
        needs = not keep and meets_zeros(run.tape, run.sources, composite)
        if needs and again is None:  # numbers that were not kept
            run.tape.nodes.clear()
            run = record(forward, True, make_recorder)
            assign(run.tape, composite)
            settle(run.tape, composite)
        warn_of_draws(run.recorder.draws.met)
        warn_of_unmet(unmet)
        check_ending(run.tape, run.end, start)
        logits = run.logits
        c = start_coefficient(logits.data, target, start, forward.batch, logits.dim)
        logits.value.give(c)
        if again is None:
            run.tape.sweep(observe)
        else:
            again.sweep(composite, needs)
        inputs = [tensor.detach() for tensor in forward.tensors]
        relevances = [_relevance(*pair) for pair in zip(run.sources, inputs, strict=True)]
        warn_of_nothing(relevances, inputs, logits.data * c)
        warn_of_explosion(relevances, logits.data, c, composite)
        return run.output, forward.like_inputs(relevances)


def record(
    forward: Forward,
    keep: bool = False,
    make_recorder: MakeRecorder = Recorder,
    forget: bool = False,
) -> Run:
    """Check the model and its inputs, and watch one forward pass; gradients must be enabled.

    ``keep`` keeps the numbers of every value, ``forget`` not even those of layers' inputs.
    """
    forward.check()
    tape = Tape()
    recorder = make_recorder(forward.model, tape, keep)
    recorder.forget = forget
    inputs = [one.clone() if one.is_inference() else one for one in forward.tensors]
    emitted = [recorder.emit(one, data=keep) for one in inputs]
    try:
        with eagerly(), torch.no_grad(), Tracer(recorder):
            output = forward([visible for visible, _ in emitted])
        if recorder.failure is not None:
            raise recorder.failure
        recorder.check_read()
        check_output(recorder.numbers(output) if recorder.tracks(output) else output)
        if not recorder.tracks(output):
            raise NotExplainable("the model's output does not depend on its input")
        end = recorder.consume(output, last=True)
        return Run(output.numbers, tape, [value for _, value in emitted], end, recorder)
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
