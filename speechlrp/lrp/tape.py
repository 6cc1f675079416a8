"""The record of one forward pass, and the sweep back over it.

The tape is ours, not autograd's: the whole pass is known before the sweep begins, so
that rules may depend on a layer's position, and what a step has saved is freed as soon
as the sweep has passed it.

What flows back is ``c = R / x``, the relevance of a tensor per unit of its value. With
``c`` every rule is a change of the local backward, an operation that is homogeneous of
degree one needs no rule beyond its gradient, and zeros need no special case. The
relevance of any tensor is ``x * c``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from speechlrp.lrp.layer import Layer
from speechlrp.lrp.places import Place
from speechlrp.lrp.rules.base import Rule

Coefficients = Sequence[Tensor | None]


@dataclass(slots=True, eq=False)
class Value:
    """A tensor that depends on the input, as one operation made it.

    Attributes:
        version: state of its storage when it was made; see ``Tracer.consume``.
        data: its numbers, where a rule or a report needs them. Where ``masked``, it holds
            ``relu(x)`` in place of ``x``: the same wherever ``c`` can differ from 0.
        consumers: how many operations have read it.
        c: its relevance per unit of value, summed over its consumers during the sweep.
    """

    version: int = 0
    data: Tensor | None = None
    masked: bool = False
    consumers: int = 0
    c: Tensor | None = None


@dataclass(slots=True, eq=False)
class Node:
    """One operation of the forward pass.

    Attributes:
        operation: its name, such as ``"conv2d"``.
        place: the module it belongs to.
        backward: ``c`` of the outputs -> ``c`` of the inputs; ``None`` stands for zero.
        layer: what a rule sees, for the operations that take one.
    """

    operation: str
    place: Place
    inputs: list[Value]
    outputs: list[Value]
    backward: Callable[[Coefficients], Coefficients]
    layer: Layer | None = None

    def apply(self, rule: Rule) -> None:
        """Let a rule take the place of the plain gradient."""
        layer, (output,) = self.layer, self.outputs

        def backward(outgoing: Coefficients) -> Coefficients:
            layer.z = output.data
            return [rule.backward(layer, outgoing[0])]

        self.backward = backward


Observer = Callable[[Node, Coefficients, Coefficients], None]


@dataclass(eq=False)
class Tape:
    """The operations of one forward pass in the order in which they ran."""

    nodes: list[Node] = field(default_factory=list)

    def sweep(self, observe: Observer | None = None) -> None:
        """Carry ``c`` from the values that have one to the input, emptying the tape.

        Args:
            observe: called after each operation with the node, the ``c`` of its outputs
                and the ``c`` it gives to its inputs.
        """
        with torch.no_grad():
            while self.nodes:
                node = self.nodes.pop()
                outgoing = [value.c for value in node.outputs]
                if all(c is None for c in outgoing):
                    continue
                incoming = node.backward(outgoing)
                if observe is not None:
                    observe(node, outgoing, incoming)
                for value in node.outputs:
                    value.c = None
                for value, c in zip(node.inputs, incoming, strict=True):
                    if c is not None:
                        value.c = c if value.c is None else value.c + c
