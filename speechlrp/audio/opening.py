"""Opening a recording with libsndfile, whose header may say what is not so."""

import contextlib
import io
import mmap
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import soundfile

from speechlrp.audio.containers import left_open, promised_samples
from speechlrp.audio.mp3 import is_mp3, mp3_source
from speechlrp.errors import RecordingError

FORMATS = frozenset(
    ("WAV", "WAVEX", "RF64", "W64", "AIFF", "SVX", "AU", "CAF", "NIST", "HTK", "FLAC", "OGG", "MP3")
)
"""What is read: formats of which a file that was cut off can be told from a whole one."""
READ_ON = ("", "<Q")
"""How SPHERE, and Wave64, write their size: libsndfile takes all that follows for sound."""
LEAST_RATE = 1000
"""In Hz; a lower rate holds no speech, and resampled would fill the memory."""


def check_rate(rate: int) -> None:
    """Raise RecordingError where a rate is below `LEAST_RATE`."""
    if rate < LEAST_RATE:
        raise RecordingError(f"a rate of {rate} Hz holds no speech")


class Stream(soundfile.SoundFile):
    """A sound file that is read from its start to its end, whatever its header promises.

    soundfile seeks after each reading, which fails at the end of a FLAC of unknown length.
    """

    def seekable(self) -> bool:
        """Never, see above."""
        return False


@contextlib.contextmanager
def opened(path: Path, kind: type[soundfile.SoundFile] = Stream) -> Iterator[soundfile.SoundFile]:
    """Open a recording, and mend what its header leaves open.

    Raises:
        RecordingError: it is missing, empty, truncated, or no audio. Anything that
            libsndfile and its binding raise within the block becomes one too.
    """
    size = file_size(path)
    if path.suffix.lower() == ".raw":
        raise RecordingError("not audio: a .raw file has no header")
    try:
        with path.open("rb") as file, _source(path, file, size) as source, kind(source) as sound:
            if sound.format not in FORMATS:
                raise RecordingError(f"{sound.format} files are not read; convert it to .wav")
            check_rate(sound.samplerate)
            yield sound
    except RecordingError:
        raise
    except soundfile.LibsndfileError as error:
        reason = _stand_in(path) or libsndfile_reason(error)
        raise RecordingError(f"not readable as audio: {reason}") from error
    except OSError as error:
        raise RecordingError(f"not readable: {error.strerror or error}") from error
    except MemoryError as error:
        raise RecordingError("too long: it does not fit into memory") from error
    except (ValueError, TypeError, RuntimeError, struct.error) as error:
        # what the binding raises where a damaged header asks for something impossible
        raise RecordingError(f"not readable as audio: {error}") from error


def libsndfile_reason(error: soundfile.LibsndfileError) -> str:
    """What libsndfile says of an error, which is nothing for some."""
    return error.error_string.strip().removeprefix("Error : ") or f"libsndfile's error {error.code}"


def _stand_in(path: Path) -> str | None:
    """What stands in the place of a file that was not fetched."""
    with path.open("rb") as file:
        head = file.read(64).lstrip().lower()
    if head.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS; get the file with `git lfs pull`"
    return "a web page" if head.startswith((b"<!doctype html", b"<html")) else None


def file_size(path: Path) -> int:
    """Bytes of a file; asked once, since on a slow disk each question costs.

    Raises:
        RecordingError: it is missing, empty, or no regular file (a pipe would never end).
    """
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


@contextlib.contextmanager
def _source(path: Path, file: BinaryIO, size: int) -> Iterator[Any]:
    """What libsndfile is to read: the file itself, or one with its header mended."""
    samples = promised_samples(file, size)
    if samples is not None and left_open(file, size, samples):
        with mmap.mmap(
            file.fileno(), 0, access=mmap.ACCESS_COPY
        ) as held:  # the file stays as it is
            width = struct.calcsize(samples.form)
            known = struct.pack(samples.form, size - samples.start)
            held[samples.field : samples.field + width] = known
            yield held
    elif samples and samples.form in READ_ON and samples.size < size - samples.start:
        file.seek(0)
        yield io.BytesIO(file.read(samples.start + samples.size))
    elif samples is None and is_mp3(file):
        yield mp3_source(path.read_bytes()) or os.fspath(path)
    else:
        yield os.fspath(path)
