"""A file that was cut off is told from a whole one, and one that a pipe wrote from both."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechlrp.audio.opening import FORMATS
from speechlrp.audio.reading import read
from speechlrp.errors import RecordingError

Write = Callable[..., Path]
NOISE = np.random.default_rng(0).normal(0, 0.1, 16000).clip(-1, 1)
SUBTYPES = {"OGG": ("VORBIS", "OPUS")}
KINDS = [(f, s) for f in sorted(FORMATS) for s in SUBTYPES.get(f, (soundfile.default_subtype(f),))]


@pytest.mark.parametrize(("form", "subtype"), KINDS)
@pytest.mark.parametrize("share", [1, 0.98, 0.6, 0.05])
def test_every_format_is_read_whole_or_not_at_all(
    write: Write, form: str, subtype: str, share: float
) -> None:
    path = write(f"a.{form.lower()}", NOISE, 16000, format=form, subtype=subtype)
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * share)])
    if share == 1:
        assert read(path)[0].shape == (1, 16000)
        return
    expected = "not readable as audio" if form == "HTK" else "truncated"
    with pytest.raises(RecordingError, match=expected):
        read(path)


def big_endian(content: bytes) -> bytes:
    """A 16-bit WAV as RIFX."""
    start = content.index(b"data") + 8
    samples = np.frombuffer(content[start:], "<i2").astype(">i2").tobytes()
    fields = struct.pack(">IHHIIHH", *struct.unpack("<IHHIIHH", content[16:36]))
    sizes = struct.pack(">I", 36 + len(samples)), struct.pack(">I", len(samples))
    return b"RIFX" + sizes[0] + b"WAVEfmt " + fields + b"data" + sizes[1] + samples


def test_rifx_is_read_and_its_truncation_seen(write: Write) -> None:
    path = write("a.wav", NOISE, 16000)
    expected, _ = read(path)
    content = big_endian(path.read_bytes())
    path.write_bytes(content)
    assert (read(path)[0] == expected).all()
    path.write_bytes(content[:20000])
    with pytest.raises(RecordingError, match="truncated: 19956 of 32000 bytes"):
        read(path)


LARGEST = (1 << 64) - 1
PIPES = [
    *(("WAV", b"data", 4, "<I", n) for n in (0, 0xFFFFFFFF, 0xFFFFFFDB, 0x80000000)),
    *(("WAV", b"data", 4, "<I", n) for n in (0x7FFFFFFF, 0x7FFFF000, 0x7FFFFFDB)),
    *(("AIFF", b"SSND", 4, ">I", n) for n in (0, 0xFFFFFFFF, 0x7F000008)),
    *(("AU", b".snd", 8, ">I", n) for n in (0, 0xFFFFFFFF, 0x7FFFFFFF)),
    *(("CAF", b"data", 4, ">Q", n) for n in (0, LARGEST)),
    *(("W64", b"data", 16, "<Q", n) for n in (0, 24, LARGEST, LARGEST >> 1)),
    *(("RF64", b"ds64", 16, "<Q", n) for n in (0, LARGEST)),
]


@pytest.mark.parametrize(("form", "mark", "offset", "code", "size"), PIPES)
def test_what_a_pipe_wrote_is_whole(
    write: Write, form: str, mark: bytes, offset: int, code: str, size: int
) -> None:
    path = write("a.bin", NOISE, 16000, format=form, subtype="PCM_16")
    expected, _ = read(path)
    content = bytearray(path.read_bytes())
    struct.pack_into(code, content, content.index(mark) + offset, size)
    path.write_bytes(content)
    assert (read(path)[0] == expected).all()
    assert path.read_bytes() == content


def test_no_samples_and_other_chunks_are_no_samples(write: Write) -> None:
    path = write("z.wav", np.zeros(0), 16000)
    path.write_bytes(path.read_bytes() + b"LIST" + (4).to_bytes(4, "little") + b"INFO")
    with pytest.raises(RecordingError, match="no samples"):
        read(path)


def test_chunks_before_the_samples_are_passed_over(write: Write) -> None:
    path = write("c.wav", NOISE, 8000)
    content = path.read_bytes()
    extra = b"junk" + (3).to_bytes(4, "little") + b"abc\0"
    place = content.index(b"data")
    path.write_bytes(content[:place] + extra + content[place:])
    assert read(path)[0].shape == (1, 16000)


def flac_of(content: bytes, samples: int) -> bytes:
    """A FLAC whose header promises so many samples."""
    field = int.from_bytes(content[18:26], "big") >> 36 << 36 | samples
    return content[:18] + field.to_bytes(8, "big") + content[26:]


def test_a_flac_of_unknown_length_is_read_to_its_end(write: Write) -> None:
    path = write("a.flac", NOISE, 16000)
    expected, _ = read(path)
    content = path.read_bytes()
    path.write_bytes(flac_of(content, 0))
    assert (read(path)[0] == expected).all()
    assert (read(path, longest_s=1.0)[0] == expected).all()
    with pytest.raises(RecordingError, match=r"too long: over 0\.5 s"):
        read(path, longest_s=0.5)
    path.write_bytes(flac_of(content, 0)[: len(content) * 6 // 10])
    with pytest.raises(RecordingError, match="truncated or damaged: flac decoder lost sync"):
        read(path)


@pytest.mark.parametrize("longest_s", [None, 2.0])
def test_a_flac_that_promises_too_much_asks_for_no_memory(
    write: Write, longest_s: float | None
) -> None:
    path = write("a.flac", NOISE, 16000)
    path.write_bytes(flac_of(path.read_bytes(), (1 << 36) - 1))
    with pytest.raises(RecordingError, match="truncated: 16000 of 68719476735 samples"):
        read(path, longest_s=longest_s)
