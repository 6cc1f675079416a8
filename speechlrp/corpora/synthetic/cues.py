"""Sounds that carry a label, and the sounds around them that carry none.

A recording is a background, which is drawn without knowing the label, and a cue, which
depends on it. Nothing else tells the classes apart. The cue's loudest bin lies `BELOW` dB
under the background's, so that features relative to the maximum carry nothing either.

Shapes: N samples, K formants, M frames.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

RATE = 16_000
SECONDS = 0.95
BELOW = 10.0
BANDS = {"low": (600.0, 900.0), "high": (2200.0, 2500.0)}
"""Class -> where its tone lies, Hz."""
OTHER_BANDS = {"low": (1300.0, 1600.0), "high": (3000.0, 3300.0)}
"""Class -> where the second tone lies, which says the same."""
FOUR_BANDS = {
    "low": BANDS["low"],
    "mid_low": OTHER_BANDS["low"],
    "mid_high": BANDS["high"],
    "high": OTHER_BANDS["high"],
}
"""The same bands as four classes."""
PLACES = {"low": (1000.0, 1200.0), "high": (1900.0, 2200.0)}
"""Class -> where its second formant lies, Hz."""
AROUND = (800.0, 2450.0)
"""Hz; what a second formant fills of the spectrum, wherever it lies."""
FUNDAMENTALS = {"low": (90.0, 120.0), "high": (170.0, 220.0)}
"""Class -> its fundamental, Hz."""
CUT = 500.0
"""Hz; harmonics lie below, the noise that both classes share above."""
LOWEST = 60.0
TONE = 0.15
_EDGE = 0.02
_ROOM = 20.0  # Hz below the cut for what a harmonic's fading spreads
_FRAME = 0.057
_VOWELS = (
    (270, 2290, 3010), (390, 1990, 2550), (530, 1840, 2480), (660, 1720, 2410),
    (730, 1090, 2440), (570, 840, 2410), (440, 1020, 2240), (300, 870, 2240), (640, 1190, 2390),
)  # fmt: skip
_WIDTHS = np.array([80.0, 110.0, 160.0, 220.0])


@dataclass(frozen=True)
class Cue:
    """A sound that carries the label, and where it does."""

    wave: np.ndarray  # ``[N]``; empty where the cue is a part of what is said
    start_s: float  # where it begins
    end_s: float  # where it ends
    low_hz: float  # its lower limit
    high_hz: float  # its upper limit
    hz: float  # the tone, or the median fundamental


def tone(band: tuple[float, float], rng: np.random.Generator) -> Cue:
    """A tone burst at a random time, in a band.

    Its region is its duration, and its frequency within the main lobe of its own spectrum.
    """
    hz = float(rng.uniform(*band))
    start = float(rng.uniform(0, SECONDS - TONE))
    time = np.arange(round(SECONDS * RATE)) / RATE
    inside = _fade(time, start, start + TONE)
    wave = inside * np.sin(2 * np.pi * hz * time + rng.uniform(0, 2 * np.pi))
    return Cue(wave, start, start + TONE, hz - 2 / TONE, hz + 2 / TONE, hz)


def formants(tract: float, rng: np.random.Generator) -> np.ndarray:
    """Formants in Hz gliding through three vowels, ``[4, N]``; they know no label."""
    chosen = rng.permutation(len(_VOWELS))[:3]
    targets = np.array([[*_VOWELS[k], 3500.0] for k in chosen]).T * tract
    steps = np.linspace(0, 2, round(SECONDS * RATE))
    return np.stack([np.interp(steps, np.arange(3), track) for track in targets])


def span(rng: np.random.Generator) -> tuple[float, float]:
    """When the voice sounds, s."""
    length = rng.uniform(0.5, 0.8)
    start = rng.uniform(0.03, SECONDS - 0.03 - length)
    return float(start), float(start + length)


def harmonics(
    label: str, tracks: np.ndarray, voiced: tuple[float, float], rng: np.random.Generator
) -> Cue:
    """The harmonics below `CUT` of a fundamental of the class, shaped by formants.

    Its region is all below `CUT` while the voice sounds: where a harmonic is missing says
    as much as where one is.

    `tracks` are formants ``[K, N]``, and `voiced` is when it sounds, s.
    """
    hz = float(rng.uniform(*FUNDAMENTALS[label]))
    time = np.arange(tracks.shape[1]) / RATE
    course = hz * (1 + 0.05 * np.sin(2 * np.pi * rng.uniform(1, 3) * time + rng.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(course) / RATE
    wave = np.zeros(len(time))
    for k in range(1, int((CUT - _ROOM) // course.max()) + 1):
        size = envelope(k * course[None], tracks)[0]
        wave += size * np.sin(k * phase + rng.uniform(0, 2 * np.pi))
    return Cue(wave * _fade(time, *voiced), *voiced, LOWEST, CUT, hz)


def whisper(
    tracks: np.ndarray, voiced: tuple[float, float], rng: np.random.Generator
) -> np.ndarray:
    """Noise above `CUT`, shaped by the same formants while the voice sounds, ``[N]``."""

    def gain(hz: np.ndarray, sample: int) -> np.ndarray:
        shape = envelope(hz[:, None], tracks[:, sample][:, None])[:, 0]
        return shape * np.clip((hz - CUT - 40) / 60, 0, 1)

    spectrum = np.fft.rfft(wave := _noise(gain, voiced, rng))
    spectrum[np.fft.rfftfreq(len(wave), 1 / RATE) < CUT] = 0  # what its fading brought there
    return np.fft.irfft(spectrum, len(wave))


def second_formant(
    label: str, voiced: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, Cue]:
    """Noise through a vowel's formants but the second, and the second at its class's place.

    The formants are side by side, so that where one lies changes nothing elsewhere: the second
    fills `AROUND`, which the others leave free, and that while the voice sounds (s) is its region.
    Gives the background ``[N]`` and the cue.
    """
    others = [float(rng.uniform(*band)) for band in ((300, 600), (2700, 3000), (3400, 3600))]
    hz, ripple = float(rng.uniform(*PLACES[label])), rng.uniform(1, 3)

    def beside(frequency: np.ndarray, sample: int) -> np.ndarray:
        passed = np.clip(np.maximum(AROUND[0] - frequency, frequency - AROUND[1]) / 80, 0, 1)
        return passed * sum(_resonance(frequency, other, 120.0) for other in others)

    def second(frequency: np.ndarray, sample: int) -> np.ndarray:
        middle = hz * (1 + 0.04 * np.sin(2 * np.pi * ripple * sample / RATE))
        edges = np.minimum(frequency - AROUND[0], AROUND[1] - frequency)
        return np.clip(edges / 80, 0, 1) * _resonance(frequency, middle, 120.0)

    background, wave = _noise(beside, voiced, rng), _noise(second, voiced, rng)
    return background, Cue(wave, *voiced, *AROUND, hz)


def _resonance(frequency: np.ndarray, centre: float, width: float) -> np.ndarray:
    """A formant's magnitude, 1 at its centre."""
    return 1 / np.hypot(1, 2 * (frequency - centre) / width)


def _noise(
    gain: Callable[[np.ndarray, int], np.ndarray],
    voiced: tuple[float, float],
    rng: np.random.Generator,
) -> np.ndarray:
    """Noise in frames while the voice sounds (s), by magnitudes of frequencies in Hz, ``[N]``."""
    size, count = round(_FRAME * RATE) // 2 * 2, round(SECONDS * RATE)
    hop = size // 2
    window = np.hanning(size + 1)[:-1]
    noise, out = rng.standard_normal(count + 2 * size), np.zeros(count + 2 * size)
    frequency = np.fft.rfftfreq(2 * size, 1 / RATE)
    for start in range(-hop, count, hop):
        middle = min(max(start + hop, 0), count - 1)
        block = window * noise[start + size : start + 2 * size]
        shaped = np.fft.irfft(np.fft.rfft(block, 2 * size) * gain(frequency, middle))
        out[start + size : start + 3 * size] += shaped[: len(out[start + size : start + 3 * size])]
    time = np.arange(count) / RATE
    return out[size : size + count] * _fade(time, *voiced)


def envelope(frequency: np.ndarray, tracks: np.ndarray) -> np.ndarray:
    """How strong a vowel is, as a factor: four resonances on a slope of -6 dB an octave.

    Frequencies in Hz are broadcast against a row of the formants in Hz ``[4, N]``.
    """
    gain = 1 / np.maximum(frequency, 100.0)
    for centre, width in zip(tracks, _WIDTHS, strict=True):
        pole = centre**2 + (width / 2) ** 2
        gain = gain * pole / np.hypot(pole - frequency**2, width * frequency)
    return gain


def planted(background: np.ndarray, cue: Cue) -> np.ndarray:
    """A background with a cue in it, ``[N]``; the background's own samples do not change.

    The cue's loudest bin comes to lie `BELOW` dB under the background's.
    """
    factor = 10 ** (-BELOW / 20) * loudest(background) / loudest(cue.wave)
    return background + factor * cue.wave


def loudest(wave: np.ndarray) -> float:
    """The largest magnitude of a short-time Fourier transform in frames of 57 ms."""
    size = round(_FRAME * RATE)
    padded = np.pad(wave, size // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 8]
    return float(np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)).max())


def _fade(time: np.ndarray, start: float, end: float) -> np.ndarray:
    """1 from start to end with raised cosines inside, 0 outside."""
    rise = np.clip(np.minimum(time - start, end - time) / _EDGE, 0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * rise)
