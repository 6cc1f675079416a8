"""The log-mel spectrogram of the speech recogniser.

Krug and Stober 2018, section 3.1, after Kunze et al. 2017: z-normalised spectrograms in
128 mel bands, of whole utterances.

Shapes: N samples, T frames, F bands, K bins of the spectrum.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from speechlrp.audio.backend import load_torchaudio
from speechlrp.audio.mel import SCALES, band_edges, filterbank
from speechlrp.audio.windows import RecordingSettings, check_recording, check_setting
from speechlrp.errors import RecordingError, unknown

ORDERS = ("after_mel", "before_mel")


class LogMel(NamedTuple):
    """Features of an utterance; ``values * deviation + mean`` are its levels in dB."""

    values: Tensor  # ``[T, F]``, float32, with mean 0 and deviation 1
    mean: float  # of the levels, in dB
    deviation: float  # of the levels, in dB


@dataclass(frozen=True, kw_only=True)
class LogMelSettings(RecordingSettings):
    """Log-mel spectrograms of whole utterances; the defaults are Krug and Stober's.

    Nothing is padded: frame t covers the samples from ``t * hop`` up to ``t * hop + window``,
    and samples after the last whole frame are left out.
    """

    rate: int = 16000
    window: int = 512  # samples of a frame, weighted by a periodic Hann window
    hop: int = 128  # samples from one frame to the next
    bands: int = 128  # mel bands
    low_hz: float = 0.0  # where the lowest band begins
    high_hz: float | None = None  # where the highest band ends; ``None``: half the rate
    scale: Literal["slaney", "htk"] = "slaney"
    """``slaney`` or ``htk`` (see ``mel.to_mel``). With 128 HTK bands and a window of 512, the
    lowest band lies between 0 Hz and the next bin and is empty."""
    area: bool = True  # triangles of one area (Slaney's); otherwise of height 1
    log: Literal["after_mel", "before_mel"] = "after_mel"
    """``after_mel``: the level of each band's power, in dB re the utterance's loudest value; the
    same whatever the recording's gain. ``before_mel``: as in the original code, the bands sum the
    bins' levels, in dB re a power of 1 (full scale is 1)."""
    floor_db: float = -100.0
    """Lower levels, of bands or of bins, are raised to this. The original code has -150. 16-bit
    rounding lies 100 to 110 dB below loud speech."""
    longest_s: float | None = None  # longer ones too; ``None``: no limit

    def __post_init__(self) -> None:
        """Check the settings: SpeechLRPError where a value is out of its range."""
        for name, known in (("scale", SCALES), ("log", ORDERS)):
            if getattr(self, name) not in known:
                raise unknown(f"features.{name}", getattr(self, name), known)
        super().__post_init__()
        for name in ("window", "hop", "bands"):
            check_setting(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        check_setting(self.window > 1, "window", self.window, "2 or more")
        check_setting(self.floor_db < 0, "floor_db", self.floor_db, "below 0 dB")
        top = self.rate / 2
        check_setting(
            0 < self.top_hz <= top, "high_hz", self.top_hz, f"above 0 and at most {top:g} Hz"
        )
        limit = f"at least 0 and below high_hz = {self.top_hz:g}"
        check_setting(0 <= self.low_hz < self.top_hz, "low_hz", self.low_hz, limit)
        if self.longest_s is not None:
            least = f"above min_s = {self.min_s:g} s"
            check_setting(self.longest_s > self.min_s, "longest_s", self.longest_s, least)

    @property
    def top_hz(self) -> float:
        """Where the highest band ends, in Hz."""
        return self.rate / 2 if self.high_hz is None else self.high_hz

    @property
    def units(self) -> str:
        """What a value is, for axes and files."""
        return "level in dB, z-normalised per utterance"

    @property
    def matrix(self) -> Tensor:
        """From the powers of the bins to the bands, ``[F, K]``, float64."""
        bins = self.window // 2 + 1
        edges = (float(self.low_hz), float(self.top_hz))
        return filterbank(bins, self.bands, self.rate, *edges, self.scale, self.area)

    def frequencies(self) -> np.ndarray:
        """Where each band peaks in Hz, ``[F]``."""
        return band_edges(self.bands, self.low_hz, self.top_hz, self.scale)[1:-1]

    def frames(self, samples: int) -> int:
        """How many frames a recording of so many samples at ``rate`` has."""
        return max(0, (samples - self.window) // self.hop + 1)

    def times(self, frames: int) -> np.ndarray:
        """Centre of each frame in s from the recording's first sample, ``[T]``."""
        return (np.arange(frames) * self.hop + self.window / 2) / self.rate

    def transform(self, wave: Tensor) -> LogMel:
        """Turn a recording ``[N]`` at ``rate`` into its features; see ``log_mel``."""
        return log_mel(wave, self)


def log_mel(wave: Tensor, settings: LogMelSettings | None = None) -> LogMel:
    """Compute the z-normalised log-mel spectrogram of one utterance.

    One mean and one deviation over all frames and bands. Computed in float64: beside a
    loud bin, float32 misses quiet ones.

    Args:
        wave: ``[N]``, full scale at 1, at ``settings.rate``.
        settings: the paper's by default.

    Raises:
        RecordingError: the recording is too short, too long or silent.
    """
    settings = settings or LogMelSettings()
    least = max(settings.min_s, settings.window / settings.rate)
    check_recording(wave, settings.rate, least, settings.longest_s, settings.min_peak)
    levels = _levels(_powers(wave, settings), settings)
    deviation, mean = torch.std_mean(levels, correction=0)
    if not deviation > 0:
        raise RecordingError("without form: all its levels are equal")
    return LogMel(((levels - mean) / deviation).T.float(), float(mean), float(deviation))


def _powers(wave: Tensor, settings: LogMelSettings) -> Tensor:
    """``|STFT|^2`` of a wave, ``[K, T]``, float64."""
    size = settings.window
    weights = torch.hann_window(size, dtype=torch.float64, device=wave.device)
    spectrogram = load_torchaudio().functional.spectrogram
    spectrum = spectrogram(
        wave.double(), 0, weights, size, settings.hop, size, None, False, center=False
    )
    square = torch.view_as_real(spectrum).square_()  # its own power takes a root and squares it
    return square[..., 0] + square[..., 1]


def _levels(power: Tensor, settings: LogMelSettings) -> Tensor:
    """Levels of the bands in dB, ``[F, T]``, of powers ``[K, T]``."""
    least = 10 ** (settings.floor_db / 10)
    matrix = settings.matrix.to(power.device)
    mel = matrix @ power
    if not mel.any():
        raise RecordingError("silent in every band of every whole frame")
    if settings.log == "before_mel":
        return matrix @ power.clamp_(min=least).log10_().mul_(10)
    return mel.div_(mel.max()).clamp_(min=least).log10_().mul_(10)
