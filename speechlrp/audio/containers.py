"""Where a container says that its samples are, and whether the file holds them.

libsndfile takes a file that was cut off for a shorter recording. Here the size that each
container promises is compared with what is there; nothing is decoded.
"""

import mmap
import re
import struct
import zlib
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
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
BLOCK = 1 << 20
SEVERAL = "several recordings in a chain, each with a header of its own; part or join them"
"""Of which libsndfile reads the first alone, or the next one's header as sound."""


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
    if left > samples.size > 0:
        file.seek(samples.start + samples.size)
        if magic[:4] in file.read(16):
            raise RecordingError(SEVERAL)
        if _is_text(file, samples):
            raise RecordingError(
                "damaged: it was copied as a text, with CR LF for each LF; copy it again as it is"
            )
    return samples


def _is_text(file: BinaryIO, samples: Samples) -> bool:
    """Tell whether each LF in them has its CR: of sound, one byte in 256 is an LF."""
    file.seek(samples.start - 1)
    block = file.read(min(BLOCK, samples.size))
    return block.count(b"\n") == block.count(b"\r\n") > 9


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


def _flac(file: BinaryIO, size: int) -> None:
    """There must be one: the first block after the mark has 34 bytes (RFC 9639)."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        if re.compile(rb"fLaC[\0\x80]\0\0\x22").search(held, 4):
            raise RecordingError(SEVERAL)


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
    """Its pages must be whole and sound, and those of one stream, or of some side by side."""
    file.seek(0)
    streams: set[bytes] = set()  # that have begun and not ended (RFC 3533)
    while page := _page(file):
        streams ^= {page[14:18]} if page[5] & 2 else set()
        streams -= {page[14:18]} if page[5] & 4 else set()
        if not streams:
            break
    if not page:
        raise RecordingError("truncated: its last page is not whole or not marked as the last")
    if file.read(4) == b"OggS":  # libsndfile reads the first alone
        raise RecordingError(SEVERAL)


def _page(file: BinaryIO) -> bytes:
    """The next page of an Ogg file; nothing where it ends."""
    page = file.read(27)
    page += file.read(page[26]) if len(page) == 27 else b""
    length = len(page) + sum(page[27:])
    page += file.read(sum(page[27:]))
    if len(page) < length or len(page) < 27:
        return b""
    # Ogg's CRC-32 takes bits from the other end than zlib's, and inverts none
    mirrored = (page[:22] + bytes(4) + page[26:]).translate(_MIRRORED)
    check = f"{zlib.crc32(mirrored, 0xFFFFFFFF) ^ 0xFFFFFFFF:032b}"[::-1]
    if page[:4] != b"OggS" or int(check, 2) != int.from_bytes(page[22:26], "little"):
        raise RecordingError(f"damaged: the page before byte {file.tell()} is not as it was made")
    return page


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
    b"fLaC": _flac,
}
