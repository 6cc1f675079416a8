"""How a network's inputs are looked at: as maps whose axes are Hz and s.

Filterbanks have such axes. Samples have none: their maps are one row of samples, or lie in
time x frequency, through the inverse of that transform in front of the network. Everything that
is done with maps is done there: a bin of two parts, real and imaginary, is one bin.

Shapes: B examples, L samples, F frequencies, T frames; C parts of a bin.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd
import torch
from torch import Tensor

from speechlrp.artifacts.layout import attribute
from speechlrp.audio.windows import WindowSettings
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.lrp.refusals import LRPError
from speechlrp.lrp.views import STFTView, View
from speechlrp.measures.localisation import ALSO, TRUTH, widened

if TYPE_CHECKING:
    from speechlrp.data.dataset import Windows

VIEW = ("view", "window_length", "hop")
"""Settings of an explainer's section that say how maps are looked at."""
FLOOR_DB = -80.0
"""Of the picture below a map in time x frequency."""


def check_effect(settings: Sequence[str], section: Mapping[str, Any]) -> None:
    """Refuse settings of a view where there is none.

    Args:
        settings: ``KEY=VALUE``, as they were given.
        section: the explainer's section that they led to.

    Raises:
        SpeechLRPError: one would change nothing.
    """
    for word in settings:
        group, _, key = word.lstrip("+").partition("=")[0].partition(".")
        ours = group == "explainer" and key in VIEW[1:]
        if ours and section.get("view") is None:
            raise SpeechLRPError(
                f"{word} is about explainer.view=stft, without which it changes nothing; add that, "
                "or leave it out"
            )


class SampleView(View):
    """A view of waveforms ``[B, 1, L]`` as maps ``[B, C, F, T]``, and the axes of these."""

    units: str  # of the picture
    half_window: float  # half the length of a frame, in s
    frequency: np.ndarray  # of the rows in Hz, ``[F]``
    time: np.ndarray  # of the columns in s, ``[T]``

    @abstractmethod
    def picture(self, waves: np.ndarray) -> np.ndarray:
        """What is drawn below a map, ``[..., F, T]``, of samples ``[..., 1, L]``."""

    @abstractmethod
    def truth(self, sound: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The columns of a box, as `TRUTH`, of the bins that a sound reaches."""


class Row(SampleView):
    """Sample by sample: one row, which holds all frequencies."""

    half_window = 0.0

    def __init__(self, settings: WindowSettings) -> None:
        self.units = settings.units
        self.frequency = np.array([settings.rate / 4])
        self.time = settings.times()

    def analysis(self, x: Tensor) -> Tensor:
        """``[..., 1, 1, L]``."""
        return x.unsqueeze(-2)

    def synthesis(self, X: Tensor, shape: torch.Size) -> Tensor:
        """``[..., 1, L]``."""
        return X.squeeze(-2)

    def picture(self, waves: np.ndarray) -> np.ndarray:
        """The samples."""
        return waves

    def truth(self, sound: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Its time alone."""
        *_, low, high = sound
        every = np.full_like(sound[low], np.inf)
        return {**sound, low: -every, high: every}


class TimeFrequency(SampleView):
    """Through the short-time Fourier transform: ``[B, 2, F, T]``, real and imaginary parts.

    Raises:
        SpeechLRPError: window_length and hop (see `STFTView`) do not fit each other, or the
            window of the features.
    """

    units = "dB re maximum"

    def __init__(self, settings: WindowSettings, window_length: int, hop: int) -> None:
        try:
            self._stft = STFTView(window_length, hop)
        except LRPError as error:
            raise SpeechLRPError(f"explainer.view=stft: {error}") from error
        if window_length > settings.length:
            raise SpeechLRPError(
                f"explainer.window_length is {window_length}; it must be at most the "
                f"{settings.length} samples of a window"
            )
        frames = 1 + -(-settings.length // hop)
        self.half_window = window_length / settings.rate / 2
        self.frequency = np.arange(window_length // 2 + 1) * (settings.rate / window_length)
        self.time = np.arange(frames) * (hop / settings.rate)

    def analysis(self, x: Tensor) -> Tensor:
        """``[..., 2, F, T]``."""
        return self._stft.analysis(x).movedim(-1, -3).squeeze(-4)

    def synthesis(self, X: Tensor, shape: torch.Size) -> Tensor:
        """``[B, 1, L]``."""
        return self._stft.synthesis(X.unsqueeze(-4).movedim(-3, -1).contiguous(), shape)

    def picture(self, waves: np.ndarray) -> np.ndarray:
        """Level in dB re the loudest bin."""
        parts = self._stft.analysis(torch.from_numpy(waves))
        power = parts.square().sum(-1).squeeze(-3)
        loudest = power.amax((-2, -1), keepdim=True).clamp(min=torch.finfo(power.dtype).tiny)
        return (power / loudest).clamp(min=10 ** (FLOOR_DB / 10)).log10().mul(10).numpy()

    def truth(self, sound: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """As far as a frame smears it."""
        return widened(sound, self.half_window)


def seen(examples: Windows, section: Mapping[str, Any]) -> Windows:
    """The examples with the axes of their maps.

    In the explainer's section ``view`` is ``"stft"`` (with ``window_length`` and ``hop``), or None.

    Raises:
        SpeechLRPError: no such view, or one of features that have axes of their own.
    """
    settings, name = examples.feature_settings, section.get("view")
    if "frequency" in settings.axes:
        check_no_view(section, examples.settings["name"])
        return examples
    if name is None:
        view: SampleView = Row(settings)
    elif name == "stft":
        view = TimeFrequency(settings, section["window_length"], section["hop"])
    else:
        raise unknown("value of explainer.view", str(name), ("stft", "null"))
    return replace(
        examples,
        view=view,
        table=_told(examples.table, view),
        frequency=view.frequency,
        time=view.time,
        units=view.units,
    )


def check_no_view(section: Mapping[str, Any], features: str, where: str = "explainer") -> None:
    """Check that features with axes of their own are asked for no view, by an explainer's section.

    Raises:
        SpeechLRPError: they are; says `where` the section stands.
    """
    view = section.get("view")
    if view is not None:
        raise SpeechLRPError(
            f"{where}.view={view} is for networks of waveforms (features=waveform, for tasks of "
            f"classes), and features={features} have frequencies of their own; leave it at null"
        )


def section_of(file: h5py.File) -> dict[str, Any]:
    """The explainer's section that a file of relevance was made with."""
    return attribute(file, "explainer", dict)


def _told(table: pd.DataFrame, view: SampleView) -> pd.DataFrame:
    """The table with the true regions of the view's bins, where regions are known."""
    for names in (TRUTH, ALSO):
        if all(name in table for name in names):
            table = table.assign(**view.truth({n: table[n].to_numpy(float) for n in names}))
    return table
