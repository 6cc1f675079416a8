"""A model and what it is called with; one that was compiled runs as the Python it was made from."""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from speechlrp.lrp.arguments import mapped
from speechlrp.lrp.checks import check_inputs, check_model, fitting
from speechlrp.lrp.refusals import LRPError

Inputs = Tensor | tuple[Tensor, ...] | Mapping[str, Tensor]
Output = Callable[[Any], Tensor]


@dataclass(frozen=True)
class Forward:
    """One call of a model."""

    model: nn.Module  # any module in evaluation mode
    inputs: Inputs
    """What is explained: a tensor ``[B, ...]``, a tuple of such, the model's first arguments, or a
    mapping from the names of its arguments to such."""
    args: Sequence[Any] = ()  # the arguments after them, which are constants
    kwargs: Mapping[str, Any] | None = None  # its other arguments, likewise
    output: Output | None = None
    """What of its output is explained, where that is more than a tensor."""

    def __call__(self, tensors: Sequence[Tensor]) -> Any:
        """The output for tensors in place of the inputs'."""
        first, named = self._placed(tensors)
        with fitting(self.model, tensors):
            whole = self.model(*first, *self.args, **named, **(self.kwargs or {}))
        return whole if self.output is None else self.output(whole)

    @property
    def tensors(self) -> list[Tensor]:
        """The inputs in a row."""
        if isinstance(self.inputs, Mapping):
            return list(self.inputs.values())
        return list(self.inputs) if isinstance(self.inputs, tuple) else [self.inputs]

    def like_inputs(self, tensors: Sequence[Tensor]) -> Any:
        """Tensors in a row, in the form of the inputs."""
        if isinstance(self.inputs, Mapping):
            return dict(zip(self.inputs, tensors, strict=True))
        return tuple(tensors) if isinstance(self.inputs, tuple) else tensors[0]

    def check(self) -> None:
        """Raise unless model and inputs are such as can be explained.

        Raises:
            LRPError: a model in training, integer inputs, arguments that do not fit.
            NotExplainable: a script.
        """
        check_model(self.model)
        if self.output is not None and not callable(self.output):
            raise LRPError(
                "output must be a function of what the model returns, such as lambda o: o[0]; "
                f"found {self.output!r}"
            )
        if not self.tensors:
            raise LRPError("inputs are empty: there is nothing to explain")
        for tensor in self.tensors:
            check_inputs(tensor)
        first, named = self._placed(self.tensors)
        try:
            signature = inspect.signature(self.model.forward)
            signature.bind(*first, *self.args, **named, **(self.kwargs or {}))
        except TypeError as error:
            raise LRPError(
                f"{type(self.model).__name__}.forward: {error}; what it takes beside the "
                "explained inputs goes into args=(...) and kwargs={...}"
            ) from error

    def plain(self) -> Any:
        """The output as the model gives it by itself, unwatched."""
        fused = torch.backends.mha.get_fastpath_enabled()
        # a GPU's fused transformer layer is right to 1e-4 only, in double precision too
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            with eagerly(), torch.no_grad():
                return self([tensor.detach().clone() for tensor in self.tensors])
        finally:
            torch.backends.mha.set_fastpath_enabled(fused)

    @property
    def batch(self) -> int:
        """The number of examples."""
        return len(self.tensors[0])

    def examples(self) -> Iterator[Forward]:
        """One call an example; of other arguments, tensors of ``B`` rows are cut too."""
        for index in range(self.batch):

            def cut(tensor: Tensor, index: int = index) -> Tensor:
                rows = tensor.dim() > 0 and len(tensor) == self.batch
                return tensor[index : index + 1] if rows else tensor

            yield replace(
                self,
                inputs=self.like_inputs([cut(tensor) for tensor in self.tensors]),
                args=mapped(cut, tuple(self.args)),
                kwargs=mapped(cut, dict(self.kwargs or {})),
            )

    def _placed(self, tensors: Sequence[Tensor]) -> tuple[Sequence[Tensor], dict[str, Tensor]]:
        """Those that go by position, and those that go by name."""
        if isinstance(self.inputs, Mapping):
            return (), dict(zip(self.inputs, tensors, strict=True))
        return tensors, {}


_lock = threading.Lock()
_switched = ExitStack()
_inside = 0


@contextmanager
def eagerly() -> Iterator[None]:
    """Run compiled modules and functions as plain Python, and compile nothing meanwhile.

    The switch is torch's and of the whole process: until the last of our threads leaves,
    compiled code of other threads runs uncompiled too, with the same results. Where
    nothing has been compiled yet, there is nothing to switch.
    """
    global _inside
    dynamo = sys.modules.get("torch._dynamo")
    if dynamo is None:
        yield
        return
    with _lock:
        if _inside == 0:  # the first to enter
            _switched.enter_context(dynamo.set_stance("force_eager"))
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:  # the last to leave
                _switched.close()
