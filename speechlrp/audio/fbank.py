"""Log mel filterbanks as Kaldi computes them, for speakers.

Thesis 4.2: 64 bands, frames of 25 ms every 10 ms, every band's mean made 0, 200 frames.

Shapes: B windows, L samples, F bands, T frames.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.audio.backend import load_torchaudio
from speechlrp.audio.mel import band_edges
from speechlrp.audio.windows import WindowSettings
from speechlrp.errors import SpeechLRPError, unknown

FULL_SCALE = 32768.0  # Kaldi's samples are 16-bit integers
_CHUNK = 8  # windows transformed at once: what fits a core's cache
WINDOW_TYPES = ("povey", "hamming", "hanning", "rectangular")
"""How a frame is weighted, as Kaldi names it."""


@dataclass(frozen=True, kw_only=True)
class FbankSettings(WindowSettings):
    """Kaldi's log mel filterbanks; the defaults are the thesis's, in windows of 200 frames."""

    rate: int = 16000
    length: int = 32240
    segment_s: float | None = 2.015
    min_segment_s: float = 2.015
    window: int = 400  # samples of a frame
    window_type: str = "povey"
    """How they are weighted, of ``WINDOW_TYPES``: Povey's is Kaldi's own, a Hamming window
    wespeaker's and voxceleb_trainer's."""
    hop: int = 160  # samples from one frame to the next
    bands: int = 64  # mel bands
    low_hz: float = 20.0  # lower limit of the lowest band
    high_hz: float | None = None  # upper limit of the highest; ``None``: half the rate
    normalise: bool = True  # make the mean of every band over the segment 0
    floor: float | None = None
    """Lower values are raised to this first, ln of energy (of 16-bit samples); ``None``: Kaldi's
    own, -15.9, far below any recording's noise. A dither of one step, as Kaldi's default, is about
    5: it hides where a corpus was gated to digital silence. With a floor a band may hold no
    frequency, as some of the Audio Spectrogram Transformer's: it is the floor."""

    def __post_init__(self) -> None:
        """Check the settings: SpeechLRPError out of range, or for a band without a frequency."""
        super().__post_init__()
        if self.window_type not in WINDOW_TYPES:
            raise unknown("features.window_type", self.window_type, WINDOW_TYPES)
        if not 0 < self.hop <= self.window <= self.length or self.window < 2:
            raise SpeechLRPError(
                f"features.hop {self.hop}, window {self.window} and length {self.length} must "
                "rise in this order, hop from 1 and window from 2"
            )
        if not 0 <= self.low_hz < self.top_hz <= self.rate / 2:
            raise SpeechLRPError(
                f"features.low_hz {self.low_hz:g} and high_hz {self.top_hz:g} must rise within "
                f"0 to {self.rate / 2:g} Hz"
            )
        if self.bands < 4:  # Kaldi's own limit is above 3
            raise SpeechLRPError(f"features.bands is {self.bands}; it must be at least 4")
        empty = self._empty_band()
        if empty is not None and self.floor is None:
            raise SpeechLRPError(
                f"features.bands is {self.bands}; band {empty} would hold no frequency of a "
                f"window of {self.window}: take fewer bands or a longer window"
            )

    def _empty_band(self) -> int | None:
        """The first band without a bin of the Fourier transform, if there is one."""
        edges = self._edges()
        size = 1 << (self.window - 1).bit_length()
        bins = np.arange(size // 2) * (self.rate / size)
        inside = (bins > edges[:-2, None]) & (bins < edges[2:, None])
        empty = np.flatnonzero(~inside.any(1))
        return int(empty[0]) if len(empty) else None

    def _edges(self) -> np.ndarray:
        """Corners of the triangles in Hz; Kaldi's mels, 1127 ln(1 + f / 700 Hz), are HTK's."""
        return band_edges(self.bands, self.low_hz, self.top_hz, "htk")

    @property
    def top_hz(self) -> float:
        """The upper limit of the highest band in Hz."""
        return self.rate / 2 if self.high_hz is None else self.high_hz

    @property
    def shape(self) -> tuple[int, int]:
        """Bands and whole frames in a window."""
        return self.bands, 1 + (self.length - self.window) // self.hop

    @property
    def silence(self) -> float:
        """What frames without a recording are: 0 (the bands' mean), or the floor."""
        lowest = float(np.log(np.finfo(np.float32).eps))
        return 0.0 if self.normalise else max(lowest, lowest if self.floor is None else self.floor)

    @property
    def units(self) -> str:
        """What a value is."""
        return "ln energy re band mean" if self.normalise else "ln energy"

    def frequencies(self) -> np.ndarray:
        """Centre of each band in Hz, ``[F]``, evenly spaced on Kaldi's mel scale."""
        return self._edges()[1:-1]

    def times(self) -> np.ndarray:
        """Centre of each frame in s from the window's first sample, ``[T]``."""
        return (np.arange(self.shape[1]) * self.hop + self.window / 2) / self.rate

    def transform(self, waves: Tensor) -> Tensor:
        """Turn windows ``[B, L]`` into filterbanks ``[B, 1, F, T]``; see ``fbank``."""
        return fbank(waves, self)


def fbank(waves: Tensor, settings: FbankSettings | None = None) -> Tensor:
    """Compute Kaldi's log mel filterbanks in a batch, without dither.

    Each frame loses its mean, is pre-emphasised (0.97), weighted and transformed; a band is
    the logarithm of the powers under its triangle. The mean that is subtracted is that of
    the segment, as speaker networks are trained in the field; the thesis says "in every
    dimension", not over what. It is taken over the frames whose centre lies between a
    window's first and last sample that is not 0: the others are padding, become 0, and so
    say as little as the mean.

    Args:
        waves: ``[B, L]`` with ``L = settings.length``, full scale 1.
        settings: the thesis's by default.

    Returns:
        ``[B, 1, F, T]``, float32, in ``settings.units``.

    Raises:
        ValueError: the windows have another shape.
    """
    settings = settings or FbankSettings()
    if waves.ndim != 2 or waves.shape[1] != settings.length:
        raise ValueError(f"waves must be [B, {settings.length}], not {list(waves.shape)}")
    parts = [_banks(part, settings) for part in waves.split(_CHUNK)] if len(waves) else []
    if not parts:
        return waves.new_zeros((0, 1, *settings.shape), dtype=torch.float32)
    banks = torch.cat(parts)  # [B, T, F]
    if settings.normalise:
        banks = _centred(banks, waves, settings)
    return banks.float().transpose(1, 2).unsqueeze(1).contiguous()


def _banks(waves: Tensor, settings: FbankSettings) -> Tensor:
    """Kaldi's filterbanks ``[B, T, F]`` in float64.

    The windows are laid end to end, each a whole number of hops long, so that one call
    computes them all; frames that span two windows are left out.
    """
    hop, (bands, frames) = settings.hop, settings.shape
    each = -(-settings.length // hop)
    padded = functional.pad(waves.double() * FULL_SCALE, (0, each * hop - settings.length))
    line = functional.pad(padded.reshape(1, -1), (0, settings.window))
    banks = load_torchaudio().compliance.kaldi.fbank(
        line,
        dither=0.0,
        sample_frequency=float(settings.rate),
        # half a sample more, as the whole number below is taken
        frame_length=1000 * (settings.window + 0.5) / settings.rate,
        frame_shift=1000 * (hop + 0.5) / settings.rate,
        window_type=settings.window_type,
        num_mel_bins=bands,
        low_freq=settings.low_hz,
        high_freq=settings.top_hz,
    )
    banks = banks[: len(waves) * each].view(len(waves), each, bands)[:, :frames]
    return banks if settings.floor is None else banks.clamp(min=settings.floor)


def _centred(banks: Tensor, waves: Tensor, settings: FbankSettings) -> Tensor:
    """Subtract each band's mean over the frames of ``banks [B, T, F]`` that are no padding."""
    live = _live_frames(waves, settings).unsqueeze(2)
    total = banks.masked_fill(~live, 0.0).sum(1, keepdim=True)
    mean = total / live.sum(1, keepdim=True).clamp(min=1)
    return (banks - mean).masked_fill_(~live, 0.0)


def _live_frames(waves: Tensor, settings: FbankSettings) -> Tensor:
    """Whether a frame's centre lies from the first to the last sound of ``waves``, ``[B, T]``."""
    sounds = (waves != 0).byte()
    first = sounds.argmax(1, keepdim=True)
    last = waves.shape[1] - 1 - sounds.flip(1).argmax(1, keepdim=True)
    centres = torch.arange(settings.shape[1], device=waves.device) * settings.hop
    centres = centres + settings.window // 2
    return (centres >= first) & (centres <= last) & sounds.amax(1, keepdim=True).bool()
