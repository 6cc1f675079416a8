"""What can be asked about: a file, or samples and their rate."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from speechlrp.audio.reading import read
from speechlrp.audio.resampling import one_channel, resample
from speechlrp.errors import RecordingError, about

Sound = str | Path | tuple[Any, int]
"""A file; or samples ``[N]``, ``[C, N]`` or ``[N, C]``, full scale at 1 or integers, and rate."""


def name_of(sound: Sound, number: int = 1) -> str:
    """What a recording is called."""
    return Path(sound).name if isinstance(sound, str | Path) else f"recording {number}"


def wave_of(sound: Sound, name: str, settings: Any) -> Tensor:
    """A recording as the features see it: one channel ``[N]`` at their rate.

    Args:
        sound: the recording.
        name: for errors.
        settings: of the features: `rate`, `lowpass_width`, `channel`.

    Raises:
        SpeechLRPError: it cannot be read or used, and why.
    """
    with about(name):
        wave, rate = read(sound) if isinstance(sound, str | Path) else _samples(sound)
        mixed = one_channel(wave, settings.channel)
        return resample(mixed, rate, settings.rate, settings.lowpass_width)


def _samples(sound: tuple[Any, int]) -> tuple[Tensor, int]:
    try:
        values, rate = sound
        held = np.asarray(values)
        full = 2.0 ** (8 * held.itemsize - 1) if held.dtype.kind in "iu" else 1.0
        scaled = held.astype(np.float32, casting="same_kind") / full
        wave = torch.as_tensor(scaled - (held.dtype.kind == "u"))
        whole = int(rate)
    except (TypeError, ValueError) as error:
        kinds = [type(one).__name__ for one in sound] if isinstance(sound, tuple) else []
        shown = f"({', '.join(kinds)})" if kinds else type(sound).__name__
        raise RecordingError(f"a recording is a file, or (samples, rate); found {shown}") from error
    wave = wave[None] if wave.ndim == 1 else wave
    if wave.ndim == 2 and wave.shape[0] > wave.shape[1]:  # as soundfile reads them
        wave = wave.T
    if wave.ndim != 2 or not wave.numel() or whole != rate or whole < 1:
        raise RecordingError(
            "samples are [N], [C, N] or [N, C] at a whole rate; "
            f"found {list(held.shape)} at {rate!r}"
        )
    if not bool(wave.isfinite().all()):
        raise RecordingError("it holds samples that are not finite")
    return wave, whole
