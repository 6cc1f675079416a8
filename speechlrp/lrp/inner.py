"""Relevance of what a module inside the model makes."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

from speechlrp.lrp.composite import Composite
from speechlrp.lrp.engine import Start, explain
from speechlrp.lrp.forward import Forward, Inputs, Output
from speechlrp.lrp.modules import path_of
from speechlrp.lrp.recorder import Recorder
from speechlrp.lrp.refusals import LRPError
from speechlrp.lrp.start import Target
from speechlrp.lrp.tape import Flow, Node, Tape, Value

INPUT = ("", "input")
"""Names of the model's input, the second where no module is called so."""

CALLS = {nn.Module._wrapped_call_impl.__code__, nn.Module._call_impl.__code__}


def attribute_layers(
    model: nn.Module,
    inputs: Inputs,
    target: Target,
    composite: Composite,
    layers: Sequence[str],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    output: Output | None = None,
    *,
    start: Start = "logit",
) -> tuple[Tensor, dict[str, Any]]:
    """Explain a model's output by the relevance of what its modules make.

    Relevance is that of a module's output, as the rest of the model reads it. Without
    biases and stabilisers, that of every module that all paths go through sums to the
    output. Keeps every intermediate tensor, so it takes more memory than ``attribute``.

    Arguments as for ``attribute``, and ``layers``: paths of modules, containers too, such as
    ``"features.3"``; ``"input"`` or ``""`` for the model's input. A last softmax or sigmoid is
    no part of its container: relevance starts at the logits.

    Returns:
        The model's output, and by name the relevance of each module's output, in its shape.

    Raises:
        LRPError: as ``attribute``; no module of that name; a module that never ran or made
            nothing new (an identity, dropout in evaluation), that computed something in
            several calls, that hands on several tensors, or none that anything reads; one
            that is merged with the batch norm behind it.
    """
    modules = _modules(model, layers)
    calls = {name: _Call(name, module) for name, module in modules.items()}
    relevances: dict[int, Tensor | None] = {}

    def observe(node: Node, outgoing: Sequence[Flow], incoming: Sequence[Flow]) -> None:
        wanted = {id(call.value) for call in calls.values()}
        for value, flow in zip(node.outputs, outgoing, strict=True):
            if id(value) in wanted:
                relevances[id(value)] = value.relevance(*flow)

    recorder = partial(_Watching, list(calls.values()))
    forward = Forward(model, inputs, args, kwargs, output)
    result, relevance = explain(forward, target, composite, start, observe, recorder)
    return result, {
        name: calls[name].relevance(relevances) if name in calls else relevance for name in layers
    }


@dataclass(eq=False)
class _Call:
    """The one call of a module in which it recorded operations, and what came of it."""

    name: str
    module: nn.Module
    frame: FrameType | None = None
    nodes: list[Node] = field(default_factory=list)
    value: Value | None = None

    def watch(self, node: Node, running: dict[int, FrameType]) -> None:
        """Take a node that has just been recorded, if the module is running."""
        frame = running.get(id(self.module))
        if frame is None:
            return
        if self.frame not in (None, frame):
            raise self.error("computes something in several calls, each with its own relevance")
        self.frame = frame
        self.nodes.append(node)

    def close(self, nodes: Sequence[Node], end: Value) -> None:
        """Find the module's output, given all nodes and what relevance starts from."""
        self.frame = None
        if not self.nodes:
            raise self.error("computed nothing: it did not run, or only passed its input on")
        inside = set(map(id, self.nodes))
        read = {id(v) for node in nodes if id(node) not in inside for v in node.inputs}
        read.add(id(end))
        made = [v for node in self.nodes for v in node.outputs if id(v) in read]
        if len(made) != 1:
            count = f"{len(made)} tensors" if made else "nothing"
            raise self.error(f"makes {count} that the rest of the model reads; it must be one")
        (self.value,) = made
        self.nodes = [node for node in self.nodes if self.value in node.outputs]

    def relevance(self, relevances: Mapping[int, Tensor | None]) -> Tensor:
        """The relevance of the module's output, 0 where none arrived."""
        assert self.value is not None  # the pass is over, and closed the call
        if not any(self.value in node.outputs for node in self.nodes):
            raise self.error("is merged with the batch norm behind it; name the norm instead")
        relevance = relevances.get(id(self.value))
        return torch.zeros_like(self.value.numbers.real) if relevance is None else relevance

    def error(self, reason: str) -> LRPError:
        return LRPError(f"layer {self.name!r} ({type(self.module).__name__}) {reason}")


class _Watching(Recorder):
    """A recorder that notes which of some modules were running when it recorded a node."""

    def __init__(self, calls: list[_Call], model: nn.Module, tape: Tape, keep: bool) -> None:
        super().__init__(model, tape, keep)
        self._calls = calls

    def record(self, *args: Any, **kwargs: Any) -> None:
        super().record(*args, **kwargs)
        running = _running({id(call.module) for call in self._calls})
        for call in self._calls:
            call.watch(self.tape.nodes[-1], running)

    def consume(self, tensor: Tensor, last: bool = False) -> Value:
        value = super().consume(tensor, last)
        if last:
            end = value if value.logits is None else value.logits.value
            for call in self._calls:
                call.close(self.tape.nodes, end)
        return value


def _running(wanted: set[int]) -> dict[int, FrameType]:
    """The outermost frame of each wanted module that is being called.

    Read off the stack, as ``Places`` does: a hook would have to be set on the user's model.
    """
    running: dict[int, FrameType] = {}
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        code = frame.f_code
        if code.co_argcount and (code in CALLS or code.co_name in ("forward", "__call__")):
            first = id(frame.f_locals.get(code.co_varnames[0]))
            if first in wanted:
                running[first] = frame
        frame = frame.f_back
    return running


def _modules(model: nn.Module, layers: Sequence[str]) -> dict[str, nn.Module]:
    """The named modules, without the input."""
    if isinstance(layers, str) or not all(isinstance(name, str) for name in layers):
        raise LRPError(f"layers must be a list of module names; found {layers!r}")
    if not isinstance(model, nn.Module):
        return {}  # which explain says better
    known = {path_of(name): one for name, one in model.named_modules(remove_duplicate=False)}
    known.pop("", None)
    for name in layers:
        if name not in known and name not in INPUT:
            close = get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise LRPError(f"the model has no module {name!r}{hint}")
    return {name: known[name] for name in layers if name in known}
