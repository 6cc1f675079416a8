"""Activation maximisation: the input that a neuron wants most.

Shapes: ``N`` neurons, ``F`` mel bands, ``T`` frames.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.base import check_least
from speechlrp.explainers.question import explaining
from speechlrp.lrp.checks import check_finite, check_model
from speechlrp.neurons.neurons import Neuron, watched


@dataclass(frozen=True, kw_only=True)
class MaximizeSettings:
    """How to maximise; the defaults are K's (section 3.2), without the last three."""

    steps: int = 250  # of Adam
    learning_rate: float = 0.05  # of Adam
    l1: float = 0.001  # times the sum of absolute values
    l2: float = 0.001  # times half the sum of squares, as weight decay has it
    total_variation: float = 0.0
    """Times the sum of absolute differences of neighbours in frequency and in time (Mahendran and
    Vedaldi 2015)."""
    jitter: tuple[int, int] = (0, 0)
    """The input is moved by up to so many bands and frames before each step, around its ends, so
    that no pattern depends on a place (Mordvintsev et al. 2015)."""
    seed: int = 1  # of the start and of the jitter

    def __post_init__(self) -> None:
        """Check the settings: SpeechLRPError where a value is out of its range."""
        for name in ("steps", "l1", "l2", "total_variation"):
            check_least(name, getattr(self, name), 0, "maximize")
        for bound in self.jitter:
            check_least("jitter", bound, 0, "maximize")
        if not 0 < self.learning_rate < inf:
            value = f"maximize.learning_rate is {self.learning_rate}"
            raise SpeechLRPError(f"{value}; it must be above 0, and finite")


class Maximized(NamedTuple):
    """What neurons want."""

    inputs: Tensor  # ``[N, F, T]``
    history: Tensor
    """Activation before the first and after each step, ``[steps + 1, N]``; of the moved input where
    there is jitter."""


def maximize(
    model: nn.Module,
    neurons: Sequence[Neuron],
    shape: Sequence[int] = (128, 206),
    settings: MaximizeSettings | None = None,
    *,
    shown: Callable[[range], Iterable[int]] = iter,
) -> Maximized:
    """Find the input that activates each neuron most, all of them in one batch.

    Every neuron starts from the same Xavier-uniform input and sees the same jitter, and
    Adam works on each value alone, so a neuron's result does not depend on which others are
    beside it. The forward pass stops behind the last module that is asked. A neuron behind
    a ReLU that the start leaves at 0 has no gradient; name the batch norm before it.

    Args:
        model: in evaluation mode; takes ``[N, F, T]``. It is left as it was.
        neurons: of any modules.
        shape: of one input, ``(F, T)``, or ``(1, F, T)`` for two-dimensional networks.
        settings: K's by default.
        shown: passes the steps on, such as a progress bar.

    Raises:
        SpeechLRPError: no neurons; a module, channel or step that there is not; a module
            that never ran; the model is in training mode; an activation is not finite.

    Source: Erhan et al. 2009; Krug and Stober 2018 (K), sections 3.2 and 4.1.
    """
    settings = settings or MaximizeSettings()
    if not neurons:
        raise SpeechLRPError("there are no neurons to maximise")
    with explaining():
        check_model(model)
        generator = torch.Generator().manual_seed(settings.seed)
        inputs = _start(model, len(neurons), shape, generator).requires_grad_()
        adam = torch.optim.Adam([inputs], lr=settings.learning_rate)
        activations = []
        for _ in shown(range(settings.steps)):
            activation = _activations(model, neurons, _moved(inputs, settings.jitter, generator))
            activations.append(activation.detach())
            loss = _penalty(inputs, settings) - activation.sum()
            (inputs.grad,) = torch.autograd.grad(loss, inputs)
            adam.step()
        with torch.no_grad():
            last = _activations(model, neurons, _moved(inputs, settings.jitter, generator))
        history = torch.stack([*activations, last])
        check_finite("an activation", history, "take a smaller learning rate")
        return Maximized(inputs.detach(), history)


class Centre(NamedTuple):
    """Where the energy of inputs lies, each ``[N]``; NaN where an input is 0 everywhere."""

    place: np.ndarray  # the mean of time, in the units given, weighted by the squared values
    hertz: np.ndarray  # the mean of frequency, in Hz, weighted alike
    energy: np.ndarray  # the sum of squared values


def energy_centre(inputs: np.ndarray, frequency: np.ndarray, time: np.ndarray) -> Centre:
    """Find where inputs ``[N, F, T]`` differ from 0, in time ``[T]`` and frequency ``[F]``."""
    energy = np.square(inputs.astype(np.float64))
    total = energy.sum((1, 2))
    defined = np.where(total > 0, total, np.nan)
    place, hertz = energy.sum(1) @ time / defined, energy.sum(2) @ frequency / defined
    return Centre(place, hertz, total)


def _start(
    model: nn.Module, count: int, shape: Sequence[int], generator: torch.Generator
) -> Tensor:
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(()))
    one = nn.init.xavier_uniform_(torch.empty(*shape[-2:]), generator=generator)
    one = one.to(device=like.device, dtype=like.dtype).view(*shape)
    return one.expand(count, *shape).clone()


def _moved(inputs: Tensor, jitter: Sequence[int], generator: torch.Generator) -> Tensor:
    if not any(jitter):
        return inputs.clone()  # so that the model may begin in place
    shifts = [int(torch.randint(-n, n + 1, (), generator=generator)) for n in jitter]
    return inputs.roll(shifts, (-2, -1))


def _penalty(inputs: Tensor, settings: MaximizeSettings) -> Tensor:
    penalty = settings.l1 * inputs.abs().sum() + settings.l2 / 2 * inputs.square().sum()
    if settings.total_variation:
        steps = inputs.diff(dim=-2).abs().sum() + inputs.diff(dim=-1).abs().sum()
        penalty = penalty + settings.total_variation * steps
    return penalty


class _Enough(Exception):
    """All activations are known; the rest of the forward pass is not needed."""


def _activations(model: nn.Module, neurons: Sequence[Neuron], inputs: Tensor) -> Tensor:
    """The activation ``[N]`` of each neuron by its own input."""
    activations: dict[int, Tensor] = {}

    def see(layer: str, made: Tensor) -> None:
        for index, neuron in enumerate(neurons):
            if neuron.layer == layer and index not in activations:
                activations[index] = neuron.activation(made[index : index + 1])[0]
        if len(activations) == len(neurons):
            raise _Enough

    with watched(model, [neuron.layer for neuron in neurons], see):
        try:
            model(inputs)
        except _Enough:
            return torch.stack([activations[index] for index in range(len(neurons))])
    missing = next(neuron for index, neuron in enumerate(neurons) if index not in activations)
    raise SpeechLRPError(f"layer {missing.layer!r} did not run")
