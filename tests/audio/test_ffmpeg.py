from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechlrp.audio.reading import read
from speechlrp.errors import RecordingError
from tests.audio.conftest import tone

MP4 = b"\0\0\0\x10ftypM4A \0\0\0\0\0\0\0\x20mdat" + bytes(24)
AAC = b"\xff\xf1\x50\x80" + bytes(60)


@pytest.fixture
def ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a script in ffmpeg's place that writes down its arguments; returns where."""

    def make(script: str) -> Path:
        program, said = tmp_path / "ffmpeg", tmp_path / "arguments"
        program.write_text(
            f'#!/bin/sh\nPATH=/usr/bin:/bin\nprintf "%s\\n" "$@" > {said}\n{script}\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        return said

    return make


@pytest.fixture
def decoding(ffmpeg: Callable[[str], Path], tmp_path: Path) -> Path:
    """An ffmpeg that gives 0.2 s of a tone, whatever it is asked for."""
    soundfile.write(tmp_path / "tone.wav", tone(0.2, 16000), 16000)
    return ffmpeg(f"for out; do :; done; cp {tmp_path}/tone.wav $out")


@pytest.mark.parametrize(("content", "kind"), [(MP4, "mov"), (AAC, "aac")])
def test_it_opens_the_one_file_as_what_it_is_and_nothing_else(
    decoding: Path, tmp_path: Path, content: bytes, kind: str
) -> None:
    path = tmp_path / "a.m4a"
    path.write_bytes(content)
    wave, rate = read(path)
    np.testing.assert_allclose(wave[0].numpy(), tone(0.2, 16000), atol=1e-4)
    assert rate == 16000
    said = decoding.read_text().splitlines()
    before = said[: said.index("-i")]
    assert before[before.index("-protocol_whitelist") + 1] == "file"
    assert before[before.index("-f") + 1] == kind
    assert said[said.index("-i") + 1] == f"file:{path}"


@pytest.mark.parametrize(
    "content",
    [
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"#EXTM3U\n#EXTINF:1,\nhttp://example.org/a.ts\n",
        b"<?xml version='1.0'?><MPD></MPD>",
    ],
)
def test_a_script_or_a_playlist_never_reaches_it(
    decoding: Path, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "a.m4a").write_bytes(content)
    with pytest.raises(RecordingError, match="not readable as audio"):
        read(tmp_path / "a.m4a")
    assert not decoding.exists()


def test_no_more_is_decoded_than_may_be(decoding: Path, tmp_path: Path) -> None:
    (tmp_path / "a.m4a").write_bytes(MP4)
    with pytest.raises(RecordingError, match=r"too long: 0\.2 s"):
        read(tmp_path / "a.m4a", longest_s=0.1)
    said = decoding.read_text().splitlines()
    assert said[said.index("-t") + 1] == "1.1"


def test_what_is_cut_off_is_truncated(decoding: Path, tmp_path: Path) -> None:
    (tmp_path / "a.m4a").write_bytes(MP4[:-5])
    with pytest.raises(RecordingError, match="truncated: 27 of 32 bytes of its last part"):
        read(tmp_path / "a.m4a")


def test_what_only_has_the_suffix_is_read_as_what_it_is(decoding: Path, tmp_path: Path) -> None:
    (tmp_path / "tone.wav").rename(tmp_path / "a.m4a")
    assert read(tmp_path / "a.m4a")[0].shape == (1, 3200)
    assert not decoding.exists()


def test_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.m4a").write_bytes(MP4)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RecordingError, match=r"reading \.m4a needs the program ffmpeg"):
        read(tmp_path / "a.m4a")


def test_what_it_refuses_is_rejected(ffmpeg: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "a.m4a").write_bytes(MP4)
    ffmpeg("echo noise >&2; echo moov atom not found >&2; exit 1")
    with pytest.raises(RecordingError, match="ffmpeg says moov atom not found"):
        read(tmp_path / "a.m4a")
