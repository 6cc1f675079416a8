"""Text of any length in HDF5 files, looked at before libhdf5 does.

It keeps such text in heaps, a list of sizes each, and follows one of 0 without an end: a file with
a heap of zeros, as a disk or a transfer leaves it, would be waited for for ever.

Source: HDF5 File Format Specification 3.0, section III.E, "Global Heap".
"""

import struct
from collections.abc import Iterator
from pathlib import Path

from speechlrp.artifacts.layout import Damaged

SIGNATURE = b"GCOL\x01\x00\x00\x00"
HEADER = 16
"""Bytes of a heap, and of an entry, before what it holds; their sizes are the last eight."""
MOST = 2**26
"""Bytes of a file beyond which nobody looks: it would take longer than opening the file."""


def check_heaps(path: Path) -> None:
    """Refuse a file that cannot be read to its end. One that is too large is not looked at.

    Raises:
        Damaged: an entry of a heap has no size.
        OSError: the file cannot be read.
    """
    if path.stat().st_size > MOST:
        return
    data = path.read_bytes()
    for start in _places(data):
        (size,) = struct.unpack_from("<Q", data, start + 8)
        place, end = start + HEADER, min(start + size, len(data))
        while place + HEADER <= end:
            index, held = struct.unpack_from("<H6xQ", data, place)
            # An entry's own size is without its header and padding; that of free space is whole.
            step = HEADER + -(-held // 8) * 8 if index else held
            if not step:
                raise Damaged("a list of its texts has no end")
            place += step


def _places(data: bytes) -> Iterator[int]:
    place = data.find(SIGNATURE)
    while 0 <= place <= len(data) - HEADER:
        yield place
        place = data.find(SIGNATURE, place + 1)
