"""Reading a recording from disk.

Shapes: C channels, N samples.
"""

from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from speechlrp.audio import ffmpeg
from speechlrp.audio.opening import libsndfile_reason, opened
from speechlrp.errors import RecordingError

BLOCK = 1 << 20  # samples read at once
PLAUSIBLE_S = 1e5  # a header that promises more is not quoted
_UNKNOWN = (1 << 63) - 1  # samples: what libsndfile says where a header gives no length


def read(path: str | Path, *, longest_s: float | None = None) -> tuple[Tensor, int]:
    """Read a recording: what libsndfile reads, and ``.m4a`` where ffmpeg is on ``PATH``.

    A length in a header is a claim: the file is read block by block up to its end.

    Args:
        path: the file.
        longest_s: refuse a longer recording, and read no further than that.

    Returns:
        The samples ``[C, N]``, float32, full scale at 1, and the rate in Hz.

    Raises:
        RecordingError: the file is missing, empty, truncated, not audio, too long, or
            holds samples that are not finite.
    """
    path = Path(path)
    if kind := ffmpeg.kind_of(path):
        with ffmpeg.decoded(path, kind, longest_s) as wav:
            return _read(wav, longest_s)
    return _read(path, longest_s)


def read_piece(path: str | Path, start_s: float, seconds: float) -> tuple[Tensor, int]:
    """Read a piece of a recording; only that is decoded, where the format allows it.

    Args:
        path: the file.
        start_s: where the piece begins, in s.
        seconds: how long it is; it ends with the recording.

    Returns:
        The samples ``[C, N]``, float32, and the rate in Hz.

    Raises:
        RecordingError: as in ``read``.
    """
    path = Path(path)
    if not ffmpeg.kind_of(path):
        with opened(path, soundfile.SoundFile) as file:
            if file.frames < _UNKNOWN:
                file.seek(min(round(start_s * file.samplerate), file.frames))
                piece = file.read(round(seconds * file.samplerate), "float32", always_2d=True)
                return torch.from_numpy(piece).T, file.samplerate
    wave, rate = read(path)
    start = round(start_s * rate)
    return wave[:, start : start + round(seconds * rate)], rate


def _read(path: Path, longest_s: float | None) -> tuple[Tensor, int]:
    with opened(path) as file:
        rate, promised = file.samplerate, file.frames
        most = promised if longest_s is None else min(promised, int(longest_s * rate) + 1)
        samples = _blocks(file, most)
    if not len(samples):
        raise RecordingError("no samples")
    if longest_s is not None and len(samples) > longest_s * rate:
        seconds = promised / rate
        length = f"{seconds:.4g}" if seconds < PLAUSIBLE_S else f"over {longest_s:g}"
        raise RecordingError(f"too long: {length} s, at most {longest_s:g} s")
    if len(samples) < most and promised < _UNKNOWN:
        raise RecordingError(f"truncated: {len(samples)} of {promised} samples")
    if samples.dtype == np.int16:
        return torch.from_numpy(samples).float().mul_(1 / 32768).T, rate
    if not np.isfinite(samples).all():
        raise RecordingError("holds samples that are not finite (NaN or Inf)")
    return torch.from_numpy(samples).T, rate


def _blocks(file: soundfile.SoundFile, most: int) -> np.ndarray:
    """The samples ``[N, C]`` up to the end, at most so many; int16 where the file has those."""
    # twice as fast as letting libsndfile convert, and the same values
    dtype = "int16" if file.subtype == "PCM_16" else "float32"
    block = max(1, BLOCK // file.channels)
    blocks, count = [np.zeros((0, file.channels), dtype)], 0
    while count < most:
        wanted = min(block, most - count)
        try:
            blocks.append(file.read(wanted, dtype, always_2d=True))
        except soundfile.LibsndfileError as error:
            raise RecordingError(f"truncated or damaged: {libsndfile_reason(error)}") from error
        count += len(blocks[-1])
        if len(blocks[-1]) < wanted:
            break
    return np.concatenate(blocks) if len(blocks) > 2 else blocks[-1]
