"""The record of one forward pass, and the sweep back over it.

The tape is ours, not autograd's: the whole pass is known before the sweep begins, so
that rules may depend on a layer's position, and what a step has saved is freed as soon
as the sweep has passed it.

What flows back is ``c = R / x``, the relevance of a tensor per unit of its value. With
``c`` every rule is a change of the local backward, an operation that is homogeneous of
degree one needs no rule beyond its gradient, and zeros need no special case. Of a complex
``x``, ``c`` is complex as autograd's gradients are, and ``R`` the real part of ``conj(x) c``:
the relevance of its real and its imaginary part. Some rules
(w^2, flat, z-box) give relevance to zeros too. What they give flows beside ``c`` as it is,
as ``r``. The relevance of any tensor is ``x * c + r``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from speechlrp.lrp.layer import Layer, Product
from speechlrp.lrp.modules import Place
from speechlrp.lrp.refusals import LRPError
from speechlrp.lrp.rules.rule import Rule

Coefficients = Sequence[Any]
"""Tensors, and ``None`` for zero; of what has one output, that is never ``None``."""
Sweep = Callable[[Coefficients], Coefficients]
Flow = tuple[Tensor | None, Tensor | None]
Step = tuple[list[Flow], list[Flow]]


@dataclass(slots=True, eq=False)
class Logits:
    """What a probability was made of, as long as it may be the model's output."""

    value: Value  # the logits on the tape
    data: Tensor  # their numbers
    dim: int | None = None  # the dimension of a softmax; ``None`` for a sigmoid
    only_last: bool = False  # whether the model must end in it


@dataclass(slots=True, eq=False)
class Value:
    """A tensor that depends on the input, as one operation made it."""

    version: int = 0  # state of its storage when it was made; see ``Recorder.consume``
    data: Tensor | None = None
    """Its numbers, where a rule or a report needs them. Where ``masked``, it holds ``relu(x)`` in
    place of ``x``: the same wherever ``c`` can differ from 0."""
    masked: bool = False
    derivable: bool = False
    """Whether its layer can make its numbers again, so that they need no keeping."""
    consumers: int = 0  # how many operations have read it
    logits: Logits | None = None
    """Where it is a probability that may end the model, what it was made of."""
    c: Tensor | None = None
    """Its relevance per unit of value, summed over its consumers during the sweep."""
    r: Tensor | None = None  # relevance that it holds whatever its value, likewise

    @property
    def numbers(self) -> Tensor:
        """``data``, where it was kept."""
        assert self.data is not None
        return self.data

    def give(self, c: Tensor | None = None, r: Tensor | None = None) -> None:
        """Add relevance from one consumer."""
        if c is not None:
            self.c = c if self.c is None else self.c + c
        if r is not None:
            self.r = r if self.r is None else self.r + r

    def take(self) -> tuple[Tensor | None, Tensor | None]:
        """Its ``c`` and ``r``, which it then holds no more."""
        c, r = self.c, self.r
        self.c = self.r = None
        return c, r

    def relevance(self, c: Tensor | None, r: Tensor | None) -> Tensor | None:
        """``x c + r``, or ``None`` where there is none. Needs ``data``.

        Of a complex number, that of its real and its imaginary part together.
        """
        if c is None:
            return r
        x = self.numbers
        product = (x.conj() * c).real if x.is_complex() else x * c
        product = torch.where(c == 0, 0, product)  # a masked score is -inf
        return product if r is None else product + r

    def per_unit(self, c: Tensor | None, r: Tensor | None) -> Tensor | None:
        """``c + r / x``. What ``r`` gives to a value of exactly 0 is absorbed, as in LRP-0."""
        if r is None:
            return c
        x = self.numbers
        per_value = r / x.conj() if x.is_complex() else r / x
        share = torch.where(x == 0, 0, per_value)
        return share if c is None else c + share


@dataclass(slots=True, eq=False)
class Node:
    """One operation of the forward pass."""

    operation: str  # its name, such as ``"conv2d"``
    place: Place  # the module it belongs to
    inputs: list[Value]
    outputs: list[Value]
    backward: Sweep  # ``c`` of the outputs -> ``c`` of the inputs; ``None`` stands for zero
    carry: Sweep | None = None
    """``r`` of the outputs -> ``r`` of the inputs, for operations that move numbers or pass
    relevance on; ``None`` where relevance is shared out by value."""
    layer: Layer | Product | None = None
    """What a rule sees, for the operations that take one: of one input, or a product."""
    rule: Rule | None = None  # the rule that it took
    constants: tuple[str, ...] = ()
    """Names of parameters and buffers among its arguments, for reports."""

    def step(self) -> Step:
        """Take the relevance of the outputs and share it out over the inputs."""
        taken = [value.take() for value in self.outputs]
        cs: Coefficients = [c for c, _ in taken]
        rs = [r for _, r in taken]
        direct: Coefficients = [None] * len(self.inputs)
        if any(r is not None for r in rs):
            if self.carry is not None:
                direct = self.carry(rs)
            else:
                pairs = zip(self.outputs, taken, strict=True)
                cs = [value.per_unit(*pair) for value, pair in pairs]
        if all(c is None for c in cs):
            return taken, [(None, r) for r in direct]
        if self.rule is not None and self.layer is not None:
            return taken, self._ruled(self.rule, self.layer, cs[0], direct)
        return taken, list(zip(self.backward(cs), direct, strict=True))

    def _ruled(
        self, rule: Rule, layer: Layer | Product, c: Tensor, direct: Coefficients
    ) -> list[Flow]:
        if isinstance(layer, Product):
            return list(zip(rule.backward(layer, c), direct, strict=True))
        z = self.outputs[0].data
        layer.z = layer.output() if z is None else z
        relevance = rule.backward(layer, c)
        if not isinstance(relevance, Tensor) or relevance.shape != layer.x.shape:
            shape = list(relevance.shape) if isinstance(relevance, Tensor) else relevance
            raise LRPError(
                f"rule {rule} gives {shape} for {layer.place}; it must give a tensor of the "
                f"input's shape {list(layer.x.shape)}"
            )
        return [(None, relevance) if rule.direct else (relevance, None)]


def by_a_rule(outgoing: Coefficients) -> Coefficients:
    """The way back of what always has a rule, or of an outline, which has no numbers."""
    raise AssertionError("a rule has to be chosen first, or the numbers made again")


Observer = Callable[[Node, Sequence[Flow], Sequence[Flow]], None]


@dataclass(eq=False)
class Tape:
    """The operations of one forward pass in the order in which they ran."""

    nodes: list[Node] = field(default_factory=list)

    def sweep(self, observe: Observer | None = None) -> None:
        """Carry relevance from the values that have some to the input, emptying the tape.

        Args:
            observe: called after each operation with the node, the ``(c, r)`` of its outputs
                and the ``(c, r)`` it gives to its inputs.
        """
        with torch.no_grad():
            while self.nodes:
                node = self.nodes.pop()
                if all(value.c is None and value.r is None for value in node.outputs):
                    continue
                outgoing, incoming = node.step()
                if observe is not None:
                    observe(node, outgoing, incoming)
                # Before the inputs' sums are made: at the peak, both would be alive.
                del outgoing
                for value, (c, r) in zip(node.inputs, incoming, strict=True):
                    value.give(c, r)
