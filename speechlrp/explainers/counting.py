"""What an explanation costs: examples that go forward and backward through the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor, nn
from torch.overrides import _get_current_function_mode

from speechlrp.lrp.tracer import Tracer


@dataclass
class Passes:
    """Numbers of examples; one that goes through twice counts twice.

    Attributes:
        forward: through the model.
        backward: gradients taken of them with respect to the input.
        watched: forward passes with a sweep of their own instead of torch's gradient,
            as LRP has.
    """

    forward: int = 0
    backward: int = 0
    watched: int = 0


@contextmanager
def counting(model: nn.Module) -> Iterator[Passes]:
    """Count the passes through a model; it is left without hooks."""
    passes = Passes()

    def enter(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        inputs, count = arguments[0], len(arguments[0])
        passes.forward += count
        if isinstance(_get_current_function_mode(), Tracer):
            passes.watched += count
        elif inputs.requires_grad:
            inputs.register_hook(lambda _: _add(passes, count))

    hook = model.register_forward_pre_hook(enter)
    try:
        yield passes
    finally:
        hook.remove()


def _add(passes: Passes, count: int) -> None:
    passes.backward += count
