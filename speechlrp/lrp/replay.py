"""A recorded call as it can be made again, and the recorder that hears of it then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from speechlrp.lrp.arguments import mapped, precision_of, tensors_in
from speechlrp.lrp.modules import Place, Places
from speechlrp.lrp.readings import Made
from speechlrp.lrp.recorder import Call, Handler, Recorder
from speechlrp.lrp.tape import Tape, Value
from speechlrp.lrp.tracer import Tracer
from speechlrp.lrp.watched import Watched


@dataclass(eq=False)
class Kept:
    """A call with arguments of its own."""

    handler: Handler  # what records it
    call: Call
    """With a stand-in for every tensor of the input; it has no numbers where they will be made
    again."""
    place: Place  # the module that was running
    precision: Callable[[], AbstractContextManager[Any]]
    """Makes the context of the model's autocast."""
    signals: dict[int, Tensor]  # those of the constants that the recorder knows as signals
    values: list[Value] = field(default_factory=list)  # what the call made

    @classmethod
    def of(cls, handler: Handler, call: Call, recorder: Recorder, made: Collection[int]) -> Kept:
        """Keep a call before it is recorded.

        Args:
            handler: what records it.
            call: as the model made it.
            recorder: of the pass.
            made: the values, by ``id``, that will be made again before the call is.
        """
        tensors = {id(one): one for one in tensors_in((call.args, call.kwargs))}
        # One for each, as some calls ask whether two arguments are the same tensor.
        others = {key: _stand_in(one, recorder, made) for key, one in tensors.items()}
        args, kwargs = mapped(lambda one: others[id(one)], (call.args, call.kwargs))
        return cls(
            handler,
            Call(call.function, args, kwargs),
            recorder.places.running(),
            precision_of(next(iter(tensors.values()))),
            {id(others[key]): others[key] for key in tensors if key in recorder.signals},
        )


def _stand_in(tensor: Tensor, recorder: Recorder, made: Collection[int]) -> Tensor:
    if recorder.tracks(tensor):
        one = Watched.of(tensor.numbers, tensor.value, recorder)
        if id(tensor.value) in made:
            del one.numbers
        return one
    if tensor.is_inference():
        return tensor.clone()  # there is no telling whether it changes
    # Another object, since this one turns into a watched tensor if the input's influence is
    # written into it; but a parameter is known by its identity.
    return tensor if isinstance(tensor, nn.Parameter) else tensor.detach()


class Replay(Recorder):
    """Records kept calls again: the same values, with new nodes.

    Args:
        model: the model.
        tape: its outline up to the calls.
        keep: whether every value keeps its numbers.
        places: the modules, as they were told apart before.
        signals: constants that layers made of constants.
    """

    def __init__(
        self,
        model: nn.Module,
        tape: Tape,
        keep: bool,
        places: Places,
        signals: Made,
    ) -> None:
        super().__init__(model, tape, keep)
        self.places, self.signals = places, signals
        self._values: Iterator[Value] = iter(())
        self._readers: dict[int, list[Watched]] = {}

    def make(self, calls: list[Kept]) -> None:
        """Make the calls, emptying the list: what a call has read is let go of."""
        tracer = Tracer(self)  # sees the calls that others consist of, as long as it lives
        self._wait(calls, tracer.recorder)
        calls.reverse()
        while calls:
            kept = calls.pop()
            self._values, self.places.fixed = iter(kept.values), kept.place
            with kept.precision():
                kept.handler(self, kept.call)

    def _wait(self, calls: Sequence[Kept], recorder: Recorder) -> None:
        """Note which stand-ins get their numbers from which value."""
        for one in tensors_in([(kept.call.args, kept.call.kwargs) for kept in calls]):
            if isinstance(one, Watched):
                one.watcher = recorder
                if not hasattr(one, "numbers"):
                    self._readers.setdefault(id(one.value), []).append(one)

    def emit(self, result: Tensor, data: bool = False) -> tuple[Watched, Value]:
        """The value that the call made before."""
        value, numbers = next(self._values), result.detach()
        # Else the ReLU behind it, of another segment, was first, and its zeros are kept for these.
        if value.data is None or self.keep:
            value.data = numbers if data or self.keep else None
        for reader in self._readers.pop(id(value), ()):
            reader.numbers = numbers
        return self.give(numbers, value), value

    def consume(self, tensor: Tensor, last: bool = False) -> Value:
        """The value; its readers are counted."""
        return self.value(tensor)

    def consume_in_relu(self, tensor: Tensor, result: Tensor) -> Value:
        """As before: the result stands in for what nobody else reads."""
        value = self.value(tensor)
        if value.masked and not self.keep:
            value.data = result.detach()
        return value
