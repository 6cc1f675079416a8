"""Watch a forward pass and record every operation on tensors that depend on the input."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from speechlrp.lrp.errors import NotExplainable
from speechlrp.lrp.operations import HANDLERS, HARMLESS
from speechlrp.lrp.recorder import Call, Recorder


class Tracer(TorchFunctionMode):
    """Looks up every torch function that the model calls and has its operation recorded.

    The tensors that the model sees are leaves that require a gradient, while the tape
    computes with its own. A tensor that an operation makes from them out of our sight (in
    a script, in a custom autograd function) therefore has a gradient function that we did
    not make, and its next use raises. So that this holds everywhere, the model cannot
    turn gradients off while it is watched; parameters are constants throughout.

    The mode is of this thread alone.
    """

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder
        recorder.watching = weakref.ref(self)  # no cycle: a pass's tensors go when it ends

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        recorder, call = self.recorder, Call(func, args, kwargs or {})
        tensors = list(tensors_in((args, call.kwargs)))
        if not any(recorder.tracks(tensor) for tensor in tensors):
            return self._constant(call, tensors)
        if func in HARMLESS:
            return func(*call.args, **call.kwargs)
        handler = HANDLERS.get(func)
        if handler is None:
            raise recorder.refuse(call, "has no rule")
        if any(recorder.tracks(tensor) for tensor in tensors_in(call.kwargs.get("out"))):
            raise recorder.refuse(call, "writes its result with out=, which is not supported")
        return handler(recorder, call)

    def _constant(self, call: Call, tensors: list[Tensor]) -> Any:
        if call.function is torch._C._set_grad_enabled:
            return None
        for tensor in tensors:
            if tensor.grad_fn is not None and self._descends(tensor):
                raise self.recorder.refuse(
                    call,
                    f"reads the result of {tensor.grad_fn.name()}, an operation "
                    "out of sight (a script or a custom autograd function),",
                )
        with torch.no_grad():
            return call.function(*call.args, **call.kwargs)

    def _descends(self, tensor: Tensor) -> bool:
        """Whether autograd derives a tensor from one that depends on the input."""
        seen, waiting = set(), [tensor.grad_fn]
        while waiting:
            node = waiting.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            leaf = getattr(node, "variable", None)
            if isinstance(leaf, Tensor) and self.recorder.tracks(leaf):
                return True
            waiting += [following for following, _ in node.next_functions]
        return False

    def check_output(self, output: Tensor) -> None:
        """Raise if a tensor was made out of sight, as ``__torch_function__`` would."""
        untracked = not self.recorder.tracks(output) and output.grad_fn is not None
        if untracked and self._descends(output):
            raise NotExplainable(
                f"the output comes from {output.grad_fn.name()}, an operation out of sight "
                "(a script or a custom autograd function)"
            )


def tensors_in(arguments: Any) -> Iterator[Tensor]:
    """The tensors in arguments, however nested."""
    if isinstance(arguments, Tensor):
        yield arguments
    elif isinstance(arguments, tuple | list):
        for item in arguments:
            yield from tensors_in(item)
    elif isinstance(arguments, dict):
        yield from tensors_in(list(arguments.values()))
    elif isinstance(arguments, slice):
        yield from tensors_in((arguments.start, arguments.stop, arguments.step))
