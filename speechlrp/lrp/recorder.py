"""What an operation uses to write itself on the tape; knows no operation itself."""

import weakref
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext, suppress
from itertools import chain
from typing import Any, TypeGuard, cast

import torch
from torch import Tensor, nn

from speechlrp.lrp.arguments import Call
from speechlrp.lrp.constants import CHANGED
from speechlrp.lrp.layer import Layer, Product
from speechlrp.lrp.modules import Places
from speechlrp.lrp.readings import Draws, Made, Readings, storage_of
from speechlrp.lrp.refusals import NotExplainable
from speechlrp.lrp.tape import Node, Sweep, Tape, Value
from speechlrp.lrp.watched import Watched, unmark

ADD = "add it in speechlrp/lrp/operations (docs/adding-a-rule.md says how)"
BEHIND = "explain the network behind it, by what it gives on"
OFF = "let it depend on self.training, which is False in evaluation"
PARTS = "take its parts (torch.view_as_real) or its magnitude (abs) instead"
WRITE = "write into the tensor itself, by index: y[i] = x"

Handler = Callable[["Recorder", Call], Any]


class Recorder:
    """Tells tensors that depend on the input, and writes operations on the tape.

    Args:
        model: the model that is watched.
        tape: what is written on.
        keep: whether every value keeps its numbers.
    """

    again = False
    """Whether what is recorded is computed again."""
    forget = False
    """Whether no rule reads the inputs of layers."""

    def __init__(self, model: nn.Module, tape: Tape, keep: bool = False) -> None:
        self.tape = tape
        self.places = Places(model)
        self.keep = keep
        self.failure: NotExplainable | None = None
        # What makes autograd record an operation whose arguments are plain numbers.
        self.anchor = torch.zeros((), requires_grad=True)
        self.watching: Callable[[], Any] = nullcontext
        """Makes a context in which what a handler calls is recorded as what the model calls."""
        self.written: dict[int, torch.UntypedStorage] = {}
        """What constants were stored in before the input's influence was written into them."""
        self.signals = Made()
        """Constants that layers made of constants, such as what a first state contributes."""
        self.draws = Draws()
        self._changed: tuple[Tensor | None, Tensor | None, bool] = (None, None, False)
        """What was last changed in place, where its numbers lay, and whether that can be undone."""
        self._model = model
        self._given: list[weakref.ref[Watched]] = []
        self._versions: dict[int, int] = {}
        self.read = Readings(model)

    def refuse(self, call: Call, reason: str, advice: str = ADD) -> NotExplainable:
        """The error for a call that cannot be explained, remembered even if it is caught."""
        place = self.places.running()
        return self._failed(
            f"{call.full_name} in {place} {reason} and cannot be explained; {advice}"
        )

    def _failed(self, message: str) -> NotExplainable:
        self.failure = NotExplainable(message)
        return self.failure

    def handle(self, handler: Handler, call: Call) -> Any:
        """Record a call that reads a watched tensor."""
        return handler(self, call)

    def unseen(self, function: Any) -> NotExplainable:
        """The error for an operation on a watched tensor that did not come by the tracer."""
        return self._failed(
            f"{function} in {self.places.running()} reads a tensor of the input out of sight: "
            "in a script, an autograd function, vmap, another thread or an extension; let the "
            "model's forward do it in plain Python"
        )

    def tracks(self, argument: Any) -> TypeGuard[Watched]:
        """Whether an argument is a tensor that depends on the input."""
        return isinstance(argument, Watched) and argument.watcher is self

    def held(self, argument: Tensor) -> Tensor:
        """What a sweep may hold of an argument: a constant by an object that nobody overwrites."""
        return argument if self.tracks(argument) else argument.detach()

    def numbers(self, tensor: Tensor) -> Tensor:
        """What a tensor holds, watched or not, without a history."""
        return tensor.numbers if isinstance(tensor, Watched) else tensor.detach()

    def maker(self, value: Value) -> Node | None:
        """The operation that made a value; ``None`` for the model's input."""
        return next((one for one in reversed(self.tape.nodes) if value in one.outputs), None)

    def value(self, tensor: Tensor) -> Value:
        """What the tape knows of a tensor, without reading it."""
        return cast(Watched, tensor).value

    def consume(self, tensor: Tensor, last: bool = False) -> Value:
        """The value of a tensor that an operation (or, ``last``, the caller) is about to read."""
        tensor = cast(Watched, tensor)
        value = tensor.value
        if not last and value.logits is not None and value.logits.only_last:
            raise self._failed(
                f"in {self.places.running()}: a log-softmax can only be the model's last step"
            )
        if value.version != self._version(tensor.numbers):
            raise self._failed(
                f"in {self.places.running()}: a tensor is read after an in-place operation "
                "changed it through a view; let that operation make a new tensor"
            )
        # A ReLU was read first and its result stands in; this reader may need what was closed.
        if value.masked:
            value.data, value.masked = None if value.derivable else tensor.numbers, False
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

    def emit(self, result: Tensor, data: bool = False) -> tuple[Watched, Value]:
        """Make a new value and the tensor that the model sees of it.

        Args:
            result: the numbers.
            data: whether a rule needs them in the sweep.
        """
        numbers = result.detach()
        value = Value(self._version(numbers), numbers if data or self.keep else None)
        return self.give(numbers, value), value

    def record(
        self,
        call: Call | None,
        inputs: list[Value],
        outputs: list[Value],
        backward: Sweep,
        carry: Sweep | None = None,
        layer: Layer | Product | None = None,
    ) -> None:
        """Write an operation on the tape; see ``Node`` for the arguments."""
        if layer is not None:
            name, place = layer.operation, layer.place
        else:
            assert call is not None  # which products alone go without, and they have a layer
            name, place = call.name, self.places.running()
        self.tape.nodes.append(Node(name, place, inputs, outputs, backward, carry, layer))

    def write(
        self,
        call: Call | None,
        tensors: Sequence[Tensor],
        result: Tensor,
        backward: Sweep,
        carry: Sweep | None = None,
        layer: Layer | Product | None = None,
        data: bool = False,
    ) -> Watched:
        """Read the tensors, write an operation of one result, and give what the model sees."""
        inputs = [self.consume(one) for one in tensors]
        visible, value = self.emit(result, data)
        self.record(call, inputs, [value], backward, carry, layer)
        return visible

    def computed(self, call: Call, result: Any) -> None:
        """Hear of a constant that the model computed from others; nobody asks."""

    def overwrite(self, tensor: Tensor, result: Tensor) -> Tensor:
        """Give a tensor that the model holds the value of another, as in-place calls do."""
        # Other tensors may be views of what is overwritten: they differ from it from now on,
        # which consume() finds by the version that they were made at.
        tensor, result = cast(Watched, tensor), cast(Watched, result)
        storage = storage_of(tensor.numbers)
        self._changed = tensor, tensor.numbers, True
        self._versions[storage] = self._versions.get(storage, 0) + 1
        return self.replace(tensor, result)

    def fill(self, call: Call, constant: Tensor, result: Watched) -> Tensor:
        """Make a watched tensor of a constant that the model writes into, such as a buffer.

        Views of it, or what it is a view of, do not hear of that: they may be read no more.
        """
        kept = chain(self._model.parameters(), self._model.buffers())
        if storage_of(constant) in map(storage_of, kept):
            raise self.refuse(
                call,
                "writes the input's influence into a parameter or buffer of the model",
                "let the forward make a tensor of its own",
            )
        storage = constant.untyped_storage()
        self._changed = constant, constant.detach(), storage._cdata not in self.written
        self.written[storage._cdata] = storage  # alive, so that no other gets its place
        self.read.let_go(constant)
        try:
            return self.replace(constant, result)
        except RuntimeError as error:  # torch's answer where C++ holds it, as every view does
            raise self.refuse(
                call, "writes the input's influence into a constant that has views", WRITE
            ) from error

    def settle(self, target: Tensor, index: Any, value: Any) -> None:
        """See that ``x[i] += y`` is no change through a view.

        Python makes ``v = x[i]``, changes that and assigns ``x[i] = v``, which is what is about
        to happen. Nothing else has changed ``x`` if its version is the one before.
        """
        changed, place, first = self._changed
        self._changed = None, None, False
        if changed is None or place is None or changed is not value or not first:
            return
        numbers = self.numbers(target)
        if storage_of(numbers) != storage_of(place) or not _same_place(numbers[index], place):
            return
        if not self.tracks(target):
            self.written.pop(storage_of(numbers), None)
        elif target.value.version == self._version(numbers) - 1:
            self._versions[storage_of(numbers)] -= 1

    def check_unwritten(self, call: Call, tensors: Iterable[Tensor]) -> None:
        """Raise if a constant shares its numbers with one that was written into."""
        for tensor in tensors:
            if not self.tracks(tensor) and storage_of(tensor) in self.written:
                raise self.refuse(
                    call,
                    "reads a constant into which, or through a view of which, numbers of the "
                    "input were written",
                    WRITE,
                )

    def check_read(self) -> None:
        """Raise if a constant has changed since an operation on the input read it."""
        if (one := self.read.changed()) is not None:
            raise self._failed(
                f"a constant of shape {list(one.shape)} is changed after an operation on the input "
                "has read it, where the tracer does not see it (in a script, another thread, an "
                f"optimiser, an extension, NumPy); {CHANGED[1]}"
            )

    def replace(self, tensor: Tensor, result: Watched) -> Tensor:
        """Put a watched tensor in the place of another one that the model holds."""
        if self.tracks(tensor) and result.shape == tensor.shape:
            tensor.numbers, tensor.value = result.numbers, result.value
            return tensor
        self._given = [one for one in self._given if one() is not tensor and one() is not result]
        torch.utils.swap_tensors(tensor, result)  # which no weak reference may point to
        self._given.append(weakref.ref(cast(Watched, tensor)))
        return tensor

    def close(self) -> None:
        """Turn what the model still holds into ordinary tensors: the pass is over."""
        alive = [watched for one in self._given if (watched := one()) is not None]
        self._given.clear()
        self._changed = None, None, False
        self.signals.clear()
        self.read = Readings(self._model)
        self.draws.made.clear()
        for watched in alive:
            # What C++ still holds, such as vmap's wrapper in a traceback, is not swapped.
            with suppress(RuntimeError):
                unmark(watched)

    def give(self, numbers: Tensor, value: Value) -> Watched:
        """What the model, or a handler, holds of a value."""
        watched = Watched.of(numbers, value, self)
        self._given.append(weakref.ref(watched))
        return watched

    def _version(self, numbers: Tensor) -> int:
        return self._versions.get(storage_of(numbers), 0) if self._versions else 0


def _same_place(one: Tensor, other: Tensor) -> bool:
    same = one.shape == other.shape and one.stride() == other.stride()
    return same and one.data_ptr() == other.data_ptr()
