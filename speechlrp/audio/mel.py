"""Mel bands: where they lie, and the matrix from a spectrum to them.

Shapes: K bins of the spectrum, F bands.
"""

import functools

import numpy as np
from torch import Tensor

from speechlrp.audio.backend import load_torchaudio

SCALES = ("slaney", "htk")
_LINEAR_MEL, _LINEAR_HZ = 200 / 3, 1000.0  # Slaney: Hz to a mel below 1 kHz
_LOG_STEP = np.log(6.4) / 27  # and above, 27 mels for a factor of 6.4


def to_mel(hertz: float, scale: str) -> float:
    """Turn a frequency in Hz into mel.

    Args:
        hertz: the frequency.
        scale: ``"slaney"``, linear below 1 kHz and logarithmic above (Slaney 1998), or
            ``"htk"``, ``2595 log10(1 + f / 700)`` (O'Shaughnessy 1987).
    """
    if scale == "htk":
        return 2595 * np.log10(1 + hertz / 700)
    if hertz < _LINEAR_HZ:
        return hertz / _LINEAR_MEL
    return _LINEAR_HZ / _LINEAR_MEL + np.log(hertz / _LINEAR_HZ) / _LOG_STEP


def to_hertz(mels: np.ndarray, scale: str) -> np.ndarray:
    """Turn mels into Hz; the inverse of ``to_mel``."""
    if scale == "htk":
        return 700 * (10 ** (mels / 2595) - 1)
    above = np.maximum(mels - _LINEAR_HZ / _LINEAR_MEL, 0)
    return np.where(above > 0, _LINEAR_HZ * np.exp(above * _LOG_STEP), mels * _LINEAR_MEL)


def band_edges(bands: int, low_hz: float, high_hz: float, scale: str) -> np.ndarray:
    """Give the corners of the triangles in Hz, ``[F + 2]``: band b rises from corner b.

    It peaks at corner b + 1 and ends at corner b + 2.
    """
    return to_hertz(np.linspace(to_mel(low_hz, scale), to_mel(high_hz, scale), bands + 2), scale)


@functools.lru_cache(maxsize=8)
def filterbank(
    bins: int, bands: int, rate: int, low_hz: float, high_hz: float, scale: str, area: bool
) -> Tensor:
    """Give torchaudio's matrix ``[F, K]``, float64, from powers of the spectrum to bands.

    Args:
        bins: K, of a spectrum from 0 Hz to half the rate.
        bands: F.
        rate: sampling rate in Hz.
        low_hz: where the lowest band begins.
        high_hz: where the highest band ends.
        scale: one of ``SCALES``.
        area: triangles of one area, as Slaney has them; otherwise of height 1.
    """
    matrix = load_torchaudio().functional.melscale_fbanks(
        bins, low_hz, high_hz, bands, rate, "slaney" if area else None, scale
    )
    return matrix.T.double().contiguous()
