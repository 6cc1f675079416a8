"""What the model holds in place of a tensor that depends on the input."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from speechlrp.lrp.arguments import tensors_in
from speechlrp.lrp.tape import Value


class Watcher(Protocol):
    """Who hears of an operation on a watched tensor that the tracer did not see."""

    def unseen(self, function: Any) -> Exception:
        """What to raise."""


class Watched(Tensor):
    """Shape, type and device of a tensor, without its numbers.

    The numbers lie beside, where the operations that we know look for them. All others
    end in ``__torch_dispatch__``, wherever they run: in a script, under ``vmap``, in
    another thread, in C++, with gradients off. So nothing can be computed from the input
    out of sight and then be taken for a constant, and no argument of any call has to be
    looked at for it.
    """

    numbers: Tensor  # the tensor itself, without a history
    value: Value  # what the tape knows of it
    watcher: Watcher  # whose pass it belongs to

    # Where our mode is not active, calls go straight on to the dispatcher.
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @staticmethod
    def of(numbers: Tensor, value: Value, watcher: Watcher) -> Watched:
        """A stand-in for the numbers."""
        watched = Tensor._make_wrapper_subclass(
            Watched,
            numbers.shape,
            strides=numbers.stride(),
            storage_offset=numbers.storage_offset(),
            dtype=numbers.dtype,
            device=numbers.device,
        )
        # There is no storage: who asks for its address (dlpack does, and is not dispatched)
        # would read whatever lies at 0.
        torch._C._set_throw_on_mutable_data_ptr(watched)
        watched.numbers, watched.value, watched.watcher = numbers, value, watcher
        return watched

    @classmethod  # torch's stub has an instance's method here
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        arguments = tensors_in((args, kwargs or {}))
        watched = next(one for one in arguments if isinstance(one, Watched))
        raise watched.watcher.unseen(func)


def unmark(watched: Watched) -> None:
    """Make an ordinary tensor of it where it is, also if the model keeps a weak reference to it.

    Raises:
        RuntimeError: C++ holds it; it stays as it is.
    """
    plain = watched.numbers.detach()
    torch._C._swap_tensor_impl(watched, plain)
    watched.__dict__.clear()
    watched.__class__ = Tensor  # type: ignore[assignment]
