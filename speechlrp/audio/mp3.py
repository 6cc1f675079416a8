"""How long an MP3 is, counted: its header may promise anything, or nothing.

libsndfile believes the frame count of the Xing header, and guesses by the first frame where
there is none, which is wrong by any factor where the bit rate varies.
"""

import io
from typing import BinaryIO

from speechlrp.errors import RecordingError

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_KBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
TOLERANCE = 1  # frames: writers count the header's own or not


def is_mp3(file: BinaryIO) -> bool:
    """Tell an MP3 by its beginning."""
    file.seek(0)
    head = file.read(4)
    return head[:3] == b"ID3" or _frame(head, 0) > 0


def mp3_source(data: bytes) -> io.BytesIO | None:
    """Give an MP3 as what libsndfile reads whole; None where that is the file as it is.

    Args:
        data: the file.

    Raises:
        RecordingError: fewer frames are there than its header promises, or its last is cut.
    """
    first = _first(data)
    if first is None:
        return None
    count, end = _walk(data, first)
    if _frame(data, end):
        raise RecordingError(f"truncated: the frame after the first {count} is not whole")
    head = data[first : first + 4]
    place = first + _mark(head)
    if data[place : place + 4] not in (b"Xing", b"Info"):
        return _with_count(head, data[first:], count)
    count -= 1  # the header's own frame holds no samples
    promised = int.from_bytes(data[place + 8 : place + 12], "big") if data[place + 7] & 1 else 0
    if promised > count + TOLERANCE:
        raise RecordingError(f"truncated: {count} of {promised} frames")
    if promised >= count - TOLERANCE:
        return None
    return _with_count(head, data[first + _frame(data, first) :], count)


def _first(data: bytes) -> int | None:
    """Where the first frame begins, after a tag; None where that is none of layer 3."""
    start = 0
    while data.startswith(b"ID3", start) and len(data) >= start + 10:
        size = 0
        for byte in data[start + 6 : start + 10]:
            size = size << 7 | byte & 0x7F
        start += 10 + size
    return start if _frame(data, start) else None


def _frame(data: bytes, start: int) -> int:
    """Bytes of the frame of layer 3 that begins at a place; 0 where none does."""
    head = data[start : start + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2 or head[1] & 0x18 == 0x08:
        return 0
    version, rate = head[1] >> 3 & 3, head[2] >> 2 & 3
    kbits = head[2] >> 4
    if rate == 3 or not 0 < kbits < 15:
        return 0
    samples = 144 if version == 3 else 72
    return samples * 1000 * _KBITS[version == 3][kbits] // _RATES[version][rate] + (
        head[2] >> 1 & 1
    )


def _walk(data: bytes, start: int) -> tuple[int, int]:
    """How many whole frames there are, and where the last of them ends."""
    count = 0
    while True:
        length = _frame(data, start)
        if length and start + length <= len(data):
            start, count = start + length, count + 1
            continue
        again = None if length else _resume(data, start)
        if again is None:
            return count, start
        start = again


def _resume(data: bytes, start: int) -> int | None:
    """Where frames go on after what is none, such as a tag in between: two in a row."""
    place = data.find(b"\xff", start)
    while place >= 0:
        length = _frame(data, place)
        if length and _frame(data, place + length):
            return place
        place = data.find(b"\xff", place + 1)
    return None


def _mark(head: bytes) -> int:
    """Where in the first frame the Xing header stands: behind the side information."""
    stereo, mono = (32, 17) if head[1] >> 3 & 3 == 3 else (17, 9)
    return 4 + (mono if head[3] >> 6 == 3 else stereo)


def _with_count(head: bytes, frames: bytes, count: int) -> io.BytesIO:
    """Frames behind a header that has their count; `head` is that of any of them."""
    bits = bytes((head[0], head[1] | 1, 0xE0 | head[2] & 0x0C, head[3]))  # room for the header
    mark = _mark(bits)
    filled = bits.ljust(mark, b"\0") + b"Xing" + bytes((0, 0, 0, 1)) + count.to_bytes(4, "big")
    return io.BytesIO(filled.ljust(_frame(bits, 0), b"\0") + frames)
