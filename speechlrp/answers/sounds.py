"""What can be asked about: a file, or samples and their rate."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from speechlrp.audio.opening import check_rate
from speechlrp.audio.reading import read
from speechlrp.audio.resampling import one_channel, resample
from speechlrp.errors import RecordingError, SpeechLRPError, about

FILES = (str, bytes, os.PathLike)
LOUDEST = 16.0
"""Times full scale: what is louder is taken for integers."""
Sound = str | bytes | os.PathLike | tuple[Any, int]
"""A file; or samples ``[N]``, ``[C, N]`` or ``[N, C]``, full scale at 1 or integers, and rate."""


def path_of(path: str | bytes | os.PathLike, what: str) -> Path:
    """A path as Python takes them; SpeechLRPError, which names `what` it is, where it is none."""
    try:
        text = os.fsdecode(path)
    except TypeError as error:
        raise SpeechLRPError(f"{what} is a path; found {type(path).__name__}") from error
    if "\0" in text:
        raise SpeechLRPError(f"{what} is a path, not what a file holds; found {path!r:.20}...")
    return Path(text)


def name_of(sound: Sound, number: int = 1) -> str:
    """What a recording is called."""
    if isinstance(sound, FILES):
        return path_of(sound, "a recording").name or repr(sound)
    return f"recording {number}"


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
        if isinstance(sound, FILES):
            wave, rate = read(path_of(sound, "a recording"))
        else:
            wave, rate = _samples(sound)
        mixed = one_channel(wave, settings.channel)
        return resample(mixed, rate, settings.rate, settings.lowpass_width)


def _samples(sound: tuple[Any, int]) -> tuple[Tensor, int]:
    try:
        values, rate = sound
        if isinstance(values, Tensor):  # of any device and kind, with a graph or without
            values = values.detach().cpu()
            values = values.float() if values.is_floating_point() else values
        held = np.asarray(values)
        known = held.dtype.kind in "iu" and held.itemsize < 8  # no recording has 64 bits
        full = 2.0 ** (8 * held.itemsize - 1) if known else 1.0
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
    check_rate(whole)
    if not bool(wave.isfinite().all()):
        raise RecordingError("it holds samples that are not finite")
    if (peak := float(wave.abs().max())) > LOUDEST:
        raise RecordingError(
            f"its samples reach {peak:g}, where full scale is 1; divide them by what is full scale "
            "there (32768 for 16 bits), or give int16 or int32"
        )
    return wave, whole
