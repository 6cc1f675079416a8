"""Mono mix and resampling.

torchaudio's windowed sinc, applied to several outputs at once: between two rates whose
ratio reduces to ``step : new_step`` its kernel gives ``new_step`` outputs and moves on by
``step``. Where that is one output, the convolution is slow, so the kernel is repeated at
the next steps: 3 to 6 times as fast from 48 to 8 kHz, and the same values.

Shapes: C channels, N samples.
"""

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.audio.backend import load_torchaudio
from speechlrp.errors import RecordingError

MAX_KERNEL = 16_000_000  # values of a resampling kernel: 64 MB
CANCELLED = 1e-3  # of the channels' power
FLAT = 1e-4  # what samples differ by without being a sound, full scale 1
_OUTPUTS = 16  # outputs of a convolution step, at least
_GROUP = 8  # waves resampled in one pass: what fits a core's cache


def mono(wave: Tensor, channel: int | None = None) -> Tensor:
    """Give ``[C, N]`` as ``[N]``: one channel, from 0, or the mean of all.

    Raises:
        RecordingError: there are several, and this is none of them.
    """
    if len(wave) == 1:
        return wave[0]
    if channel is None:
        return wave.mean(0)
    if channel >= len(wave):
        raise RecordingError(
            f"features.channel is {channel}; its channels are 0 to {len(wave) - 1}"
        )
    return wave[channel]


def one_channel(wave: Tensor, channel: int | None) -> Tensor:
    """As `mono`, but what holds no sound, or a mix that cancels it (`check_mix`), is refused.

    Raises:
        RecordingError: as above; all samples are the same, as of a microphone that is not there.
    """
    mixed = mono(wave, channel)
    if channel is None:
        check_mix(wave, mixed)
    if len(mixed) > 1:
        low, high = map(float, mixed.aminmax())
        if high - low <= FLAT < max(high, -low):  # below that it is silent, which is said later
            raise RecordingError(f"no sound: all its samples are about {mixed.mean():.2g}")
    return mixed


def check_mix(wave: Tensor, mixed: Tensor) -> None:
    """Refuse a mix ``[N]`` in which the channels ``[C, N]`` cancel each other.

    Raises:
        RecordingError: it is 30 dB below them; channels that don't know of each other lose 3.
    """
    if len(wave) == 1:
        return
    power, left = float(wave.square().mean()), float(mixed.square().mean())
    if left < CANCELLED * power:
        raise RecordingError(
            f"its {len(wave)} channels cancel when they are mixed down, as one is the other's "
            "opposite: take one of them with features.channel=0"
        )


class _Kernel(NamedTuple):
    weights: Tensor  # [outputs, 1, taps]
    before: int  # zeros needed in front
    step: int  # samples taken in a step
    new_step: int  # samples given for them


def resample(wave: Tensor, rate: int, new_rate: int, lowpass_width: int = 16) -> Tensor:
    """Resample ``[N]`` to ``[ceil(N * new_rate / rate)]`` by a windowed sinc.

    Args:
        wave: samples, float32.
        rate: their rate in Hz.
        new_rate: the rate wanted in Hz.
        lowpass_width: zero crossings of the sinc on each side; more is a sharper cut below
            the lower Nyquist frequency, and slower.

    Raises:
        RecordingError: the two rates have no small common ratio.
    """
    return resample_many([wave], rate, new_rate, lowpass_width)[0]


def resample_many(
    waves: Sequence[Tensor], rate: int, new_rate: int, lowpass_width: int = 16
) -> list[Tensor]:
    """Resample waves ``[N_i]`` of one rate, several in a pass, not padded to a common length.

    The waves are laid one behind the other with gaps of zeros wider than the kernel, so
    that each comes out as it would alone. Arguments and errors as in ``resample``.
    """
    if rate == new_rate:
        return list(waves)
    kernel = _kernel(rate, new_rate, lowpass_width)
    groups = [waves[start : start + _GROUP] for start in range(0, len(waves), _GROUP)]
    return [wave for group in groups for wave in _resample_line(group, kernel)]


def _resample_line(waves: Sequence[Tensor], kernel: _Kernel) -> list[Tensor]:
    """Lay waves in a line whose every wave starts at a whole step, and convolve it."""
    outputs, _, taps = kernel.weights.shape
    stride = outputs // kernel.new_step * kernel.step
    pieces, starts, steps = [waves[0].new_zeros(kernel.before)], [], 0
    for wave in waves:
        starts.append(steps * kernel.new_step)
        taken = -(-(len(wave) + taps) // kernel.step)
        pieces += [wave, wave.new_zeros(taken * kernel.step - len(wave))]
        steps += taken
    pieces.append(waves[0].new_zeros(taps + stride))
    line = functional.conv1d(torch.cat(pieces)[None, None], kernel.weights, stride=stride)
    line = line[0].T.reshape(-1)
    lengths = [-(-len(wave) * kernel.new_step // kernel.step) for wave in waves]
    return [line[start : start + length] for start, length in zip(starts, lengths, strict=True)]


@functools.lru_cache(maxsize=32)
def _kernel(rate: int, new_rate: int, lowpass_width: int) -> _Kernel:
    common = math.gcd(rate, new_rate)
    step, new_step = rate // common, new_rate // common
    repeats = -(-_OUTPUTS // new_step)
    width = lowpass_width * max(step / new_step, 1)
    if repeats * new_step * (repeats * step + 2 * width) > MAX_KERNEL:
        raise RecordingError(
            f"a rate of {rate} Hz cannot be brought to {new_rate} Hz: no small common ratio"
        )
    resampler = load_torchaudio().transforms.Resample
    sinc = resampler(rate, new_rate, lowpass_filter_width=lowpass_width)
    taps = sinc.kernel.shape[-1]
    weights = sinc.kernel.new_zeros(repeats * new_step, 1, taps + (repeats - 1) * step)
    for index in range(repeats):
        rows = slice(index * new_step, (index + 1) * new_step)
        weights[rows, :, index * step : index * step + taps] = sinc.kernel
    return _Kernel(weights, sinc.width, step, new_step)
