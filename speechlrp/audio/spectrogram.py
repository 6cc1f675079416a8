"""The dB spectrogram of the AudioMNIST gender model.

Becker et al. 2024 (AudioMNIST) and the thesis' section 4.3: a short-time Fourier
transform in scipy's convention, in dB re the maximum of what is kept, with a floor.

Shapes: B windows, L samples, F bins, T frames, M frames that are not all zeros.
"""

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.audio.windows import WindowSettings
from speechlrp.errors import SpeechLRPError

CROP_START = {"code": 2, "text": 0}
REFERENCES = ("max", "silence")
_CHUNK = 8  # windows transformed at once: what fits a core's cache


@dataclass(frozen=True, kw_only=True)
class SpectrogramSettings(WindowSettings):
    """Spectrograms in dB; the defaults are AudioMNIST's paper's (228 x 230 -> 227 x 227)."""

    window: int = 455  # samples of an STFT frame, weighted by a periodic Hann window
    overlap: int = 420  # samples shared by neighbouring frames
    bins: int = 227  # lowest frequency bins kept
    frames: int = 227  # frames kept
    crop: Literal["code", "text"] = "code"
    """Where they start: ``code``, the third frame, as in the paper's code; ``text``, the first, as
    in the thesis' text."""
    reference: Literal["max", "silence"] = "max"
    """``max``: 0 dB is the loudest bin and ``floor_db`` silence; ``silence``: shifted, so that 0 is
    silence and ``-floor_db`` the loudest."""
    floor_db: float = -80.0  # lower values are raised to this, in dB

    def __post_init__(self) -> None:
        """Check the settings: SpeechLRPError where a value is out of its range."""
        super().__post_init__()
        if self.crop not in CROP_START:
            raise SpeechLRPError(f"features.crop is {self.crop!r}; known: {', '.join(CROP_START)}")
        if self.reference not in REFERENCES:
            known = ", ".join(REFERENCES)
            raise SpeechLRPError(f"features.reference is {self.reference!r}; known: {known}")
        if self.floor_db >= 0:
            raise SpeechLRPError(f"features.floor_db is {self.floor_db}; it must be below 0 dB")
        if not 0 <= self.overlap < self.window <= self.length:
            raise SpeechLRPError(
                f"features.overlap {self.overlap}, window {self.window} and length {self.length} "
                "must rise in this order, overlap from 0"
            )
        bins, frames = self.full_shape
        if not (0 < self.bins <= bins and 0 < self.frames <= frames - CROP_START[self.crop]):
            raise SpeechLRPError(
                f"features.bins {self.bins} and frames {self.frames} do not fit the {bins} bins "
                f"and {frames} frames there are, less {CROP_START[self.crop]} for crop "
                f"{self.crop!r}"
            )

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return self.window - self.overlap

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros before and after a window: half a frame each, then up to whole frames."""
        half = self.window // 2
        rest = self.length + 2 * half - self.window
        return half, half + -rest % self.hop

    @property
    def full_shape(self) -> tuple[int, int]:
        """Bins and frames before cropping."""
        padded = self.length + sum(self.padding)
        return self.window // 2 + 1, (padded - self.window) // self.hop + 1

    @property
    def shape(self) -> tuple[int, int]:
        """Bins and frames kept."""
        return self.bins, self.frames

    @property
    def silence(self) -> float:
        """The value of silence in dB."""
        return self.floor_db if self.reference == "max" else 0.0

    @property
    def units(self) -> str:
        """What a value is."""
        if self.reference == "max":
            return "dB re maximum"
        return f"dB above {self.floor_db:g} dB re maximum"

    def frequencies(self) -> np.ndarray:
        """Centre of each kept bin in Hz, ``[F]``."""
        return np.arange(self.bins) * (self.rate / self.window)

    def times(self) -> np.ndarray:
        """Centre of each kept frame in s from the window's first sample, ``[T]``."""
        return (np.arange(self.frames) + CROP_START[self.crop]) * (self.hop / self.rate)

    def transform(self, waves: Tensor) -> Tensor:
        """Turn windows ``[B, L]`` into spectrograms ``[B, 1, F, T]``; see ``spectrogram_db``."""
        return spectrogram_db(waves, self)


def spectrogram_db(waves: Tensor, settings: SpectrogramSettings | None = None) -> Tensor:
    """Compute dB spectrograms in a batch.

    ``max(floor, 20 log10(|STFT| / max |STFT|))``, the maximum taken over the bins kept.
    Only frames from the first sample that is not 0 to the last are transformed, the
    padding is silence without. The
    transform runs in float64: beside a loud bin, float32 misses values near the floor by
    up to 4e-3 dB. A window of zeros alone gives silence everywhere.

    Args:
        waves: ``[B, L]`` with ``L = settings.length``.
        settings: the paper's by default.

    Returns:
        ``[B, 1, F, T]``, float32, in ``settings.units``.

    Raises:
        ValueError: the windows have another shape.
    """
    settings = settings or SpectrogramSettings()
    if waves.ndim != 2 or waves.shape[1] != settings.length:
        raise ValueError(f"waves must be [B, {settings.length}], not {list(waves.shape)}")
    size = _CHUNK if waves.device.type == "cpu" else max(len(waves), 1)
    out = waves.new_full((len(waves), 1, *settings.shape), settings.silence, dtype=torch.float32)
    for start in range(0, len(waves), size):
        _fill(out[start : start + size, 0], waves[start : start + size], settings)
    return out


def _fill(out: Tensor, waves: Tensor, settings: SpectrogramSettings) -> None:
    """Write the spectrograms of ``waves [B, L]`` into ``out [B, F, T]``, full of silence."""
    live = _live_frames(waves, settings)
    counts = [stop - start for start, stop in live]
    if not any(counts):
        return
    first = CROP_START[settings.crop]
    frames = functional.pad(waves, settings.padding).unfold(1, settings.window, settings.hop)
    frames = frames[:, first : first + settings.frames]  # [B, T, window]
    parts = [row[start:stop] for row, (start, stop) in zip(frames, live, strict=True)]
    weights = _hann(settings.window).to(waves.device)
    spectrum = torch.fft.rfft(torch.cat(parts) * weights)[:, : settings.bins]  # [M, F]
    square = torch.view_as_real(spectrum).square()
    powers = (square[..., 0] + square[..., 1]).split(counts)
    for row, (start, stop), power in zip(out, live, powers, strict=True):
        if stop > start:
            row[:, start:stop] = _decibel(power, settings).T


def _decibel(power: Tensor, settings: SpectrogramSettings) -> Tensor:
    """Turn the powers of one window ``[frames, F]``, float64, into its values, float32."""
    loudest = power.max().clamp_(min=torch.finfo(power.dtype).tiny)
    db = (power / loudest).float().log10_().mul_(10).clamp_(min=settings.floor_db)
    return db if settings.reference == "max" else db.sub_(settings.floor_db)


def _live_frames(waves: Tensor, settings: SpectrogramSettings) -> list[tuple[int, int]]:
    """Give, for each of ``waves [B, L]``, the kept frames from its first to its last sound.

    Frame k spans the samples ``k * hop - before`` up to ``window`` further.
    """
    sounds = (waves != 0).byte()
    length, before = settings.length, settings.padding[0]
    bounds = torch.stack([sounds.amax(1), sounds.argmax(1), sounds.flip(1).argmax(1)], 1)
    live = []
    for sound, from_start, from_end in bounds.tolist():
        start = (before + from_start - settings.window) // settings.hop + 1
        stop = (before + length - 1 - from_end) // settings.hop + 1
        crop = CROP_START[settings.crop]
        start, stop = (min(max(k - crop, 0), settings.frames) for k in (start, stop))
        live.append((start, stop) if sound else (0, 0))
    return live


@functools.lru_cache(maxsize=8)
def _hann(size: int) -> Tensor:
    """Periodic Hann window over its sum, float64, so that a sine's bin is half its amplitude."""
    weights = torch.hann_window(size, periodic=True, dtype=torch.float64)
    return weights / weights.sum()
