"""Sounds that carry a label, and the sounds around them that carry none.

A recording is a background, which is drawn without knowing the label, and a cue, which
depends on it. Nothing else tells the classes apart. The cue's loudest bin lies `BELOW` dB
under the background's, so that features relative to the maximum carry nothing either.

Shapes: N samples, K formants, M frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RATE = 16_000
SECONDS = 0.95
BELOW = 10.0
BANDS = {"low": (600.0, 900.0), "high": (2200.0, 2500.0)}
"""Class -> where its tone lies, Hz."""
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
    """A sound that carries the label, and where it does.

    Attributes:
        wave: ``[N]``.
        start_s: where it begins.
        end_s: where it ends.
        low_hz: its lower limit.
        high_hz: its upper limit.
        hz: the tone, or the median fundamental.
    """

    wave: np.ndarray
    start_s: float
    end_s: float
    low_hz: float
    high_hz: float
    hz: float


def tone(label: str, rng: np.random.Generator) -> Cue:
    """A tone burst at a random time, in the band of its class.

    Its region is its duration, and its frequency within the main lobe of its own spectrum.

    Args:
        label: of `BANDS`.
        rng: of time, frequency and phase.
    """
    hz = float(rng.uniform(*BANDS[label]))
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

    Args:
        label: of `FUNDAMENTALS`.
        tracks: ``[K, N]``, see `formants`.
        voiced: when it sounds, s.
        rng: of the fundamental, its course and phases.
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
    size = round(_FRAME * RATE) // 2 * 2
    hop, count = size // 2, tracks.shape[1]
    starts = np.arange(-hop, count, hop)
    window = np.hanning(size + 1)[:-1]
    noise, out = rng.standard_normal(count + 2 * size), np.zeros(count + 2 * size)
    frequency = np.fft.rfftfreq(2 * size, 1 / RATE)
    passed = np.clip((frequency - CUT - 40) / 60, 0, 1)
    for start in starts:
        middle = min(max(start + hop, 0), count - 1)
        gain = envelope(frequency[:, None], tracks[:, middle][:, None])[:, 0] * passed
        block = window * noise[start + size : start + 2 * size]
        shaped = np.fft.irfft(np.fft.rfft(block, 2 * size) * gain)
        out[start + size : start + 3 * size] += shaped[: len(out[start + size : start + 3 * size])]
    time = np.arange(count) / RATE
    return _without_lows(out[size : size + count] * _fade(time, *voiced))


def envelope(frequency: np.ndarray, tracks: np.ndarray) -> np.ndarray:
    """How strong a vowel is, as a factor: four resonances on a slope of -6 dB an octave.

    Args:
        frequency: Hz, broadcast against a row of `tracks`.
        tracks: formants in Hz ``[4, N]``.
    """
    gain = 1 / np.maximum(frequency, 100.0)
    for centre, width in zip(tracks, _WIDTHS, strict=True):
        pole = centre**2 + (width / 2) ** 2
        gain = gain * pole / np.hypot(pole - frequency**2, width * frequency)
    return gain


def planted(background: np.ndarray, cue: Cue) -> np.ndarray:
    """A background with a cue in it, ``[N]``; the background's own samples do not change.

    Args:
        background: ``[N]``.
        cue: its loudest bin comes to lie `BELOW` dB under the background's.
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


def _without_lows(wave: np.ndarray) -> np.ndarray:
    """The wave without what its fading brought below `CUT`."""
    spectrum = np.fft.rfft(wave)
    spectrum[np.fft.rfftfreq(len(wave), 1 / RATE) < CUT] = 0
    return np.fft.irfft(spectrum, len(wave))
