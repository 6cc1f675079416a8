"""A wave as the bytes of a file."""

from __future__ import annotations

import io

import soundfile
import torch
from torch import Tensor

from speechlrp.errors import SpeechLRPError


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
