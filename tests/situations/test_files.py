"""Sound files as recorders, pipes and accidents leave them: one row a situation.

A row: what is done to a good file of one second at 16 kHz, the format that it has, and what is
right: how many samples are read, or the reason with which this one file is left out. No row may
stop the files beside it.
"""

import io
import os
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from speechlrp.audio.extraction import extract_unit
from speechlrp.audio.fbank import FbankSettings
from speechlrp.audio.log_mel import LogMelSettings
from speechlrp.audio.spectrogram import SpectrogramSettings
from speechlrp.audio.whole_utterances import extract_unit as extract_utterances

RATE = 16000
NOISE = np.random.default_rng(0).normal(0, 0.1, RATE).clip(-1, 1)
Edit = Callable[[bytes], bytes]


def put(mark: bytes, offset: int, form: str, value: int) -> Edit:
    """Another number behind a mark."""

    def edit(content: bytes) -> bytes:
        changed = bytearray(content)
        struct.pack_into(form, changed, content.index(mark) + offset, value)
        return bytes(changed)

    return edit


def share(part: float) -> Edit:
    """The file's beginning."""
    return lambda content: content[: round(len(content) * part)]


def flac(samples: int) -> Edit:
    """A FLAC header that promises so many samples; 0 is unknown."""

    def edit(content: bytes) -> bytes:
        field = int.from_bytes(content[18:26], "big") >> 36 << 36 | samples
        return content[:18] + field.to_bytes(8, "big") + content[26:]

    return edit


def both(*edits: Edit) -> Edit:
    def edit(content: bytes) -> bytes:
        for one in edits:
            content = one(content)
        return content

    return edit


def noise(content: bytes) -> bytes:
    """Bits that fell over in the last half."""
    half = len(content) // 2
    return content[:half] + np.random.default_rng(1).bytes(len(content) - half)


def of_number(content: bytes, serial: int) -> bytes:
    """An Ogg file whose stream has another number."""
    pages = content.split(b"OggS")[1:]
    number = serial.to_bytes(4, "little")
    return b"".join(b"OggS" + page[:10] + number + page[14:] for page in pages)


def fallen(place: int) -> Edit:
    """A byte with one bit the other way."""

    def edit(content: bytes) -> bytes:
        changed = bytearray(content)
        changed[place] ^= 4
        return bytes(changed)

    return edit


def as_text(content: bytes) -> bytes:
    """What a copy that takes it for a text of DOS makes of it."""
    return content.replace(b"\n", b"\r\n")


GLUED = ("WAV", "FLAC", "OGG", "AIFF", "AU", "CAF", "NIST", "W64", "RF64")
CONVERTED = ("WAV", "AIFF", "AU", "CAF", "W64", "RF64")


def size(value: int) -> Edit:
    return put(b"data", 4, "<I", value)


def floats(scale: float) -> Edit:
    """A WAV of floats, of another scale than 1."""

    def edit(content: bytes) -> bytes:
        file = io.BytesIO()
        soundfile.write(file, NOISE * scale, RATE, format="WAV", subtype="FLOAT")
        return file.getvalue()

    return edit


SITUATIONS = {
    "as it should be": ("WAV", lambda c: c, RATE),
    "wav of floats at the scale of whole numbers": ("WAV", floats(32768), RATE),
    "wav of floats that are no samples": (
        "WAV",
        floats(1e30),
        r"reach .*e\+29, and full scale is 1",
    ),
    "wav from a pipe, ffmpeg": ("WAV", size(0xFFFFFFFF), RATE),
    "wav from a pipe, less its header": ("WAV", size(0xFFFFFFDB), RATE),
    "wav from a pipe, 31 bits": ("WAV", size(0x7FFFFFFF), RATE),
    "wav from a pipe, 31 bits less its header": ("WAV", size(0x7FFFFFDB), RATE),
    "wav from a pipe, sox": ("WAV", size(0x7FFFF000), RATE),
    "wav from a pipe, arecord": ("WAV", size(0x80000000), RATE),
    "wav from a pipe, 0": ("WAV", size(0), RATE),
    "wav whose recorder was switched off": ("WAV", both(size(0), put(b"RIFF", 4, "<I", 0)), RATE),
    "wav cut off": ("WAV", share(0.7), "truncated: .* of 32000 bytes"),
    "wav with one byte missing": ("WAV", lambda c: c[:-1], "truncated: 31999 of 32000"),
    "wav cut off in its header": ("WAV", lambda c: c[:40], "truncated"),
    "wav with more behind it": ("WAV", lambda c: c + bytes(999), RATE),
    "wav with lines of text behind it": ("WAV", lambda c: c + b"\r\n" * 99, RATE),
    "wav whose rate is 0": ("WAV", put(b"fmt ", 12, "<I", 0), "holds no speech|not readable"),
    "wav whose rate is 1 Hz": ("WAV", put(b"fmt ", 12, "<I", 1), "1 Hz holds no speech"),
    "wav whose rate is huge": ("WAV", put(b"fmt ", 12, "<I", 2**31 - 1), "no small common ratio"),
    "wav of 0 channels": ("WAV", put(b"fmt ", 10, "<H", 0), "not readable"),
    "wav of 65,535 channels": ("WAV", put(b"fmt ", 10, "<H", 65535), "not readable|no samples"),
    "wav of no known code": ("WAV", put(b"fmt ", 8, "<H", 0x1234), "not readable"),
    "flac from a pipe": ("FLAC", flac(0), RATE),
    "flac from a pipe, cut off": ("FLAC", both(flac(0), share(0.7)), "truncated or damaged"),
    "flac cut off": ("FLAC", share(0.7), "truncated or damaged"),
    "flac that promises 2^36 samples": ("FLAC", flac(2**36 - 1), "truncated: 16000 of 687194767"),
    "flac that promises one too many": ("FLAC", flac(RATE + 1), "truncated: 16000 of 16001"),
    "flac with fallen bits": ("FLAC", noise, "damaged|not readable"),
    "mp3": ("MP3", lambda c: c, RATE),
    "mp3 cut off": ("MP3", share(0.7), "truncated"),
    "mp3 that promises 2^32 frames": ("MP3", put(b"Xing", 8, ">I", 2**32 - 1), "truncated: 30 of"),
    "ogg": ("OGG", lambda c: c, RATE),
    "ogg cut off": ("OGG", share(0.7), "truncated"),
    "ogg with fallen bits": ("OGG", noise, "damaged: the page"),
    "ogg with one bit fallen at its end": ("OGG", fallen(-40), "damaged: the page"),
    "ogg with a byte too many": ("OGG", lambda c: c[:5000] + b"x" + c[5000:], "damaged: the page"),
    "ogg whose streams are in a chain": ("OGG", lambda c: c + of_number(c, 7), "in a chain"),
    "aiff cut off": ("AIFF", share(0.7), "truncated"),
    "aiff from a pipe": ("AIFF", put(b"SSND", 4, ">I", 0x7F000008), RATE),
    "au cut off": ("AU", share(0.7), "truncated"),
    "au from a pipe": ("AU", put(b".snd", 8, ">I", 0xFFFFFFFF), RATE),
    "caf cut off": ("CAF", share(0.7), "truncated"),
    "caf from a pipe": ("CAF", put(b"data", 4, ">Q", 2**64 - 1), RATE),
    "sphere, as TIMIT's .wav": ("NIST", lambda c: c, RATE),
    "sphere cut off": ("NIST", share(0.7), "truncated: .* of 32000 bytes"),
    "rf64 cut off": ("RF64", share(0.7), "truncated"),
    "w64 cut off": ("W64", share(0.7), "truncated"),
    "sphere with more behind it": ("NIST", lambda c: c + b"<!-- -->" * 9, RATE),
    "w64 with more behind it": ("W64", lambda c: c + b"<!-- -->" * 9, RATE),
    **{f"{form}, two in one file": (form, lambda c: c + c, "in a chain") for form in GLUED},
    **{f"{form}, copied as a text": (form, as_text, "as a text") for form in CONVERTED},
    "flac, copied as a text": ("FLAC", as_text, "truncated or damaged"),
    "a page in its place": ("WAV", lambda c: b"<!DOCTYPE html><html>", "a web page"),
    "a pointer in its place": (
        "WAV",
        lambda c: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "a pointer of Git LFS",
    ),
    "nothing in it": ("WAV", lambda c: b"", "the file is empty"),
    "zeros in it": ("WAV", lambda c: bytes(len(c)), "not readable as audio"),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_file_is_read_whole_or_left_out_with_its_reason(tmp_path: Path, name: str) -> None:
    form, edit, right = SITUATIONS[name]
    path, beside = tmp_path / "a.wav", tmp_path / "b.wav"  # the content says what it is
    soundfile.write(path, NOISE, RATE, format=form)
    path.write_bytes(edit(path.read_bytes()))
    soundfile.write(beside, NOISE, RATE)
    check([("a", path), ("b", beside)], right)


def odd_file(folder: Path, name: str) -> Path:
    path = folder / "a.wav"
    if name == "fifo":
        os.mkfifo(path)
    elif name == "folder":
        path.mkdir()
    elif name == "link to nothing":
        path.symlink_to(folder / "none")
    elif name == "link to itself":
        path.symlink_to(path)
    elif name == "link to a device":
        path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("fifo", "not a file"),
        ("folder", "not a file"),
        ("nothing", "is missing"),
        ("link to nothing", "is missing"),
        ("link to itself", "not readable"),
        ("link to a device", "not a file"),
    ],
)
def test_what_is_no_file_is_left_out_with_its_reason(tmp_path: Path, name: str, right: str) -> None:
    soundfile.write(tmp_path / "b.wav", NOISE, RATE)
    check([("a", odd_file(tmp_path, name)), ("b", tmp_path / "b.wav")], right)


def check(unit: list[tuple[str, Path]], right: str | int) -> None:
    """Whatever the features, long, short or of whole utterances."""
    cut = SpectrogramSettings(segment_s=0.5)
    for settings in (SpectrogramSettings(), FbankSettings(), cut):
        batch = extract_unit(unit, settings, seed=0)
        expect(
            batch.rejected,
            dict(zip(batch.recordings.id, batch.recordings.seconds, strict=True)),
            right,
        )
    for settings in (LogMelSettings(), LogMelSettings(longest_s=1.5)):
        spoken = extract_utterances(unit, settings)
        expect(
            spoken.rejected, dict(zip(spoken.table.id, spoken.table.seconds, strict=True)), right
        )


def expect(rejected: list, seconds: pd.Series, right: str | int) -> None:
    assert seconds["b"] == 1.0
    if isinstance(right, int):
        assert (rejected, seconds["a"]) == ([], right / RATE)
        return
    ((name, reason),) = rejected
    assert name == "a"
    assert "\n" not in reason
    assert re.search(right, reason), reason
