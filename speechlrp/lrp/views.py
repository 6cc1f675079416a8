"""Relevance in another domain than the input's, such as time x frequency for a waveform.

A view puts the inverse of a linear transform in front of a network: ``x = T^-1 X``. The network
and its output stay what they are, and relevance goes one step further, to ``X``.

Source: Vielhaben et al. 2024, "Explainable AI for time series via virtual inspection layers".
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, SupportsIndex

import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlrp.lrp.checks import check_inputs
from speechlrp.lrp.composite import Composite
from speechlrp.lrp.engine import attribute
from speechlrp.lrp.refusals import LRPError
from speechlrp.lrp.start import Target

TOLERANCE = 1e-5
"""How far the way there and back may lead from the input, over its largest number."""

ROUNDING = 32
"""Units in the last place of the largest number within which a number counts as 0."""


class View(ABC):
    """An invertible linear transform of a network's input, and how its relevance is shown."""

    @abstractmethod
    def analysis(self, x: Tensor) -> Tensor:
        """The transform ``X = T x`` as real numbers, ``[B, ...]``."""

    @abstractmethod
    def synthesis(self, X: Tensor, shape: torch.Size) -> Tensor:
        """The inverse, of the input's shape; written in torch calls."""

    def map(self, relevance: Tensor) -> Tensor:
        """The relevance of ``X`` as it is looked at."""
        return relevance


class LinearView(View):
    """Any invertible linear transform, given as two functions.

    Args:
        analysis: the transform, ``x -> X``; complex results count as pairs.
        synthesis: its inverse.

    Example:
        >>> haar = torch.tensor([[1.0, 1.0], [1.0, -1.0]]) / 2**0.5
        >>> pairs = LinearView(
        ...     lambda x: x.unflatten(-1, (-1, 2)) @ haar, lambda X: (X @ haar).flatten(-2)
        ... )
    """

    def __init__(
        self, analysis: Callable[[Tensor], Tensor], synthesis: Callable[[Tensor], Tensor]
    ) -> None:
        self._analysis, self._synthesis = analysis, synthesis
        self._complex = False

    def analysis(self, x: Tensor) -> Tensor:
        """As given."""
        X = self._analysis(x)
        self._complex = X.is_complex()
        return torch.view_as_real(X) if self._complex else X

    def synthesis(self, X: Tensor, shape: torch.Size) -> Tensor:
        """As given."""
        return self._synthesis(torch.view_as_complex(X) if self._complex else X)

    def map(self, relevance: Tensor) -> Tensor:
        """One number for a complex one."""
        return relevance.sum(-1) if self._complex else relevance


class STFTView(View):
    """Time x frequency: the short-time Fourier transform, for waveforms ``[..., T]``.

    The map is ``[..., F, N]`` with ``F = window_length // 2 + 1`` frequencies from 0 to half the
    sampling rate and ``N = 1 + ceil(T / hop)`` frames, number ``n`` around sample ``n hop``: the
    relevance of every bin's real and imaginary part together.

    Args:
        window_length: of the Hann window, in samples; even.
        hop: samples from frame to frame, at most half a window.

    Raises:
        LRPError: not ``0 < 2 hop <= window_length``, an odd window, or no whole numbers.
    """

    def __init__(self, window_length: int, hop: int) -> None:
        whole = all(isinstance(one, SupportsIndex) for one in (window_length, hop))
        if not whole or window_length % 2 or not 0 < 2 * hop <= window_length:
            raise LRPError(
                "STFTView needs whole numbers, an even window_length and 0 < 2 hop <= "
                f"window_length; found window_length={window_length!r}, hop={hop!r}"
            )
        self.window_length, self.hop = window_length, hop

    def analysis(self, x: Tensor) -> Tensor:
        """``[..., F, N, 2]``."""
        if x.dim() < 2:
            raise LRPError(f"STFTView needs waveforms [B, ..., T]; found the shape {list(x.shape)}")
        # So that the last samples lie between two frames: alone at the edge of one they would
        # come back divided by next to nothing.
        x = functional.pad(x, (0, -x.shape[-1] % self.hop))
        X = torch.stft(
            x.flatten(0, -2),
            self.window_length,
            self.hop,
            window=self._window(x),
            pad_mode="constant",
            return_complex=True,
        )
        return torch.view_as_real(X).unflatten(0, x.shape[:-1])

    def synthesis(self, X: Tensor, shape: torch.Size) -> Tensor:
        """Overlapping and adding."""
        x = torch.istft(
            torch.view_as_complex(X.flatten(0, -4)),
            self.window_length,
            self.hop,
            window=self._window(X),
            length=shape[-1],
        )
        return x.reshape(shape)

    def map(self, relevance: Tensor) -> Tensor:
        """The sum over real and imaginary parts."""
        return relevance.sum(-1)

    def _window(self, like: Tensor) -> Tensor:
        return torch.hann_window(self.window_length, dtype=like.dtype, device=like.device)


def attribute_view(
    model: nn.Module,
    inputs: Tensor,
    target: Target,
    composite: Composite,
    view: View,
    **options: Any,
) -> tuple[Tensor, Tensor]:
    """Explain a model's output by the relevance of its input's transform.

    The output is the model's own but for the rounding of the way there and back, and the map
    sums to what ``attribute`` gives to the input. Selectors see the model's modules by their
    names, as ever. Costs one transform and its transpose more than ``attribute``, whose
    arguments it takes beside the ``view``, such as ``STFTView(512, 128)``.

    Returns:
        The model's output, and the map ``view.map`` of the relevance; both detached.

    Raises:
        LRPError: as ``attribute``; the view's inverse does not lead back to the input.
    """
    check_inputs(inputs)
    transformed = view.analysis(inputs.detach())
    _check_inverse(view, transformed, inputs)
    viewed = Viewed(model, view, inputs.shape[1:])
    output, relevance = attribute(viewed, transformed, target, composite, **options)
    return output, view.map(relevance)


def _check_inverse(view: View, transformed: Tensor, inputs: Tensor) -> None:
    back = view.synthesis(transformed, inputs.shape)
    if back.shape != inputs.shape:
        raise LRPError(
            f"the view leads back to shape {list(back.shape)} from {list(inputs.shape)}; its "
            "synthesis has to be the inverse of its analysis"
        )
    apart, size = float((back - inputs).abs().max()), float(inputs.abs().max())
    if apart > max(TOLERANCE, 100 * torch.finfo(inputs.dtype).eps) * size:
        raise LRPError(
            f"the view leads back to numbers that are up to {apart:.3g} apart, where the largest "
            f"is {size:.3g}; its synthesis has to be the inverse of its analysis"
        )


def _silenced(inputs: Tensor) -> Tensor:
    """The inputs ``[B, ...]``, with 0 where they are 0 but for rounding.

    Where a recording is padded a max-pool's windows are equal, and noise of the way there and back
    would say which number wins. A sample of 0 has no relevance to hand to its bins.
    """
    size = inputs.abs()
    least = ROUNDING * torch.finfo(inputs.dtype).eps * size.flatten(1).amax(1)
    return inputs.masked_fill(size <= least.view(-1, *[1] * (inputs.dim() - 1)), 0.0)


class Viewed(nn.Module):
    """The network behind the inverse transform. It has the network's modules, by their names.

    Args:
        network: of inputs ``[B, *shape]``.
        view: the transform.
        shape: of an input.
    """

    def __init__(self, network: nn.Module, view: View, shape: Sequence[int]) -> None:
        super().__init__()
        self.network, self._view, self._shape = network, view, shape
        self.training = network.training

    def forward(self, X: Tensor, *args: Any, **kwargs: Any) -> Any:
        """The network's output, of its input's transform ``[B, ...]``."""
        inputs = self._view.synthesis(X, torch.Size((len(X), *self._shape)))
        return self.network(_silenced(inputs), *args, **kwargs)

    def named_modules(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, nn.Module]]:
        """The network's, so that selectors and messages need not know of the view."""
        return self.network.named_modules(*args, **kwargs)
