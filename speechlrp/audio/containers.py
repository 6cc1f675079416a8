"""Where a container says that its samples are, and whether the file holds them.

libsndfile takes a file that was cut off for a shorter recording. Here the size that each
container promises is compared with what is there; nothing is decoded.
"""

import struct
from collections.abc import Callable
from functools import partial
from typing import BinaryIO

from speechlrp.audio import riff
from speechlrp.audio.riff import Samples
from speechlrp.errors import RecordingError

UNKNOWN = ((0x7F000000, 0x80001000), (0xFFFFF000, 0xFFFFFFFF), ((1 << 63) - 4096, (1 << 64) - 1))
"""Sizes that writers to a pipe leave, which can't come back to mend them: sox, ffmpeg, arecord
and others subtract their headers from the greatest number, of 31, 32 or 64 bits."""
MP4 = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")
"""Names of the box that an MP4 begins with, behind its length."""
TAIL = 1 << 17  # bytes; an Ogg page has 65,307 at the most


def promised_samples(file: BinaryIO, size: int) -> Samples | None:
    """Find what a container promises, and compare it with the file's own size.

    Args:
        file: open for reading, at any position.
        size: bytes of the file.

    Returns:
        None for formats that promise no number of bytes (FLAC, Ogg, MP3).

    Raises:
        RecordingError: the file is truncated.
    """
    file.seek(0)
    magic = file.read(16)
    finder = next((find for mark, find in _FINDERS.items() if magic.startswith(mark)), None)
    finder = _boxes if magic[4:8] in MP4 else finder
    if finder is None:
        return None
    samples = finder(file, size)
    if samples is None:
        return None
    left = max(0, size - samples.start)
    if left < samples.size and not any(low <= samples.size <= high for low, high in UNKNOWN):
        raise RecordingError(f"truncated: {left} of {samples.size} bytes of samples")
    return samples


def left_open(file: BinaryIO, size: int, samples: Samples) -> bool:
    """Tell whether the writer could not know the size, as to a pipe.

    A promise of no samples means that where what follows is no chain of chunks that ends
    with the file.
    """
    if samples.size or not samples.form or samples.start >= size:
        return samples.size > size - samples.start
    order = samples.form[0]
    end = samples.start
    for _, start, length in riff.chunks(file, samples.start, f"{order}4sI", 2, size):
        end = start + length + length % 2
    return not size <= end <= size + 1


def _au(file: BinaryIO, size: int) -> Samples:
    file.seek(0)
    order = ">" if file.read(4) == b".snd" else "<"
    start, held = struct.unpack(f"{order}II", _exactly(file, 8))
    return Samples(start, held, 8, f"{order}I")


def _sphere(file: BinaryIO, size: int) -> Samples | None:
    file.seek(8)
    length = _exactly(file, 8).strip()
    if not length.isdigit() or not 16 <= int(length) <= 1 << 20:
        return None
    lines = _exactly(file, int(length) - 16).split(b"\n")
    fields = dict(line.split(b" -i ", 1) for line in lines if b" -i " in line)
    names = (b"sample_count", b"channel_count", b"sample_n_bytes")
    numbers = [fields.get(name, b"1").strip() for name in names]
    if b"sample_count" not in fields or not all(n.isdigit() and len(n) < 12 for n in numbers):
        return None
    count, channels, width = map(int, numbers)
    return Samples(int(length), count * channels * width, 0, "")


def _ogg(file: BinaryIO, size: int) -> None:
    """Its last page must be whole, and marked as the last of the one stream (RFC 3533)."""
    file.seek(max(0, size - TAIL))
    tail = file.read(TAIL)
    place = tail.rfind(b"OggS\0")
    page = tail[place:] if place >= 0 else b""
    length = 27 + page[26] + sum(page[27 : 27 + page[26]]) if len(page) > 26 else 0
    if not length or len(page) < length or not page[5] & 4:
        raise RecordingError("truncated: its last page is not whole or not marked as the last")
    if page[14:18] not in _streams(file):  # libsndfile reads the first alone
        raise RecordingError(
            "several streams in a chain: join them, as `ffmpeg -i IN OUT.wav` does"
        )


def _streams(file: BinaryIO) -> set[bytes]:
    """The serial numbers of the streams that begin with an Ogg file, side by side."""
    file.seek(0)
    serials: set[bytes] = set()
    while len(page := file.read(27)) == 27 and page[:4] == b"OggS" and page[5] & 2:
        serials.add(page[14:18])
        file.seek(sum(file.read(page[26])), 1)
    return serials


def _boxes(file: BinaryIO, size: int) -> None:
    """MP4's boxes, whose last must end within the file; 0 is up to the end."""
    start = 0
    for _ in range(riff.MOST_CHUNKS):
        file.seek(start)
        header = file.read(16)
        if len(header) < 8:
            return
        length = int.from_bytes(header[:4], "big")
        length = int.from_bytes(header[8:], "big") if length == 1 else length
        if length == 0 or start + length == size:
            return
        if start + length > size:
            raise RecordingError(f"truncated: {size - start} of {length} bytes of its last part")
        start += max(length, 8)


def _exactly(file: BinaryIO, count: int) -> bytes:
    held = file.read(count)
    if len(held) < count:
        raise RecordingError("truncated: its header is not whole")
    return held


_FINDERS: dict[bytes, Callable[[BinaryIO, int], Samples | None]] = {
    b"RIFF": riff.first_chunk,
    b"RIFX": partial(riff.first_chunk, form=">4sI"),
    b"RF64": riff.rf64,
    b"riff": riff.w64,
    # AIFF, AIFF-C, and Amiga's 8SVX and 16SV
    b"FORM": partial(riff.first_chunk, form=">4sI", names=(b"SSND", b"BODY")),
    b"caff": partial(riff.first_chunk, form=">4sQ", start=8, align=1),
    b".snd": _au,
    b"dns.": _au,
    b"NIST_1A\n": _sphere,
    b"OggS": _ogg,
}
