"""Explanations in less memory: the pass is kept in outline, and run again piece by piece.

A tape holds what every operation needs until the sweep comes by. A checkpointing recorder keeps
the calls in its place, cut into segments, each with the numbers that it reads from before. The
rules are chosen on the outline of the whole pass; then the last segment's calls are made again,
its relevance is swept back, and so on to the first. Segment ``i`` has ``i`` calls, so that of
``n`` calls there are about ``sqrt(2 n)`` segments, and none has more calls than that. Modules and
their names play no part: it is torch calls that are made again, once.
"""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from speechlrp.lrp.assignment import settle
from speechlrp.lrp.composite import Composite
from speechlrp.lrp.layer import Layer, Product
from speechlrp.lrp.readings import Made
from speechlrp.lrp.recorder import Call, Handler, Recorder
from speechlrp.lrp.replay import Kept, Replay
from speechlrp.lrp.selectors import WEIGHTED
from speechlrp.lrp.tape import Node, Tape, Value, by_a_rule
from speechlrp.lrp.watched import Watched

SHOWN = ("operation", "place", "divisor", "gates", "elementwise")
"""What choosing rules asks of a layer."""


@dataclass(eq=False)
class Segment:
    """Calls that follow each other."""

    first: int  # the number of the first node that they wrote
    calls: list[Kept] = field(default_factory=list)  # as they can be made again
    made: set[int] = field(default_factory=set)  # the values that they made, by ``id``


class Checkpointing(Recorder):
    """A recorder that keeps calls, and of the tape the outline."""

    again = True

    def __init__(self, model: nn.Module, tape: Tape, keep: bool = False) -> None:
        super().__init__(model, tape, keep)
        self._segments = [Segment(0)]
        self._making: Kept | None = None
        self._signals = Made()
        self._end: Value | None = None

    def handle(self, handler: Handler, call: Call) -> Any:
        """Record a call, and keep it; not those that it consists of."""
        if self._making is not None:
            return handler(self, call)
        segment = self._segments[-1]
        if len(segment.calls) >= len(self._segments) and not self._unread(segment):
            self._outline(segment)
            segment = Segment(len(self.tape.nodes))
            self._segments.append(segment)
        # First, since the call may change its arguments.
        kept = Kept.of(handler, call, self, segment.made)
        self._signals.update(kept.signals)
        self._making = kept
        try:
            result = handler(self, call)
        finally:
            self._making = None
        if kept.values:
            segment.calls.append(kept)
            segment.made |= {id(value) for value in kept.values}
        return result

    def emit(self, result: Tensor, data: bool = False) -> tuple[Watched, Value]:
        """As ever, told to the call."""
        visible, value = super().emit(result, data)
        if self._making is not None:
            self._making.values.append(value)
        return visible, value

    def consume(self, tensor: Tensor, last: bool = False) -> Value:
        """As ever, without putting numbers back into an outline."""
        value = super().consume(tensor, last)
        new = self._making is not None and value in self._making.values
        if not new and id(value) not in self._segments[-1].made:
            value.data = None
        self._end = value if last else None
        return value

    def sweep(self, composite: Composite, keep: bool) -> None:
        """Carry relevance to the input, segment by segment; rules are chosen.

        Args:
            composite: that they were chosen from.
            keep: whether every value keeps its numbers, until its segment is done with.
        """
        nodes = self.tape.nodes
        while self._segments:
            segment = self._segments.pop()
            first, outline = segment.first, nodes[segment.first :]
            del nodes[first:]
            with torch.enable_grad():
                replay = Replay(self._model, self.tape, keep, self.places, self._signals)
                replay.forget = self.forget
                replay.make(segment.calls)
            part = Tape(nodes[first:])
            del nodes[first:], segment, replay
            for before, after in zip(outline, part.nodes, strict=True):
                _hand_over(before, after)
            settle(part, composite)
            part.sweep()

    def close(self) -> None:
        """As ever; the last segment, too, becomes an outline."""
        self._outline(self._segments[-1])
        super().close()

    def _unread(self, segment: Segment) -> bool:
        """Whether a layer waits for its reader, which may be the norm that it is merged with."""
        return any(
            node.operation in WEIGHTED and not node.outputs[0].consumers
            for node in self.tape.nodes[segment.first :]
        )

    def _outline(self, segment: Segment) -> None:
        """Let go of what the segment's calls can make again."""
        for node in self.tape.nodes[segment.first :]:
            moves = node.carry is not None and node.carry is node.backward
            node.backward = by_a_rule
            node.carry = node.carry and (by_a_rule if moves else list)
            node.layer = node.layer and _shown(node.layer)
        for value in (value for kept in segment.calls for value in kept.values):
            value.data = None
            if value.consumers and value is not self._end:
                value.logits = None


def _shown(layer: Layer | Product) -> Layer | Product:
    """A layer without its tensors."""
    outline: Any = object.__new__(type(layer))
    outline.__dict__.update({name: getattr(layer, name) for name in SHOWN if hasattr(layer, name)})
    if isinstance(layer, Layer):
        outline.x = layer.x.new_empty(()).expand(layer.x.shape)  # its shape
    return outline


def _hand_over(before: Node, after: Node) -> None:
    """What was found out on the outline."""
    same = before.inputs == after.inputs and before.outputs == after.outputs
    assert same, f"{after.operation} was recorded otherwise than before"
    after.rule = before.rule
    known, product = before.layer, after.layer
    if isinstance(known, Product) and isinstance(product, Product):
        product.operation, product.divisor = known.operation, known.divisor
        product.gates = known.gates
