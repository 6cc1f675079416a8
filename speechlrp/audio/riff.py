"""Containers that are a chain of chunks, each with a name and a length: RIFF and its kin."""

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from speechlrp.errors import RecordingError

MOST_CHUNKS = 10_000


class Samples(NamedTuple):
    """The bytes of samples that a container promises."""

    start: int  # of the first
    size: int  # how many; 0, or one of ``UNKNOWN``, where the writer could not know
    field: int  # where the size stands
    form: str  # how it is written there, as ``struct`` has it


def chunks(
    file: BinaryIO, start: int, form: str, align: int, size: int
) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, first byte and length of each chunk from a position on."""
    length = struct.calcsize(form)
    for _ in range(MOST_CHUNKS):
        file.seek(start)
        header = file.read(length)
        if len(header) < length:
            return
        name, held = struct.unpack(form, header)
        yield name, start + length, held
        start += length + held + -held % align
        if start >= size:
            return


def first_chunk(
    file: BinaryIO,
    size: int,
    form: str = "<4sI",
    names: tuple[bytes, ...] = (b"data",),
    start: int = 12,
    align: int = 2,
) -> Samples:
    """The first chunk of one of these names; by default WAV's samples."""
    for name, first, held in chunks(file, start, form, align, size):
        if name in names:
            field = first - struct.calcsize(form[0] + form[-1])
            return Samples(first, held, field, form[0] + form[-1])
    raise RecordingError("truncated: no samples in it")


def rf64(file: BinaryIO, size: int) -> Samples:
    """WAV of more than 4 GB: its size, in 64 bits, stands in a chunk of its own."""
    samples = first_chunk(file, size)
    large = first_chunk(file, size, names=(b"ds64",))
    file.seek(large.start + 8)
    field = file.read(8)
    if samples.size != 0xFFFFFFFF or len(field) < 8:
        return samples
    return Samples(samples.start, struct.unpack("<Q", field)[0], large.start + 8, "<Q")


def w64(file: BinaryIO, size: int) -> Samples:
    """Sony's Wave64: chunks have names of 16 bytes, and lengths that include their headers."""
    start = 40
    while start + 24 <= size:
        file.seek(start)
        name, held = struct.unpack("<4s12xQ", file.read(24))
        if name == b"data":
            return Samples(start + 24, max(held - 24, 0), start + 16, "<Q")
        start += max(held + -held % 8, 24)
    raise RecordingError("truncated: no samples in it")
