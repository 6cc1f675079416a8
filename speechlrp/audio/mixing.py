"""Recordings made harder: noise, music and babble at an SNR, echoes, another speed.

Thesis 4.2 mixes MUSAN's music and noise into the training data; the ranges of the SNR are
the customary ones (Snyder et al. 2018, "X-vectors").

Shapes: N samples of a recording, R samples of an impulse response.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from speechlrp.audio.resampling import resample
from speechlrp.errors import SpeechLRPError


@dataclass(frozen=True)
class Kind:
    """A kind of what is mixed in."""

    source: str  # whose files it is made of, as ``corpora.musan`` names them
    snr_db: tuple[float, float]
    """Least and greatest ratio of the recording's power to the addition's, in dB."""
    voices: tuple[int, int] = (1, 1)  # least and greatest number of files that speak at once


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "noise": Kind("noise", (0.0, 15.0)),
        "music": Kind("music", (5.0, 15.0)),
        "babble": Kind("speech", (13.0, 20.0), (3, 7)),
    }
)


@dataclass(frozen=True)
class Mixed:
    """What was mixed into a recording."""

    kind: str  # one of ``KINDS``
    snr_db: float  # at which ratio of powers
    files: tuple[Path, ...]  # what of


class Mixer:
    """Mix noise, music or babble into some of the recordings, each drawn by seed and name.

    What a recording gets does not depend on the others, their order or the number of
    workers.

    Args:
        files: kind of file -> files, see ``corpora.musan``; kinds of which there are no
            files are not drawn.
        load: a file -> its samples ``[N]`` at the recordings' rate.
        seed: another seed, other mixtures.
        probability: share of the recordings that something is mixed into.
        kinds: what may be drawn, all alike likely; see ``KINDS``.

    Raises:
        SpeechLRPError: there is no file for any kind, or the probability is not one.
    """

    def __init__(
        self,
        files: Mapping[str, Sequence[Path]],
        load: Callable[[Path], Tensor],
        *,
        seed: int,
        probability: float = 0.6,
        kinds: Mapping[str, Kind] = KINDS,
    ) -> None:
        if not 0 <= probability <= 1:
            raise SpeechLRPError(f"probability is {probability}; it must be 0 to 1")
        self.kinds = {name: kind for name, kind in kinds.items() if files.get(kind.source)}
        if not self.kinds:
            raise SpeechLRPError(f"there are no files to mix in for {', '.join(kinds)}")
        self.files, self.load, self.seed, self.probability = files, load, seed, probability

    def __call__(self, wave: Tensor, name: str, turn: int = 0) -> tuple[Tensor, Mixed | None]:
        """Mix something into a recording, or nothing.

        `name` is the recording's id; every `turn`, such as an epoch, draws anew.

        Returns:
            The mixture ``[N]``, and what is in it; the recording as it is and None where
            nothing was drawn, or where it or the excerpt is silent.
        """
        draw = draw_for(self.seed, turn, name)
        if draw.random() >= self.probability:
            return wave, None
        label = list(self.kinds)[draw.integers(len(self.kinds))]
        kind = self.kinds[label]
        snr_db = float(draw.uniform(*kind.snr_db))
        there = self.files[kind.source]
        count = int(draw.integers(kind.voices[0], kind.voices[1] + 1))
        chosen = tuple(there[i] for i in draw.integers(len(there), size=count))
        excerpts = (_levelled(excerpt(self.load(f), len(wave), draw)) for f in chosen)
        addition = sum(excerpts, wave.new_zeros(len(wave)))
        if not (_power(wave) and _power(addition)):
            return wave, None
        return mix(wave, addition, snr_db), Mixed(label, snr_db, chosen)


def mix(wave: Tensor, addition: Tensor, snr_db: float) -> Tensor:
    """Add at a ratio of powers over the whole length; made quieter where it would clip.

    ``wave + g addition`` with ``10 log10(power(wave) / power(g addition)) = snr_db``.

    Args:
        wave: samples ``[N]``.
        addition: as many.
        snr_db: in dB.

    Raises:
        ValueError: the lengths differ, or one of the two is silent.
    """
    if wave.shape != addition.shape:
        raise ValueError(f"{list(wave.shape)} and {list(addition.shape)} samples cannot be mixed")
    powers = _power(wave), _power(addition)
    if not all(powers):
        raise ValueError("silence has no ratio to anything")
    gain = math.sqrt(powers[0] / powers[1] / 10 ** (snr_db / 10))
    return unclipped(wave.double() + gain * addition.double()).to(wave.dtype)


def excerpt(wave: Tensor, size: int, draw: np.random.Generator) -> Tensor:
    """A random piece ``[size]`` of samples ``[N]``; what is shorter is repeated from anywhere.

    Raises:
        ValueError: there are no samples.
    """
    if not len(wave):
        raise ValueError("an excerpt of no samples")
    if len(wave) >= size:
        start = int(draw.integers(len(wave) - size + 1))
        return wave[start : start + size]
    start = int(draw.integers(len(wave)))
    return wave.repeat(-(-(start + size) // len(wave)))[start : start + size]


def reverberate(wave: Tensor, response: Tensor) -> Tensor:
    """Let a recording sound as in a room: ``[N]`` and an impulse response ``[R]`` -> ``[N]``.

    The response's loudest sample is taken for the direct sound, so that nothing is late;
    the power stays what it was, unless it would clip.

    Raises:
        ValueError: the response is silent.
    """
    if not _power(response):
        raise ValueError("an impulse response of silence")
    size = len(wave) + len(response) - 1
    parts = (torch.fft.rfft(x.double(), size) for x in (wave, response))
    direct = int(response.abs().argmax())
    reverberant = torch.fft.irfft(math.prod(parts), size)[direct : direct + len(wave)]
    after = _power(reverberant)
    gain = math.sqrt(_power(wave) / after) if after else 1.0
    return unclipped(reverberant * gain).to(wave.dtype)


def change_speed(wave: Tensor, factor: float) -> Tensor:
    """Play faster or slower, pitch and all: ``[N]`` -> ``[ceil(N / factor)]``.

    Args:
        wave: samples.
        factor: such as 0.9 or 1.1; taken to the nearest hundredth.

    Raises:
        SpeechLRPError: it is not 0.5 to 2.
    """
    if not 0.5 <= factor <= 2:
        raise SpeechLRPError(f"speed is {factor}; it must be 0.5 to 2")
    ratio = Fraction(round(factor * 100), 100)
    return unclipped(resample(wave, ratio.numerator, ratio.denominator))


def unclipped(wave: Tensor) -> Tensor:
    """Samples within full scale: the whole is made quieter where its peak is above 1."""
    peak = float(wave.abs().max()) if len(wave) else 0.0
    return wave / peak if peak > 1 else wave


def _levelled(wave: Tensor) -> Tensor:
    """Samples of power 1, float64; silence stays silence."""
    power = _power(wave)
    return wave.double() / math.sqrt(power) if power else wave.double()


def _power(wave: Tensor) -> float:
    return float(wave.double().square().mean()) if len(wave) else 0.0


def draw_for(seed: int, turn: int, name: str) -> np.random.Generator:
    """Random numbers of an item's own, the same whatever the order or number of workers."""
    digest = hashlib.blake2b(f"{seed}\0{turn}\0{name}".encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "little"))
