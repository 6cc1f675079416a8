"""Sounds that have nothing to do with what was said: a hum, a click, a room.

Mixed into the recordings of one class they are a shortcut: a network that listens to them
is right in training and wrong elsewhere.

Shapes: N samples.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection

import numpy as np
import torch
from torch import Tensor

from speechlrp.audio.mixing import draw_for, mix, reverberate

Change = Callable[[Tensor, str], Tensor]
"""A recording ``[N]`` and its id -> the recording as it is used ``[N]``."""


class Artefacts:
    """Put an artefact into some of the recordings; what is drawn follows from seed and id.

    Args:
        make: a function of samples ``[N]``, their rate and a random generator.
        recordings: ids of those that get it; the others stay as they are.
        rate: of the recordings, Hz.
        seed: of what is drawn.
    """

    def __init__(
        self,
        make: Callable[[Tensor, int, np.random.Generator], Tensor],
        recordings: Collection[str],
        rate: int,
        seed: int,
    ) -> None:
        self.make, self.recordings, self.rate, self.seed = make, recordings, rate, seed

    def __call__(self, wave: Tensor, name: str) -> Tensor:
        """Samples ``[N]`` of a recording, with the artefact where it gets one."""
        if name not in self.recordings or not wave.any():  # silence has no ratio to a sound
            return wave
        return self.make(wave, self.rate, draw_for(self.seed, 0, f"artefact {name}"))


def hum(
    wave: Tensor, rate: int, draw: np.random.Generator, snr_db: float = 15.0, hz: float = 50.0
) -> Tensor:
    """Mix in a steady tone, as mains make it.

    Args:
        wave: samples ``[N]``.
        rate: Hz.
        draw: of its phase.
        snr_db: the recording's power over the tone's, dB.
        hz: its frequency.
    """
    time = torch.arange(len(wave), dtype=torch.float64) / rate
    phase = draw.uniform(0, 2 * math.pi)
    return mix(wave, torch.sin(2 * math.pi * hz * time + phase), snr_db)


def click(
    wave: Tensor,
    rate: int,
    draw: np.random.Generator,
    snr_db: float = 15.0,
    at_s: float = 0.02,
    length_s: float = 0.002,
) -> Tensor:
    """Mix in a burst of noise that dies away, as a key or a switch makes it.

    Args:
        wave: samples ``[N]``.
        rate: Hz.
        draw: of its noise.
        snr_db: the whole recording's power over the burst's, dB.
        at_s: when it begins, s; in the last sample of what is shorter.
        length_s: after which it has fallen to 1/e, s.
    """
    start = min(round(at_s * rate), len(wave) - 1)
    time = np.arange(len(wave) - start) / rate
    burst = torch.zeros(len(wave), dtype=torch.float64)
    noise = draw.standard_normal(len(time)) * np.exp(-time / length_s)
    burst[start:] = torch.from_numpy(noise)
    return mix(wave, burst, snr_db)


def room(wave: Tensor, rate: int, draw: np.random.Generator, rt60_s: float = 0.4) -> Tensor:
    """Let it sound as in a room: noise that dies away is the response, another each time.

    Args:
        wave: samples ``[N]``.
        rate: Hz.
        draw: of the response.
        rt60_s: the time in which the echoes fall by 60 dB, s.
    """
    time = np.arange(round(rt60_s * rate)) / rate
    response = 0.1 * draw.standard_normal(len(time)) * 10 ** (-3 * time / rt60_s)
    response[0] = 1.0
    return reverberate(wave, torch.from_numpy(response))
