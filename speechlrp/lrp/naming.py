"""Names for the constants that a model adds to what depends on the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from speechlrp.lrp.arguments import tensors_in
from speechlrp.lrp.modules import path_of
from speechlrp.lrp.recorder import Call, Recorder
from speechlrp.lrp.tape import Tape


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
