"""Mono mix and resampling.

Shapes: C channels, N samples.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from speechlrp.audio.backend import load_torchaudio
from speechlrp.audio.errors import RecordingError

MAX_KERNEL = 16_000_000  # values of a resampling kernel: 64 MB


def mono(wave: Tensor) -> Tensor:
    """Mix ``[C, N]`` down to ``[N]``: the mean of the channels."""
    return wave[0] if len(wave) == 1 else wave.mean(0)


def resample(wave: Tensor, rate: int, new_rate: int, lowpass_width: int = 6) -> Tensor:
    """Resample ``[..., N]`` to ``[..., ceil(N * new_rate / rate)]`` by a windowed sinc.

    Args:
        wave: samples, float32.
        rate: their rate in Hz.
        new_rate: the rate wanted in Hz.
        lowpass_width: zero crossings of the sinc on each side; more is a sharper cut at
            the new Nyquist frequency, and slower.

    Raises:
        RecordingError: the two rates have no small common ratio.
    """
    if rate == new_rate:
        return wave
    return _resampler(rate, new_rate, lowpass_width)(wave.contiguous())


def resample_many(
    waves: Sequence[Tensor], rate: int, new_rate: int, lowpass_width: int = 6
) -> list[Tensor]:
    """Resample waves ``[N_i]`` of one rate in a single pass, without padding to a common length.

    The waves are laid one behind the other with gaps of zeros wider than the kernel, so
    that each comes out as it would alone. Arguments and errors as in ``resample``.
    """
    if rate == new_rate or len(waves) < 2:
        return [resample(wave, rate, new_rate, lowpass_width) for wave in waves]
    transform = _resampler(rate, new_rate, lowpass_width)
    step, new_step = rate // transform.gcd, new_rate // transform.gcd
    gap = -(-(transform.width + step) // step)
    starts, pieces, block = [], [], 0
    for wave in waves:
        blocks = -(-len(wave) // step) + gap
        starts.append(block)
        pieces += [wave, wave.new_zeros(blocks * step - len(wave))]
        block += blocks
    line = transform(torch.cat(pieces))
    lengths = [-(-len(wave) * new_rate // rate) for wave in waves]
    return [
        line[start * new_step :][:length] for start, length in zip(starts, lengths, strict=True)
    ]


@functools.lru_cache(maxsize=32)
def _resampler(rate: int, new_rate: int, lowpass_width: int) -> nn.Module:
    common = math.gcd(rate, new_rate)
    step, new_step = rate // common, new_rate // common
    width = lowpass_width * max(step / new_step, 1)
    if new_step * (step + 2 * width) > MAX_KERNEL:
        raise RecordingError(
            f"a rate of {rate} Hz cannot be brought to {new_rate} Hz: no small common ratio"
        )
    transforms = load_torchaudio().transforms
    return transforms.Resample(rate, new_rate, lowpass_filter_width=lowpass_width)
