"""Where relevance is kept and where it is lost."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from speechlrp.lrp.arguments import tensors_in
from speechlrp.lrp.composite import Composite
from speechlrp.lrp.engine import Start, explain, record
from speechlrp.lrp.forward import Forward, Inputs, Output
from speechlrp.lrp.modules import path_of
from speechlrp.lrp.overview import table
from speechlrp.lrp.recorder import Call, Recorder
from speechlrp.lrp.refusals import LRPError
from speechlrp.lrp.start import Target, weighting_of
from speechlrp.lrp.tape import Flow, Node, Tape, Value


@dataclass(frozen=True)
class Balance:
    """Relevance before and after one operation, each ``[B]``."""

    name: str  # path of the module, ``""`` for the model itself
    operation: str  # such as ``"conv2d"``
    constants: tuple[str, ...]
    """The parameters and buffers that it adds or multiplies with, by their names, where it has no
    rule: position embeddings are among them."""
    rule: str  # the rule as one writes it, ``""`` where the operation has none
    received: Tensor  # the sum over the operation's outputs
    passed: Tensor  # the sum over its inputs
    bias: Tensor
    """What the bias absorbs; of an operation without a rule, what constants absorb that it adds.
    NaN where the rule doesn't say."""
    stabiliser: Tensor
    """What else is missing: it lies with the rule's stabiliser, or with outputs that have nothing
    to share it out by. NaN where the rule doesn't say."""

    @property
    def absorbed(self) -> Tensor:
        """What the operation did not hand on, ``bias + stabiliser``, ``[B]``."""
        return self.received - self.passed


def conservation(
    model: nn.Module,
    inputs: Inputs,
    target: Target,
    composite: Composite,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    output: Output | None = None,
    *,
    start: Start = "logit",
) -> list[Balance]:
    """Relevance in and out of every operation, from the output to the input.

    Arguments and errors as for ``attribute``. Examples are explained one by one, so that
    inside the model any dimension may count them; of ``args`` and ``kwargs``, tensors of
    ``B`` rows are taken row by row. Keeps every intermediate tensor of an example. ``report``
    makes a table.

    Raises:
        LRPError: also where the model takes another way for another example, or does something
            else with an example alone than with its batch.
    """
    forward = Forward(model, inputs, args, kwargs, output)
    forward.check()
    pairs = zip(forward.examples(), _targets(forward, target), strict=True)
    each = [_alone(example, one, composite, start) for example, one in pairs]
    ways = {tuple((one.name, one.operation, one.rule) for one in way) for way in each}
    if len(ways) > 1:
        raise LRPError(
            "the model takes another way for another example of the batch; take the examples "
            "one by one"
        )
    return [_joined(same) for same in zip(*each, strict=True)]


def _alone(forward: Forward, target: Target, composite: Composite, start: Start) -> list[Balance]:
    """The balances of one example, whose batch the model takes."""
    balances: list[Balance] = []

    def observe(*step: Any) -> None:
        balances.append(_balance(*step))

    try:
        explain(forward, target, composite, start, observe, Naming)
        return balances
    except LRPError:
        raise
    except Exception:  # a model can raise anything
        _check_taken(forward)
        raise


def _check_taken(forward: Forward) -> None:
    """Raise if the model by itself does not take an example of its batch alone."""
    try:
        forward.plain()
    except Exception as error:  # a model can raise anything
        raise LRPError(
            f"the model takes the batch, but no example of it alone ({type(error).__name__}: "
            f"{error}), and balances are those of single examples; let the model, args and kwargs "
            "hold nothing of this batch's size"
        ) from error


def _joined(balances: Sequence[Balance]) -> Balance:
    sums: dict[str, Any] = {
        name: torch.stack([getattr(one, name) for one in balances])
        for name in ("received", "passed", "bias", "stabiliser")
    }
    return replace(balances[0], **sums)


def _targets(forward: Forward, target: Target) -> list[Target]:
    """What is explained of each example."""
    count = forward.batch
    if count == 1:
        return [target]
    with torch.inference_mode(False), torch.enable_grad():
        whole = record(forward).logits.data
        weighting = weighting_of(whole, target, count)
    return [partial(_weighed, whole, weighting, index) for index in range(count)]


def _weighed(whole: Tensor, weighting: Tensor, index: int, output: Tensor) -> Tensor:
    """The entries of one example's output by their weights in that of the whole batch."""
    for axis, size in enumerate(weighting.shape):
        shape = [1 if one == axis else n for one, n in enumerate(weighting.shape)]
        if list(output.shape) == shape and index < size:
            _check_alone(output.detach(), whole.narrow(axis, index, 1))
            return (output * weighting.narrow(axis, index, 1)).sum()
    raise LRPError(
        f"an output of shape {list(output.shape)} for one example and {list(weighting.shape)} for "
        "all: which dimension counts examples can't be told; take the examples one by one"
    )


def _check_alone(output: Tensor, in_batch: Tensor) -> None:
    """Raise unless an example alone has the output that it has in its batch."""
    difference, size = (output - in_batch).abs().max(), in_batch.abs().max()
    if not difference <= torch.finfo(output.dtype).eps ** 0.5 * size:
        raise LRPError(
            f"an example alone has another output than in its batch (they differ by "
            f"{float(difference):.3g} of {float(size):.3g}): the model mixes the examples of a "
            "batch, or holds something of its size; take the examples one by one"
        )


def report(balances: Sequence[Balance]) -> str:
    """A table of the operations that have a rule or absorb relevance, means over examples.

    The columns bias and stabiliser are in percent of the relevance that the output began
    with, ``-`` where a rule doesn't say. Positive and negative relevance cancel in these
    sums, so that a share can exceed 100 %. The last line is the whole way to the input.
    """
    head = ("module", "operation", "rule", "received", "passed", "bias %", "stabiliser %")
    if not balances:
        return table(head, [])
    whole = balances[0].received
    least = 100 * torch.finfo(whole.dtype).eps
    rows = [
        _row(one, whole)
        for one in balances
        if one.rule or not bool((one.absorbed.abs() <= least * one.received.abs()).all())
    ]
    bias, stabiliser, absorbed = (
        torch.stack([getattr(one, part) for one in balances]).sum(0)
        for part in ("bias", "stabiliser", "absorbed")
    )
    total = Balance("", "all", (), "", whole, whole - absorbed, bias, stabiliser)
    return table(head, [*rows, _row(total, whole)], right=(3, 4, 5, 6))


def _row(balance: Balance, whole: Tensor) -> list[str]:
    names = ", ".join(balance.constants)
    operation = f"{balance.operation} ({names})" if names else balance.operation
    sums = [f"{float(part.mean()):.6g}" for part in (balance.received, balance.passed)]
    parts = (balance.bias, balance.stabiliser)
    shares = [round(float(100 * part.mean() / whole.mean()), 2) + 0.0 for part in parts]
    percent = [f"{share:.2f}" if math.isfinite(share) else "-" for share in shares]
    return [balance.name, operation, balance.rule, *sums, *percent]


def _balance(node: Node, outgoing: Sequence[Flow], incoming: Sequence[Flow]) -> Balance:
    received, passed = _total(node.outputs, outgoing), _total(node.inputs, incoming)
    rule = "" if node.rule is None else repr(node.rule)
    bias = _bias(node, outgoing, received - passed)
    rest = received - passed - bias
    constants = node.constants if node.layer is None else ()
    return Balance(node.place.name, node.operation, constants, rule, received, passed, bias, rest)


def _bias(node: Node, outgoing: Sequence[Flow], absorbed: Tensor) -> Tensor:
    """What the bias absorbs."""
    if node.rule is None:
        return absorbed - _stranded(node, outgoing)
    c = node.outputs[0].per_unit(*outgoing[0])
    share = None if c is None else node.rule.bias(node.layer, c)
    return torch.full_like(absorbed, torch.nan) if share is None else share.sum().real


def _stranded(node: Node, outgoing: Sequence[Flow]) -> Tensor | int:
    """Relevance of zeros that the operation shares out by value, and so cannot."""
    if node.carry is not None:
        return 0
    pairs = zip(node.outputs, outgoing, strict=True)
    lost = ((value.numbers == 0, r) for value, (_, r) in pairs if r is not None)
    return sum(torch.where(zero, r, 0).sum() for zero, r in lost)


def _total(values: Sequence[Value], flows: Sequence[Flow]) -> Tensor:
    """The sum over several values; 0 where none has relevance."""
    relevances = [value.relevance(*flow) for value, flow in zip(values, flows, strict=True)]
    parts = [relevance.sum() for relevance in relevances if relevance is not None]
    return sum(parts[1:], parts[0]) if parts else values[0].numbers.real.new_zeros(())


class Naming(Recorder):
    """A recorder that knows which parameters and buffers an operation reads.

    Also by way of what was computed from them: a position embedding is looked up, cut to
    length and moved before it is added. Keeps all of that alive until the pass is over, so
    that no other tensor can have the same ``id``.
    """

    def __init__(self, model: nn.Module, tape: Tape, keep: bool = False) -> None:
        super().__init__(model, tape, keep)
        held = [*model.named_parameters(), *model.named_buffers()]
        self._names: dict[int, tuple[str, ...]] = {id(one): (path_of(name),) for name, one in held}
        self._made: list[Any] = []

    def computed(self, call: Call, result: Any) -> None:
        """Note what a constant was computed from."""
        names = tuple(dict.fromkeys(self._names_in((call.args, call.kwargs))))
        if names:
            self._made.append(result)
            self._names.update((id(one), names) for one in tensors_in(result))

    def record(self, call: Call | None, *args: Any, **kwargs: Any) -> None:
        """Write an operation, with the names of the constants that it reads."""
        super().record(call, *args, **kwargs)
        if call is not None:
            names = dict.fromkeys(self._names_in((call.args, call.kwargs)))
            self.tape.nodes[-1].constants = tuple(names)

    def _names_in(self, arguments: Any) -> Iterator[str]:
        for tensor in tensors_in(arguments):
            yield from self._names.get(id(tensor), ())

    def close(self) -> None:
        """Let go of all."""
        super().close()
        self._made.clear()
        self._names.clear()
