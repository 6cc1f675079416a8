"""Where relevance is kept and where it is lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from speechlrp.lrp.composite import Composite
from speechlrp.lrp.engine import Start, explain
from speechlrp.lrp.start import Target
from speechlrp.lrp.table import table
from speechlrp.lrp.tape import Flow, Node, Value


@dataclass(frozen=True)
class Balance:
    """Relevance before and after one operation, each ``[B]``.

    Attributes:
        name: path of the module, ``""`` for the model itself.
        operation: such as ``"conv2d"``.
        rule: the rule as one writes it, ``""`` where the operation has none.
        received: the sum over the operation's outputs.
        passed: the sum over its inputs.
        bias: what the bias absorbs; of an operation without a rule, what constants absorb
            that it adds. NaN where the rule doesn't say.
        stabiliser: what else is missing: it lies with the rule's stabiliser, or with
            outputs that have nothing to share it out by. NaN where the rule doesn't say.
    """

    name: str
    operation: str
    rule: str
    received: Tensor
    passed: Tensor
    bias: Tensor
    stabiliser: Tensor

    @property
    def absorbed(self) -> Tensor:
        """What the operation did not hand on, ``bias + stabiliser``, ``[B]``."""
        return self.received - self.passed


def conservation(
    model: nn.Module,
    inputs: Tensor,
    target: Target,
    composite: Composite,
    *,
    start: Start = "logit",
) -> list[Balance]:
    """Relevance in and out of every operation, from the output to the input.

    Arguments and errors as for ``attribute``. Keeps every intermediate tensor, so it takes
    more memory. ``B`` must be the first dimension throughout. ``report`` makes a table.
    """
    balances: list[Balance] = []

    def observe(node: Node, outgoing: Sequence[Flow], incoming: Sequence[Flow]) -> None:
        balances.append(_balance(node, outgoing, incoming))

    explain(model, inputs, target, composite, start, observe)
    return balances


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
    rows = [
        (one.name, one.operation, one.rule, *_numbers(one, whole))
        for one in balances
        if one.rule or not _negligible(one)
    ]
    bias, stabiliser, absorbed = (
        torch.stack([getattr(one, part) for one in balances]).sum(0)
        for part in ("bias", "stabiliser", "absorbed")
    )
    total = Balance("", "all", "", whole, whole - absorbed, bias, stabiliser)
    rows.append((total.name, total.operation, total.rule, *_numbers(total, whole)))
    return table(head, rows, right=(3, 4, 5, 6))


def _numbers(balance: Balance, whole: Tensor) -> list[str]:
    sums = [f"{float(part.mean()):.6g}" for part in (balance.received, balance.passed)]
    return sums + [_percent(part, whole) for part in (balance.bias, balance.stabiliser)]


def _percent(part: Tensor, whole: Tensor) -> str:
    share = float(100 * part.mean() / whole.mean())
    return f"{round(share, 2) + 0.0:.2f}" if math.isfinite(share) else "-"


def _negligible(balance: Balance) -> bool:
    scale = 100 * torch.finfo(balance.received.dtype).eps * balance.received.abs()
    return bool((balance.absorbed.abs() <= scale).all())


def _balance(node: Node, outgoing: Sequence[Flow], incoming: Sequence[Flow]) -> Balance:
    received, passed = _total(node.outputs, outgoing), _total(node.inputs, incoming)
    rule = "" if node.rule is None else repr(node.rule)
    bias = _bias(node, outgoing, received - passed)
    rest = received - passed - bias
    return Balance(node.place.name, node.operation, rule, received, passed, bias, rest)


def _bias(node: Node, outgoing: Sequence[Flow], absorbed: Tensor) -> Tensor:
    """What the bias absorbs, ``[B]``."""
    if node.rule is None:
        return absorbed - _stranded(node, outgoing)
    c = node.outputs[0].per_unit(*outgoing[0])
    given = None if c is None else node.rule.bias(node.layer, c)
    return torch.full_like(absorbed, torch.nan) if given is None else given.flatten(1).sum(1)


def _stranded(node: Node, outgoing: Sequence[Flow]) -> Tensor | int:
    """Relevance of zeros that the operation shares out by value, and so cannot."""
    if node.carry is not None:
        return 0
    pairs = zip(node.outputs, outgoing, strict=True)
    return sum(
        torch.where(value.data == 0, r, 0).flatten(1).sum(1)
        for value, (_, r) in pairs
        if r is not None
    )


def _total(values: Sequence[Value], flows: Sequence[Flow]) -> Tensor:
    """The sum over several values, ``[B]``; 0 where none has relevance."""
    found = [value.relevance(*flow) for value, flow in zip(values, flows, strict=True)]
    parts = [relevance.flatten(1).sum(1) for relevance in found if relevance is not None]
    if not parts:
        return values[0].data.new_zeros(len(values[0].data))
    return sum(parts[1:], parts[0])
