"""What libsndfile does not read, decoded by the program ffmpeg where there is one."""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from speechlrp.audio.containers import MP4, promised_samples
from speechlrp.audio.opening import file_size
from speechlrp.errors import RecordingError

SUFFIXES = frozenset({".m4a", ".mp4", ".aac"})


def kind_of(path: Path) -> str | None:
    """Name what a file is as ffmpeg does, ``mov`` or ``aac``; None where it is neither.

    Raises:
        RecordingError: it is truncated, missing, empty or no file.
    """
    if path.suffix.lower() not in SUFFIXES:
        return None
    size = file_size(path)
    try:
        with path.open("rb") as file:
            head = file.read(12)
            if head[4:8] in MP4:
                promised_samples(file, size)
                return "mov"
    except OSError as error:
        raise RecordingError(f"not readable: {error.strerror or error}") from error
    is_aac = len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0
    return "aac" if is_aac or head.startswith(b"ID3") else None


@contextlib.contextmanager
def decoded(path: Path, kind: str, longest_s: float | None) -> Iterator[Path]:
    """Decode a file, and give where the ``.wav`` lies as long as the block lasts.

    ffmpeg chooses by content what it takes a file for: a script or playlist makes it open
    other files and addresses. So the kind is named, and other protocols are forbidden.

    Args:
        path: the file.
        kind: what it is, see ``kind_of``.
        longest_s: decode no more than this and a second; None: all.

    Raises:
        RecordingError: there is no ffmpeg, or it refuses the file.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise RecordingError(
            f"reading {path.suffix} needs the program ffmpeg, which is not on PATH: "
            "install it, or convert the file to .wav"
        )
    with tempfile.TemporaryDirectory(prefix="speechlrp-") as folder:
        target = Path(folder) / "decoded.wav"
        only = ["-protocol_whitelist", "file", "-f", kind]
        command = [program, "-nostdin", "-v", "error", *only, "-i", f"file:{path.absolute()}"]
        command += [] if longest_s is None else ["-t", f"{longest_s + 1:g}"]
        command += ["-vn", "-sn", "-dn", "-c:a", "pcm_f32le", "-f", "wav", str(target)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if done.returncode != 0 or not target.is_file():
            lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
            raise RecordingError(f"not readable as audio: ffmpeg says {lines[-1]}")
        yield target
