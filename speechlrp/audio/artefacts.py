"""Sounds that have nothing to do with what was said: a hum, a click, a room; noise and music.

Mixed into the recordings of one class they are a shortcut: a network that listens to them
is right in training and wrong elsewhere. Mixed into copies they show what a network hears in
spite of them: thesis 6.3 explains the same recordings with music and with noise mixed in.

Shapes: N samples.
"""

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from speechlrp.audio.mixing import Mixed, Mixer, draw_for, mix, reverberate
from speechlrp.errors import SpeechLRPError

Change = Callable[[Tensor, str], Tensor]
"""A recording ``[N]`` and its id -> the recording as it is used ``[N]``."""


@dataclass(frozen=True)
class Artefacts:
    """Put an artefact into some of the recordings; what is drawn follows from seed and id."""

    make: Callable[[Tensor, int, np.random.Generator], Tensor]  # of samples ``[N]`` and their rate
    recordings: Collection[str]  # ids of those that get it; the others stay as they are
    rate: int  # of the recordings, Hz
    seed: int  # of what is drawn

    def __call__(self, wave: Tensor, name: str) -> Tensor:
        """Samples ``[N]`` of a recording, with the artefact where it gets one.

        Raises:
            SpeechLRPError: an artefact of one's own gives something else.
        """
        if name not in self.recordings or not wave.any():  # silence has no ratio to a sound
            return wave
        mixed = self.make(wave, self.rate, draw_for(self.seed, 0, f"artefact {name}"))
        shape = list(mixed.shape) if isinstance(mixed, Tensor) else type(mixed).__name__
        if shape != list(wave.shape) or not bool(mixed.isfinite().all()):
            raise SpeechLRPError(
                f"what shortcut.name names gives {shape} for {name}; it must give finite samples "
                f"as a tensor, here {list(wave.shape)}"
            )
        return mixed.to(wave.dtype)


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


Copies = Callable[[Tensor, str], Iterable[tuple[Tensor, Mixed]]]
"""A recording ``[N]`` and its id -> copies ``[N]``, and what is mixed into each."""

TRIES = 50  # at an excerpt that is not silent


@dataclass(frozen=True)
class Conditions:
    """Make a copy of a recording for each kind of addition.

    What a copy gets follows from the mixer's seed, the recording's id and the kind alone:
    not from the other kinds, the other recordings or the number of workers.
    """

    mixers: Mapping[str, Mixer]  # kind -> what mixes it into every recording (of probability 1)
    recordings: Collection[str] | None = None  # ids of those that are copied; None: all

    def __call__(self, wave: Tensor, name: str) -> Iterator[tuple[Tensor, Mixed]]:
        """Give the copies ``[N]`` of a recording ``[N]``, one for each kind, in their order.

        Raises:
            SpeechLRPError: all that was drawn of a kind is silent.
        """
        if self.recordings is None or name in self.recordings:
            for kind, mixer in self.mixers.items():
                yield _mixed(mixer, wave, kind, name)


def _mixed(mixer: Mixer, wave: Tensor, kind: str, name: str) -> tuple[Tensor, Mixed]:
    """Draw until an excerpt is not silent."""
    for turn in range(TRIES):
        mixture, mixed = mixer(wave, f"{kind} {name}", turn)
        if mixed is not None:
            return mixture, mixed
    raise SpeechLRPError(
        f"{TRIES} excerpts of {kind} to mix into {name} were all silent; remove silent files of "
        f"{kind}, or leave it out of conditions.kinds"
    )
