"""Noise and music to mix into recordings where there are no files of any.

Stand-ins for a corpus such as MUSAN: good enough to train against on a small scale, and
the same on every machine.

Shapes: N samples, B bins of a spectrum.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from speechlrp.audio.mixing import draw_for

SECONDS = 10.0
COUNT = 16  # sounds of each kind
RING = 2  # s, until a tone has died away
KINDS = ("music", "noise")


def synthesised() -> dict[str, list[Path]]:
    """Names of the sounds of each kind, in place of files."""
    return {kind: [Path(kind, f"{number:02d}") for number in range(COUNT)] for kind in KINDS}


def synthesiser(rate: int) -> Callable[[Path], Tensor]:
    """A function that gives the samples ``[N]`` of a name at a rate."""
    sounds: dict[Path, Tensor] = {}
    make = {"music": _music, "noise": _noise}

    def load(name: Path) -> Tensor:
        if name not in sounds:
            wave = make[name.parts[0]](draw_for(0, 0, str(name)), round(SECONDS * rate), rate)
            sounds[name] = torch.from_numpy(0.3 * wave / np.abs(wave).max()).float()
        return sounds[name]

    return load


def _noise(draw: np.random.Generator, size: int, rate: int) -> np.ndarray:
    """Noise whose power falls by 0 to 6 dB an octave, with a band raised, swelling slowly."""
    hertz = np.fft.rfftfreq(size, 1 / rate)
    slope = np.maximum(hertz, 20.0) ** -draw.uniform(0, 1)
    centre, width = draw.uniform(100, rate / 3), draw.uniform(100, 1000)
    band = 1 + draw.uniform(0, 4) * np.exp(-(((hertz - centre) / width) ** 2))
    phases = np.exp(2j * np.pi * draw.random(len(hertz)))
    wave = np.fft.irfft(slope * band * phases, size)
    time = np.arange(size) / rate
    return wave * (1 + 0.8 * np.sin(2 * np.pi * draw.uniform(0.1, 4) * time))


def _music(draw: np.random.Generator, size: int, rate: int) -> np.ndarray:
    """Chords of three decaying tones with their harmonics, at an even beat."""
    beat = round(rate * draw.uniform(0.2, 0.6))
    wave = np.zeros(size)
    for start in range(0, size, beat):
        time = np.arange(min(size - start, RING * rate)) / rate
        for step in draw.choice([0, 2, 4, 5, 7, 9, 11, 12], 3, replace=False):
            pitch = 110 * 2 ** (draw.integers(0, 3) + step / 12)
            decay = np.exp(-time * draw.uniform(2, 6))
            harmonics = range(1, min(7, int(rate / 2 / pitch)))
            tone = sum(np.sin(2 * np.pi * pitch * k * time) / k**1.5 for k in harmonics)
            wave[start : start + len(time)] += decay * tone
    return wave
