"""From a wave to windows of one length: checks, segments, placement.

Shapes: N samples of the recording, L samples of a window.
"""

import abc
import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from speechlrp.errors import RecordingError, SpeechLRPError


@dataclass(frozen=True, kw_only=True)
class RecordingSettings:
    """What all features ask of a recording."""

    rate: int = 8000  # sampling rate in Hz that recordings are brought to
    lowpass_width: int = 16
    """Zero crossings of the resampling filter on each side. From 48 to 8 kHz, 16 stays within 0.4
    dB of the paper's code up to 3.6 kHz, 6 within 3.4 dB (95 % of bins above -60 dB); above, every
    filter fades out."""
    channel: int | None = None  # of recordings that have several, from 0; ``None``: the mean of all
    min_s: float = 0.1  # shorter recordings are rejected, in s
    min_peak: float = 1e-4
    """Recordings that never rise above this amplitude (full scale is 1) are silent and rejected."""

    def __post_init__(self) -> None:
        """Check the settings: SpeechLRPError where a value is out of its range."""
        for name in ("rate", "lowpass_width"):
            check_setting(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        if self.channel is not None:
            check_setting(self.channel >= 0, "channel", self.channel, "0 or more")
        check_setting(0 <= self.min_peak < 1, "min_peak", self.min_peak, "at least 0 and below 1")
        check_setting(self.min_s >= 0, "min_s", self.min_s, "0 s or more")


@dataclass(frozen=True, kw_only=True)
class WindowSettings(RecordingSettings, abc.ABC):
    """What kinds of features of one length share: how recordings become windows.

    A kind of features is a subclass that adds ``transform``, the axes, ``shape``, ``silence``
    and ``units``; where it has frames, ``window`` is their length in samples.
    """

    axes: ClassVar[tuple[str, ...]] = ("channel", "frequency", "time")
    """Of a window's features; without a frequency they are samples."""

    length: int = 8000  # samples of a window
    segment_s: float | None = None
    """Cut recordings into consecutive segments of at most this length, in s; ``None``: a recording
    longer than the window is rejected."""
    min_segment_s: float = 0.5  # a shorter last segment is dropped, in s
    silence_db: float | None = 30.0
    """Segments whose level lies more than this below the recording's loudest segment are dropped,
    in dB; ``None`` keeps all that are not silent."""
    max_segments: int | None = None
    """Keep this many segments of a recording, from its start; ``None``: all."""

    def __post_init__(self) -> None:
        """Check the settings: SpeechLRPError where a value is out of its range."""
        super().__post_init__()
        check_setting(self.length >= 1, "length", self.length, "1 or more")
        window_s = self.length / self.rate
        check_setting(self.min_s <= window_s, "min_s", self.min_s, f"0 to {window_s:g} s")
        if self.segment_s is None:
            return
        check_setting(
            0 < self.segment_s <= window_s, "segment_s", self.segment_s, f"up to {window_s:g} s"
        )
        short = self.min_segment_s
        limit = f"0 to segment_s = {self.segment_s:g} s"
        check_setting(0 <= short <= self.segment_s, "min_segment_s", short, limit)
        if self.max_segments is not None:
            check_setting(self.max_segments > 0, "max_segments", self.max_segments, "above 0")
        if self.silence_db is not None:
            check_setting(self.silence_db > 0, "silence_db", self.silence_db, "above 0 dB")

    @property
    def longest_s(self) -> float | None:
        """The longest recording that is not rejected, in s; ``None``: no limit."""
        return self.length / self.rate if self.segment_s is None else None

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Of a window's features behind the channel: bins and frames, ``(F, T)``."""

    @property
    def half_window(self) -> float:
        """Half the length of a frame, in s; 0 of samples."""
        return getattr(self, "window", 0) / self.rate / 2

    @property
    @abc.abstractmethod
    def silence(self) -> float:
        """The value of silence."""

    @property
    @abc.abstractmethod
    def units(self) -> str:
        """What a value is, for axes and files."""

    @abc.abstractmethod
    def frequencies(self) -> np.ndarray:
        """Centre of each bin in Hz, ``[F]``."""

    @abc.abstractmethod
    def times(self) -> np.ndarray:
        """Centre of each frame in s from the window's first sample, ``[T]``."""

    @abc.abstractmethod
    def transform(self, waves: Tensor) -> Tensor:
        """Turn windows ``[B, L]`` into features ``[B, 1, *shape]``, float32."""


def cut(wave: Tensor, settings: WindowSettings) -> tuple[list[tuple[int, Tensor]], Counter[str]]:
    """Check a recording and cut it into segments.

    Args:
        wave: samples ``[N]`` at ``settings.rate``.
        settings: what to accept and how to cut.

    Returns:
        Start sample and samples of each segment, each at most ``settings.length`` long,
        and how many segments were dropped, by reason (``short``, ``quiet``, ``surplus``).

    Raises:
        RecordingError: the recording is too short, too long or silent.
    """
    limits = (settings.min_s, settings.longest_s)
    check_recording(wave, settings.rate, *limits, settings.min_peak)
    if settings.segment_s is None:
        return [(0, wave)], Counter()
    return _segments(wave, settings.segment_s, settings)


LOUDEST = 2.0**31
"""Full scale of the widest whole numbers: samples beyond are none that a converter gave."""


def check_recording(
    wave: Tensor, rate: int, min_s: float, longest_s: float | None, min_peak: float
) -> None:
    """Check a recording ``[N]`` against limits in s and of its amplitude.

    Raises:
        RecordingError: it is too short, too long or silent.
    """
    seconds = len(wave) / rate
    if seconds < min_s:
        raise RecordingError(f"too short: {seconds:.4g} s, at least {min_s:g} s")
    if longest_s is not None and seconds > longest_s:
        raise RecordingError(f"too long: {seconds:.4g} s, at most {longest_s:g} s")
    peak = float(wave.abs().max()) if len(wave) else 0.0
    if not peak > min_peak:
        raise RecordingError(f"silent: peak {peak:.2g}, must be above {min_peak:g}")
    if peak > LOUDEST:
        raise RecordingError(f"no sound: its samples reach {peak:.2g}, and full scale is 1")


def _segments(
    wave: Tensor, segment_s: float, settings: WindowSettings
) -> tuple[list[tuple[int, Tensor]], Counter[str]]:
    """Cut, then drop what is short, what is quiet and what is too many, in this order."""
    size = max(1, min(round(segment_s * settings.rate), settings.length))
    pieces = [(start, wave[start : start + size]) for start in range(0, len(wave), size)]
    shortest = settings.min_segment_s * settings.rate
    long = [piece for piece in pieces if piece[0] == 0 or len(piece[1]) >= shortest]
    loudest = max(level_db(piece) for _, piece in long)
    floor = -np.inf if settings.silence_db is None else loudest - settings.silence_db
    loud = [
        piece
        for piece in long
        if level_db(piece[1]) >= floor and float(piece[1].abs().max()) > settings.min_peak
    ]
    if not loud:
        raise RecordingError("silent but for a last segment that is too short")
    kept = loud[: settings.max_segments]
    dropped = Counter(
        short=len(pieces) - len(long), quiet=len(long) - len(loud), surplus=len(loud) - len(kept)
    )
    return kept, +dropped


def place(
    segment: Tensor, size: int, *, seed: int, name: str, start: int = 0
) -> tuple[Tensor, int]:
    """Zero-pad a segment ``[N]`` to a window ``[size]`` at a random offset.

    The offset follows from the arguments alone, so it is the same in every run, whatever
    the order of the recordings or the number of workers.

    Args:
        segment: samples, at most ``size``.
        size: samples of the window.
        seed: the run's seed.
        name: the recording's id.
        start: the segment's first sample in the recording.

    Returns:
        The window ``[size]`` and the offset in samples.
    """
    digest = hashlib.blake2b(f"{seed}\0{start}\0{name}".encode(), digest_size=8).digest()
    offset = int.from_bytes(digest, "little") % (size - len(segment) + 1)
    window = segment.new_zeros(size)
    window[offset : offset + len(segment)] = segment
    return window, offset


def level_db(wave: Tensor) -> float:
    """Mean power of samples in dB re full scale; silence is ``-inf``."""
    power = float(wave.to(torch.float64).square().mean())
    return 10 * np.log10(power) if power > 0 else -np.inf


def check_setting(holds: bool, name: str, value: float, allowed: str) -> None:
    """Say which values a setting of features may have, where it has another."""
    if not holds:
        raise SpeechLRPError(f"features.{name} is {value}; it must be {allowed}")
