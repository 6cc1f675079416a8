"""What an operation uses to write itself on the tape; knows no operation itself."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import resolve_name

from speechlrp.lrp.errors import NotExplainable
from speechlrp.lrp.layer import Layer
from speechlrp.lrp.places import Place, Places
from speechlrp.lrp.product import Product
from speechlrp.lrp.tape import Node, Sweep, Tape, Value

MARK = "_speechlrp_mark"


@dataclass(frozen=True, slots=True)
class Call:
    """A torch function as the model called it."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def name(self) -> str:
        """The function's name, such as ``"conv2d"``."""
        own = getattr(self.function, "__name__", "")
        return own if own.isidentifier() and own not in ("fn", "__get__") else self.full_name

    @property
    def full_name(self) -> str:
        """The function's name with its module, such as ``"torch.sin"``."""
        name = resolve_name(self.function) or getattr(self.function, "__name__", "a function")
        return name.removesuffix(".__get__")


class Recorder:
    """Tells tensors that depend on the input, and writes operations on the tape.

    Args:
        model: the model that is watched.
        tape: what is written on.
        keep: whether every value keeps its numbers.
    """

    def __init__(self, model: nn.Module, tape: Tape, keep: bool = False) -> None:
        self.tape = tape
        self.places = Places(model)
        self.keep = keep
        self.failure: NotExplainable | None = None
        self.anchor = torch.zeros((), requires_grad=True)
        self.watching: Callable[[], AbstractContextManager[Any]] = nullcontext
        """Makes a context in which what a handler calls is recorded as what the model calls."""
        self._versions: dict[int, int] = {}

    def refuse(self, call: Call, reason: str) -> NotExplainable:
        """The error for a call that cannot be explained, remembered even if it is caught."""
        self.failure = NotExplainable(
            f"{call.full_name} in {self.places.running()} {reason} and cannot be explained; "
            "add it in speechlrp/lrp/operations (docs/adding-a-rule.md says how)"
        )
        return self.failure

    def tracks(self, argument: Any) -> bool:
        """Whether an argument is a tensor that depends on the input."""
        mark = getattr(argument, MARK, None) if isinstance(argument, Tensor) else None
        return mark is not None and mark[0] is self.tape

    def maker(self, value: Value) -> Node | None:
        """The operation that made a value; ``None`` for the model's input."""
        return next((one for one in reversed(self.tape.nodes) if value in one.outputs), None)

    def value(self, tensor: Tensor) -> Value:
        """What the tape knows of a tensor, without reading it."""
        return getattr(tensor, MARK)[1]

    def consume(self, tensor: Tensor, last: bool = False) -> Value:
        """The value of a tensor that an operation (or, ``last``, the caller) is about to read."""
        value = self.value(tensor)
        if not last and value.logits is not None and value.logits.only_last:
            self.failure = NotExplainable(
                f"in {self.places.running()}: a log-softmax can only be the model's last step"
            )
            raise self.failure
        if value.version != self._version(tensor):
            self.failure = NotExplainable(
                f"in {self.places.running()}: a tensor is read after an in-place operation "
                "changed it through a view; let that operation make a new tensor"
            )
            raise self.failure
        if value.masked:
            value.data, value.masked = None if value.derivable else tensor.detach(), False
        value.consumers += 1
        return value

    def consume_in_relu(self, tensor: Tensor, result: Tensor) -> Value:
        """As ``consume``, for a ReLU: its result stands in for what nobody else reads.

        The pre-activation can then be freed as in any backward pass.
        """
        alone = self.value(tensor).consumers == 0
        value = self.consume(tensor)
        if alone and not self.keep and (value.derivable or value.data is not None):
            value.data, value.masked = result.detach(), True
        return value

    def emit(self, result: Tensor, data: bool = False) -> tuple[Tensor, Value]:
        """Make a new value and the tensor that the model sees of it.

        Args:
            result: the numbers.
            data: whether a rule needs them in the sweep.
        """
        numbers = result.detach()
        visible = result.detach().requires_grad_()
        value = Value(self._version(visible), numbers if data or self.keep else None)
        setattr(visible, MARK, (self.tape, value))
        return visible, value

    def record(
        self,
        call: Call | None,
        inputs: list[Value],
        outputs: list[Value],
        backward: Sweep,
        carry: Sweep | None = None,
        layer: Layer | Product | None = None,
        place: Place | None = None,
    ) -> None:
        """Write an operation on the tape; see ``Node`` for the arguments."""
        place = place or self.places.running()
        name = call.name if layer is None else layer.operation
        self.tape.nodes.append(Node(name, place, inputs, outputs, backward, carry, layer))

    def overwrite(self, call: Call, tensor: Tensor, result: Tensor) -> Tensor:
        """Give a tensor that the model holds the value of another, as in-place calls do."""
        if result.shape != tensor.shape or result.dtype != tensor.dtype:
            raise self.refuse(call, "changes a tensor's shape or type in place")
        storage = _storage(tensor)
        self._versions[storage] = self._versions.get(storage, 0) + 1
        tensor.data = result.data
        setattr(tensor, MARK, getattr(result, MARK))
        return tensor

    def _version(self, tensor: Tensor) -> int:
        return self._versions.get(_storage(tensor), 0)


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata
