"""What headers say beside the length, and what stands around the sound: one row a situation.

A row: a file, and what is right: the seconds that are read of it, or the reason with which it is
left out.
"""

import gzip
import io
import re
import struct
import warnings

import numpy as np
import pytest
import soundfile

from speechlrp.audio.extraction import extract_unit
from speechlrp.audio.spectrogram import SpectrogramSettings

RATE = 16000
NOISE = np.random.default_rng(0).normal(0, 0.1, RATE).clip(-1, 1)
WHOLE = (NOISE * 32767).astype("<i2").tobytes()


def riff(
    data: bytes = WHOLE, *, code=1, channels=1, bits=16, align=2, more=b"", chunks=b""
) -> bytes:
    """A WAV whose header says what it is told to."""
    form = struct.pack("<HHIIHH", code, channels, RATE, RATE * align, align, bits) + more
    body = b"WAVE" + chunk(b"fmt ", form) + chunks + chunk(b"data", data)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def written(form: str, subtype: str | None = None, *, rate: int = RATE, channels: int = 1) -> bytes:
    file = io.BytesIO()
    sound = np.stack([NOISE] * channels, 1)
    soundfile.write(file, sound, rate, format=form, subtype=subtype)
    return file.getvalue()


def floats(scale: float, odd: float | None = None) -> bytes:
    samples = (NOISE * scale).astype("<f4")
    if odd is not None:
        samples[5] = odd
    return riff(samples.tobytes(), code=3, bits=32, align=4)


FLAC, MP3, OGG = (written(form) for form in ("FLAC", "MP3", "OGG"))
UNKNOWN = "not readable as audio"
SITUATIONS = {
    "24 bits": (written("WAV", "PCM_24"), 1),
    "64-bit floats": (written("WAV", "DOUBLE"), 1),
    "unsigned bytes": (written("WAV", "PCM_U8"), 1),
    "A-law": (written("WAV", "ALAW"), 1),
    "GSM": (written("WAV", "GSM610"), 1),
    "extensible": (written("WAVEX"), 1),
    "eight channels": (written("WAV", channels=8), 1),
    "a rate of music": (written("WAV", rate=44100), RATE / 44100),
    "a prime rate": (written("WAV", rate=16001), "no small common ratio"),
    "an Amiga's": (written("SVX"), 1),
    "HTK's": (written("HTK"), 1),
    "Apple's lossless": (written("CAF", "ALAC_16"), 1),
    "floats of AIFF": (written("AIFF", "FLOAT"), 1),
    "opus": (written("OGG", "OPUS"), 1),
    "VOC": (written("VOC"), "VOC files are not read; convert"),
    "of matlab": (written("MAT5"), "MAT5 files are not read; convert"),
    "tags before the sound": (riff(chunks=chunk(b"LIST", b"INFO" + bytes(33))), 1),
    "tags of mp3 in a wav": (riff(chunks=chunk(b"id3 ", b"ID3" + bytes(101))), 1),
    "a chunk not filled up": (riff(chunks=b"odd \3\0\0\0abc"), "truncated|not readable"),
    "two headers": (riff(chunks=chunk(b"fmt ", bytes(16))), UNKNOWN),
    "two parts of sound": (riff(WHOLE[:16000]) + chunk(b"data", WHOLE[16000:]), UNKNOWN),
    "a frame of 0 bytes": (riff(align=0), 1),
    "samples of 0 bits": (riff(bits=0), UNKNOWN),
    "samples of 12 bits": (riff(bits=12), 1),
    "samples of 33 bits": (riff(bits=33), UNKNOWN),
    "a header of 40 bytes": (riff(more=bytes(24)), 1),
    "a byte too many": (riff(WHOLE + b"\1"), 1),
    "three channels cut within": (riff(WHOLE[:31999], channels=3, align=6), 5333 / RATE),
    "not a number": (floats(1, np.nan), "not finite"),
    "infinity": (floats(1, np.inf), "not finite"),
    "far beyond full scale": (floats(1e30), "no sound: its samples reach"),
    "louder than full scale": (floats(100), 1),
    "hardly anything": (floats(1e-40), "silent"),
    "one sample": (riff(WHOLE[:2]), "too short"),
    "all at full scale": (riff(b"\xff\x7f" * RATE), "no sound: all its samples"),
    "a mark of UTF-8 before it": (b"\xef\xbb\xbf" + riff(), UNKNOWN),
    "packed": (gzip.compress(riff()), UNKNOWN),
    "an answer of a server": (b'{"error": "not found"}', UNKNOWN),
    "a video": (b"\0\0\0\x20ftypM4A " + bytes(99), UNKNOWN),
    "flac behind tags of mp3": (b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + FLAC, 1),
    "flac of another sum": (FLAC[:26] + bytes(16) + FLAC[42:], 1),
    "flac of rate 0": (FLAC[:18] + bytes(2) + bytes([FLAC[20] & 15]) + FLAC[21:], UNKNOWN),
    "flac without its header": (FLAC[:4] + FLAC[42:], UNKNOWN),
    "flac with zeros behind": (FLAC + bytes(65536), 1),
    "flac with zeros within": (FLAC[:9000] + bytes(3000) + FLAC[12000:], "truncated or damaged"),
    "mp3 behind endless tags": (b"ID3\3\0\0" + b"\x7f" * 4 + MP3, UNKNOWN),
    "mp3 before tags": (MP3 + b"APETAGEX" + bytes(24), 1),
    "mp3 with zeros within": (MP3[:2000] + bytes(500) + MP3[2500:], "truncated"),
    "ogg of another codec": (OGG.replace(b"vorbis", b"speexx"), "damaged: the page"),
    "ogg without its end": (OGG[: OGG.rindex(b"OggS")], "truncated"),
    "ogg of headers": (OGG[:3500], "truncated"),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_header_is_understood_or_the_file_left_out(tmp_path, name):
    content, right = SITUATIONS[name]
    (tmp_path / "a.wav").write_bytes(content)
    with warnings.catch_warnings(action="error"):
        batch = extract_unit([("a", tmp_path / "a.wav")], SpectrogramSettings(), seed=0)
    if isinstance(right, str):
        ((_, reason),) = batch.rejected
        assert re.search(right, reason), reason
        assert "\n" not in reason
    else:
        assert batch.rejected == []
        assert batch.recordings.seconds.tolist() == [pytest.approx(right, abs=1e-4)]
