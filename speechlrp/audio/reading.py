"""Reading a recording from disk.

Shapes: C channels, N samples.
"""

from __future__ import annotations

import shutil
import stat
import struct
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor

from speechlrp.audio.errors import RecordingError

FFMPEG_SUFFIXES = frozenset({".m4a", ".mp4", ".aac"})
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)  # what a writer to a pipe leaves in the header


def read(path: str | Path, *, longest_s: float | None = None) -> tuple[Tensor, int]:
    """Read a recording: what libsndfile reads, and ``.m4a`` where ffmpeg is on ``PATH``.

    Args:
        path: the file.
        longest_s: refuse a longer recording from its header, before decoding it.

    Returns:
        The samples ``[C, N]``, float32, full scale at 1, and the rate in Hz.

    Raises:
        RecordingError: the file is missing, empty, truncated, not audio, too long, or
            holds samples that are not finite.
    """
    path = Path(path)
    size = _size(path)
    if path.suffix.lower() in FFMPEG_SUFFIXES:
        samples, rate = _read_with_ffmpeg(path, longest_s)
    else:
        samples, rate = _read_with_soundfile(path, size, longest_s)
    if samples.dtype == torch.int16:
        samples = samples.float().mul_(1 / 32768)
    return samples.T, rate


def _size(path: Path) -> int:
    """Bytes of the file; asked once, since on a slow disk each question costs."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise RecordingError("the file is missing") from error
    except OSError as error:
        raise RecordingError(f"not readable: {error.strerror or error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise RecordingError("not a file")
    if status.st_size == 0:
        raise RecordingError("the file is empty")
    return status.st_size


def _read_with_soundfile(path: Path, size: int, longest_s: float | None) -> tuple[Tensor, int]:
    if path.suffix.lower() == ".raw":
        raise RecordingError("not audio: a .raw file has no header")
    try:
        with soundfile.SoundFile(path) as file:
            _check_header(path, size, file, longest_s)
            return _read_samples(file), file.samplerate
    except soundfile.LibsndfileError as error:
        raise RecordingError(f"not readable as audio: {error.error_string}") from error
    except OSError as error:
        raise RecordingError(f"not readable: {error.strerror or error}") from error


def _check_header(
    path: Path, size: int, file: soundfile.SoundFile, longest_s: float | None
) -> None:
    if file.format in ("WAV", "WAVEX"):
        _check_wav_is_whole(path, size)
    if file.frames == 0:
        raise RecordingError("no samples")
    seconds = file.frames / file.samplerate
    if longest_s is not None and seconds > longest_s:
        raise RecordingError(f"too long: {seconds:.4g} s, at most {longest_s:g} s")


def _check_wav_is_whole(path: Path, file_size: int) -> None:
    """Compare the size that the ``data`` chunk promises with the file; libsndfile does not."""
    left = file_size - 12
    with path.open("rb") as file:
        file.seek(12)
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack("<4sI", header)
            left -= 8
            if name == b"data":
                break
            left -= size + size % 2
            file.seek(size + size % 2, 1)
        else:
            raise RecordingError("truncated: no data in it")
    if size not in _UNKNOWN_SIZES and size > left:
        raise RecordingError(f"truncated: {left} of {size} bytes of samples")


def _read_samples(file: soundfile.SoundFile) -> Tensor:
    if file.subtype == "PCM_16":  # twice as fast as letting libsndfile convert, same values
        samples = file.read(dtype="int16", always_2d=True)
    else:
        samples = file.read(dtype="float32", always_2d=True)
        if not np.isfinite(samples).all():
            raise RecordingError("holds samples that are not finite (NaN or Inf)")
    if len(samples) < file.frames:
        raise RecordingError(f"truncated: {len(samples)} of {file.frames} samples")
    return torch.from_numpy(samples)


def _read_with_ffmpeg(path: Path, longest_s: float | None) -> tuple[Tensor, int]:
    program = shutil.which("ffmpeg")
    if program is None:
        raise RecordingError(
            f"reading {path.suffix} needs the program ffmpeg, which is not on PATH: "
            "install it, or convert the file to .wav"
        )
    with tempfile.TemporaryDirectory(prefix="speechlrp-") as folder:
        target = Path(folder) / "decoded.wav"
        source = f"file:{path.absolute()}"
        command = [program, "-nostdin", "-v", "error", "-i", source, "-vn"]
        command += ["-c:a", "pcm_f32le", str(target)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode != 0 or not target.is_file():
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise RecordingError(f"not readable as audio: ffmpeg says {lines[-1]}")
        return _read_with_soundfile(target, _size(target), longest_s)
