import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speechlrp.audio.errors import RecordingError
from speechlrp.audio.reading import read
from tests.audio.conftest import tone

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"subtype": "PCM_16"}),
        ("a.wav", {"subtype": "PCM_24"}),
        ("a.wav", {"subtype": "FLOAT"}),
        ("a.flac", {}),
    ],
)
def test_samples_are_libsndfiles(write: Write, name: str, options: dict[str, str]) -> None:
    path = write(name, np.stack([tone(0.2, 16000), tone(0.2, 16000, 300)], 1), 16000, **options)
    wave, rate = read(path)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == 16000
    assert wave.dtype == torch.float32
    np.testing.assert_array_equal(wave.numpy(), expected.T)


def test_genuine_file(shared_data: Path) -> None:
    path = shared_data / "audiomnist/data/12/0_12_0.wav"
    wave, rate = read(path)
    assert rate == 48000
    np.testing.assert_array_equal(wave[0].numpy(), soundfile.read(path, dtype="float32")[0])


def cut_off(path: Path, share: float) -> Path:
    os.truncate(path, int(path.stat().st_size * share))
    return path


def no_data(path: Path) -> Path:
    os.truncate(path, 40)
    return path


BAD = {
    "missing": (lambda w, d: d / "no.wav", "missing"),
    "folder": (lambda w, d: d, "not a file"),
    "empty": (lambda w, d: (d / "e.wav", (d / "e.wav").touch())[0], "empty"),
    "no samples": (lambda w, d: w("z.wav", np.zeros(0)), "no samples"),
    "text": (
        lambda w, d: (d / "t.wav", (d / "t.wav").write_text("hello " * 99))[0],
        "not readable",
    ),
    "raw": (lambda w, d: (d / "t.raw", (d / "t.raw").write_bytes(b"1234"))[0], "no header"),
    "header only": (lambda w, d: no_data(w("h.wav", tone(0.2, 48000))), "truncated|not readable"),
    "truncated wav": (lambda w, d: cut_off(w("c.wav", tone(0.5, 48000)), 0.6), "truncated"),
    "truncated flac": (
        lambda w, d: cut_off(w("c.flac", np.random.default_rng(0).normal(0, 0.1, 24000)), 0.6),
        "truncated|not readable",
    ),
    "nan": (lambda w, d: w("n.wav", np.array([0.1, np.nan, 0.2]), subtype="FLOAT"), "not finite"),
    "inf": (lambda w, d: w("i.wav", np.array([0.1, np.inf, 0.2]), subtype="DOUBLE"), "not finite"),
    "too long": (lambda w, d: w("l.wav", tone(1.5, 48000)), "too long: 1.5 s, at most 1 s"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_rejected_with_a_reason(write: Write, tmp_path: Path, case: str) -> None:
    make, reason = BAD[case]
    path = make(write, tmp_path)
    with pytest.raises(RecordingError, match=reason) as caught:
        read(path, longest_s=1.0)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_size_that_a_pipe_left_open_is_no_truncation(write: Write, size: int) -> None:
    path = write("p.wav", tone(0.2, 8000), 8000)
    content = bytearray(path.read_bytes())
    place = content.index(b"data") + 4
    content[place : place + 4] = size.to_bytes(4, "little")
    path.write_bytes(content)
    if size:
        assert read(path)[0].shape == (1, 1600)
    else:
        with pytest.raises(RecordingError, match="no samples"):
            read(path)


def test_chunks_before_the_samples_are_passed_over(write: Write) -> None:
    path = write("c.wav", tone(0.2, 8000), 8000)
    content = path.read_bytes()
    extra = b"junk" + (3).to_bytes(4, "little") + b"abc\0"
    place = content.index(b"data")
    path.write_bytes(content[:place] + extra + content[place:])
    assert read(path)[0].shape == (1, 1600)


def test_m4a_needs_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.m4a"
    path.write_bytes(b"x")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RecordingError, match=r"reading \.m4a needs the program ffmpeg"):
        read(path)


def fake_ffmpeg(folder: Path, script: str) -> None:
    program = folder / "ffmpeg"
    program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    program.chmod(0o755)


def test_m4a_is_decoded_by_ffmpeg(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for ffmpeg: copies the input, the 5th argument, to the output, the last."""
    source = write("a.wav", tone(0.2, 16000), 16000)
    source.rename(source.with_suffix(".m4a"))
    fake_ffmpeg(tmp_path, 'in="${5#file:}"; for out; do :; done; cp "$in" "$out"')
    monkeypatch.setenv("PATH", str(tmp_path))
    wave, rate = read(source.with_suffix(".m4a"))
    assert (rate, wave.shape) == (16000, (1, 3200))
    assert wave[0].numpy() == pytest.approx(tone(0.2, 16000), abs=1e-4)


def test_what_ffmpeg_refuses_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.m4a"
    path.write_bytes(b"x")
    fake_ffmpeg(tmp_path, "echo noise >&2; echo moov atom not found >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RecordingError, match="ffmpeg says moov atom not found"):
        read(path)
