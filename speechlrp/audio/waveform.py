"""Samples as they are, for networks of waveforms.

Shapes: B windows, L samples.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from speechlrp.audio.windows import WindowSettings


@dataclass(frozen=True, kw_only=True)
class WaveformSettings(WindowSettings):
    """Windows of samples; the defaults are AudioNet's, one second at 8 kHz."""

    axes: ClassVar[tuple[str, ...]] = ("channel", "time")

    @property
    def shape(self) -> tuple[int, ...]:
        """Samples of a window, ``(L,)``."""
        return (self.length,)

    @property
    def silence(self) -> float:
        """The value of silence."""
        return 0.0

    @property
    def units(self) -> str:
        """What a value is."""
        return "amplitude, full scale 1"

    def frequencies(self) -> np.ndarray:
        """None."""
        return np.zeros(0)

    def times(self) -> np.ndarray:
        """Of each sample, in s from the window's first, ``[L]``."""
        return np.arange(self.length) / self.rate

    def transform(self, waves: Tensor) -> Tensor:
        """Windows ``[B, L]`` as ``[B, 1, L]``, float32."""
        return waves.float().unsqueeze(1)
