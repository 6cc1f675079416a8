"""Neurons: how active a channel of a module is, and which one is most active for a class.

Shapes: ``B`` windows, ``C`` channels of a module's output, ``S`` its other positions, ``V``
classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import NamedTuple

import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.question import explaining
from speechlrp.lrp.checks import check_model


class Neuron(NamedTuple):
    """One channel of what a module makes."""

    layer: str  # path of the module, such as ``"layers.7"``; what counts is its first call
    channel: int  # index in dimension 1 of its output
    step: int | None = None  # index in the last dimension; None: the mean over all positions

    def activation(self, made: Tensor) -> Tensor:
        """Its activation ``[B]`` in a module's output ``[B, C, ...]``.

        Raises:
            SpeechLRPError: there is no such channel or step.
        """
        if made.dim() < 2 or not 0 <= self.channel < made.shape[1]:
            raise self._error("channel", self.channel, made)
        channel = made[:, self.channel]
        if self.step is None:
            return channel.unsqueeze(-1).flatten(1).mean(1)
        if channel.dim() < 2 or not -channel.shape[-1] <= self.step < channel.shape[-1]:
            raise self._error("step", self.step, made)
        return channel[..., self.step].unsqueeze(-1).flatten(1).mean(1)

    def _error(self, what: str, value: int, made: Tensor) -> SpeechLRPError:
        return SpeechLRPError(
            f"layer {self.layer!r} has no {what} {value}: its output is {list(made.shape)}"
        )


@contextmanager
def watched(
    model: nn.Module, layers: Sequence[str], see: Callable[[str, Tensor], None]
) -> Iterator[None]:
    """Show the output of some modules as it is made, before anything changes it in place.

    Args:
        model: whose modules; its hooks are removed whatever happens.
        layers: their paths.
        see: called with the path and the output.

    Raises:
        SpeechLRPError: there is no such module; its output is not one tensor.
    """
    known = dict(model.named_modules())
    hooks = []
    try:
        for layer in dict.fromkeys(layers):
            if layer not in known or not layer:
                close = get_close_matches(layer, known, n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                raise SpeechLRPError(f"the model has no module {layer!r}{hint}")
            hooks.append(known[layer].register_forward_hook(_hook(layer, see)))
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _hook(layer: str, see: Callable[[str, Tensor], None]) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: tuple, output: Tensor) -> None:
        if not isinstance(output, Tensor):
            raise SpeechLRPError(
                f"layer {layer!r} makes a {type(output).__name__}; name one that makes a tensor"
            )
        see(layer, output)

    return hook


class Activity:
    """Mean activation of every channel of some modules, for each predicted class.

    Fed with windows in any number of parts; memory does not grow with them, and the
    activities of ranks add up with ``+``. It chooses neurons as K section 4.1 does: with
    one window, K's random frame; with many, the neuron most active on average.

    Args:
        layers: paths of the modules.

    Attributes:
        counts: windows predicted as each class, ``[V]``; None before the first.
        sums: by module, activations summed over the windows of a class, ``[V, C]``, float64.
    """

    def __init__(self, layers: Sequence[str]) -> None:
        self.layers = list(dict.fromkeys(layers))
        self.counts: Tensor | None = None
        self.sums: dict[str, Tensor] = {}

    def add(self, model: nn.Module, windows: Tensor) -> None:
        """Add windows ``[B, ...]`` that have one output step each, ``[B, V]`` or ``[B, V, 1]``.

        Raises:
            SpeechLRPError: the model is in training mode, lacks a module, or has several
                output steps.
        """
        means: dict[str, Tensor] = {}

        def see(layer: str, made: Tensor) -> None:
            if layer not in means:
                means[layer] = made.unsqueeze(-1).flatten(2).mean(2).double()

        with explaining(), torch.no_grad(), watched(model, self.layers, see):
            check_model(model)
            output = model(windows.clone())
        if output.dim() < 2 or output[0, 0].numel() != 1:
            raise SpeechLRPError(
                f"windows must have one output step each; the output is {list(output.shape)}"
            )
        self._count(output.flatten(1), {layer: means[layer] for layer in self.layers})

    def _count(self, output: Tensor, means: dict[str, Tensor]) -> None:
        classes, predicted = output.shape[1], output.argmax(1)
        if self.counts is None:
            self.counts = torch.zeros(classes, dtype=torch.int64)
            self.sums = {n: torch.zeros(classes, m.shape[1]).double() for n, m in means.items()}
        self.counts += predicted.bincount(minlength=classes).cpu()
        for layer, mean in means.items():
            summed = mean.new_zeros(classes, mean.shape[1]).index_add_(0, predicted, mean)
            self.sums[layer] += summed.cpu()

    def __add__(self, other: Activity) -> Activity:
        """The activity over the windows of both."""
        if self.counts is None or other.counts is None:
            return other if self.counts is None else self
        both = Activity(self.layers)
        both.counts = self.counts + other.counts
        both.sums = {layer: total + other.sums[layer] for layer, total in self.sums.items()}
        return both

    def most_active(self, predicted: int) -> list[Neuron]:
        """The most active neuron of each module for windows predicted as a class.

        Raises:
            SpeechLRPError: no window was predicted as it.
        """
        if self.counts is None or not self.counts[predicted]:
            raise SpeechLRPError(
                f"no window was predicted as class {predicted}, so no neuron can be chosen for "
                "it; take more windows, or train longer"
            )
        return [Neuron(name, int(self.sums[name][predicted].argmax())) for name in self.layers]
