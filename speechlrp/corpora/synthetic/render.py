"""From a speaker and a text to the samples of a file, and the times within it."""

from dataclasses import dataclass, replace

import numpy as np

from speechlrp.corpora.synthetic import espeak
from speechlrp.corpora.synthetic.espeak import Span, Speech
from speechlrp.corpora.synthetic.speakers import Speaker

_GRID = 300  # Hz: source rates are multiples, so that ratios to the target stay small
_DECAY = 0.03  # seconds kept after the last phoneme, faded out


@dataclass(frozen=True)
class Rendered:
    """One utterance, ready to be written."""

    samples: np.ndarray  # ``[N]`` int16
    rate: int  # samples per second
    phonemes: tuple[Span, ...]  # in IPA, times in seconds of the file
    words: tuple[Span, ...]  # as written, times in seconds of the file

    @property
    def duration(self) -> float:
        """Of the file, in seconds."""
        return len(self.samples) / self.rate


def render(
    speaker: Speaker, text: str, rate: int, seed: list[int], longest: float | None = None
) -> Rendered:
    """Say a text once, a little differently with every seed.

    Rate, pitch and range of the voice, the loudness, the silence around the speech,
    and the noise vary about the speaker's own.

    `rate` is the file's; speech that would last longer than `longest` (s) is said faster.
    """
    rng = np.random.default_rng(seed)
    words_per_minute = speaker.rate * rng.uniform(0.94, 1.06)
    voice = {
        "pitch": int(np.clip(round(speaker.pitch + rng.normal(0, 3)), 1, 99)),
        "range": int(np.clip(round(speaker.range + rng.normal(0, 6)), 5, 95)),
        "seed": int(rng.integers(1, 2**31)),
    }
    margins = speaker.margin * rng.uniform(0.5, 1.5, size=2)
    level = speaker.level + rng.normal(0, 1.5)
    while True:
        speech = espeak.speak(text, speaker.voice, rate=round(words_per_minute), **voice)
        placed, source = _place(speech, speaker.tract, margins, rate)
        if longest is None or len(placed.wave) / source <= longest or words_per_minute > 400:
            break
        words_per_minute *= 1.12
    wave = _resample(placed.wave, source, rate, speaker.tilt)
    samples = _record(wave, min(level, -3.0), speaker.noise, rng)
    return Rendered(
        samples, rate, _seconds(placed.phonemes, source), _seconds(placed.words, source)
    )


def _place(speech: Speech, tract: float, margins: np.ndarray, rate: int) -> tuple[Speech, int]:
    """Cut to the speech itself and set it between silences.

    A vocal tract that is shorter by a factor is the same wave, read faster; hence the
    source rate, which is returned beside the speech.
    """
    source = round(espeak.SAMPLE_RATE * tract / _GRID) * _GRID
    first, last = int(speech.phonemes[0].start), int(speech.phonemes[-1].end)
    wave = speech.wave[first : last + round(_DECAY * source)].copy()
    decay = len(wave) - (last - first)
    if decay > 0:
        wave[-decay:] *= np.linspace(1, 0, decay, dtype=np.float32)
    before, after = (round(margin * source) for margin in margins)
    block = source // np.gcd(source, rate)
    after += -(before + len(wave) + after) % block
    shift = before - first
    return Speech(
        np.pad(wave, (before, after)),
        *(
            tuple(replace(s, start=s.start + shift, end=s.end + shift) for s in spans)
            for spans in (speech.phonemes, speech.words)
        ),
    ), source


def _resample(wave: np.ndarray, source: int, rate: int, tilt: float) -> np.ndarray:
    """Change the rate in the frequency domain, with the microphone's tilt.

    The wave begins and ends in silence and its length is a whole number of periods of
    the two rates, so the discrete Fourier transform does it exactly.
    """
    count = len(wave) * rate // source
    frequency = np.fft.rfftfreq(len(wave), 1 / source)
    top = min(source, rate) / 2
    gain = np.maximum(frequency, 50.0) / 1000
    gain = 10 ** (tilt * np.log2(gain) / 20) * np.clip((top - frequency) / (0.05 * top), 0, 1)
    spectrum = np.fft.rfft(wave.astype(np.float64)) * gain
    return np.fft.irfft(spectrum[: count // 2 + 1], count) * (count / len(wave))


def _record(wave: np.ndarray, level: float, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Scale to a peak, add the room's noise, and quantise to 16 bits."""
    wave = wave / np.abs(wave).max() + 10 ** (noise / 20) * rng.standard_normal(len(wave))
    return np.clip(np.round(wave * 32_767 * 10 ** (level / 20)), -32_768, 32_767).astype(np.int16)


def _seconds(spans: tuple[Span, ...], source: int) -> tuple[Span, ...]:
    return tuple(replace(span, start=span.start / source, end=span.end / source) for span in spans)
