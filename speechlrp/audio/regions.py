"""A recording with parts of its spectrum made quiet: what is relevant, alone; and as a file.

Shapes: C channels, N samples, F frequencies and T times of a map.
"""

import io

import numpy as np
import soundfile
import torch
from torch import Tensor

from speechlrp.errors import SpeechLRPError

WINDOW_S = 0.032
"""Of a frame of the spectrum: short against a phoneme, and 31 Hz a bin."""


def with_gains(
    wave: Tensor, rate: int, gains: np.ndarray, frequencies: np.ndarray, times: np.ndarray
) -> Tensor:
    """Multiply a recording's spectrum by gains, and keep its phases.

    Args:
        wave: ``[N]``.
        rate: samples a second.
        gains: ``[F, T]``; between its points they are interpolated, beyond its ends they stay, and
            above its highest frequency, which no network has seen, they are 0. One row,
            of samples, is for all frequencies, and each frame takes its mean.
        frequencies: of the gains in Hz, rising, ``[F]``.
        times: of the gains in s, rising, ``[T]``.

    Returns:
        ``[N]``.
    """
    size = max(64, round(WINDOW_S * rate))
    hop, window = size // 4, torch.hann_window(size)
    spectrum = torch.stft(wave, size, hop, window=window, pad_mode="constant", return_complex=True)
    hertz = np.fft.rfftfreq(size, 1 / rate)
    seconds = np.arange(spectrum.shape[1]) * hop / rate
    if len(gains) == 1:
        gains = np.convolve(gains[0], np.full(size, 1 / size), "same")[None]
    over_time = np.stack([np.interp(seconds, times, row) for row in gains])
    if len(gains) == 1:
        frequencies, over_time = hertz[[0, -1]], np.repeat(over_time, 2, axis=0)
    mask = np.stack([np.interp(hertz, frequencies, row, right=0) for row in over_time.T], axis=1)
    kept = spectrum * torch.from_numpy(mask).to(wave.dtype)
    return torch.istft(kept, size, hop, window=window, length=len(wave))


def encode_wav(wave: Tensor, rate: int) -> bytes:
    """Give a wave as the bytes of a 16-bit WAV file.

    Args:
        wave: ``[N]`` or ``[C, N]``, full scale at 1.
        rate: in Hz.

    Raises:
        SpeechLRPError: there are no samples, or some are not finite or beyond full scale.
    """
    if wave.dim() not in (1, 2) or not wave.numel():
        raise SpeechLRPError(f"a wave must be [N] or [C, N]; found {list(wave.shape)}")
    loudest = float(wave.abs().max())
    if not loudest <= 1:
        raise SpeechLRPError(f"a wave must lie between -1 and 1; its largest sample is {loudest:g}")
    buffer = io.BytesIO()
    samples = torch.atleast_2d(wave.detach()).to("cpu", torch.float32).mT.numpy()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()
