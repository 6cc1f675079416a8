"""What an explanation costs: examples that go forward and backward through the model."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.overrides import _get_current_function_mode

from speechlrp.explainers.base import Explainer
from speechlrp.lrp.start import Target
from speechlrp.lrp.tracer import Tracer


@dataclass
class Passes:
    """Numbers of examples; one that goes through twice counts twice."""

    forward: int = 0  # through the model
    backward: int = 0  # gradients taken of them with respect to the input
    watched: int = 0
    """Forward passes with a sweep of their own instead of torch's gradient, as LRP has."""


@contextmanager
def counting(model: nn.Module) -> Iterator[Passes]:
    """Count the passes through a model; it is left without hooks."""
    counted = Passes()

    def leave(count: int) -> None:
        counted.backward += count

    def enter(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        inputs, count = arguments[0], len(arguments[0])
        counted.forward += count
        if isinstance(_get_current_function_mode(), Tracer):
            counted.watched += count
        elif inputs.requires_grad:
            inputs.register_hook(lambda _: leave(count))

    hook = model.register_forward_pre_hook(enter)
    try:
        yield counted
    finally:
        hook.remove()


def priced(
    explainer: Explainer, model: nn.Module, inputs: Tensor, target: Target
) -> tuple[Tensor, Tensor, dict[str, float]]:
    """Explain a batch ``[B, ...]``, as ``Explainer.explain``, and say what an example of it cost.

    The explainer is warm: its first call does more. Gives the output, the relevance, and an
    example's ``seconds``, ``forward_passes`` and ``backward_passes``.
    """
    with counting(model) as counted:
        begin = time.perf_counter()
        output, relevance = explainer.explain(model, inputs, target)
        if inputs.is_cuda:
            torch.cuda.synchronize(inputs.device)
        seconds = time.perf_counter() - begin
    n = len(inputs)
    backward = (counted.backward + (n if counted.watched else 0)) / n
    costs = {"seconds": seconds / n, "forward_passes": counted.forward / n}
    return output, relevance, costs | {"backward_passes": backward}
