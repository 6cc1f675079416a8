import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from speechlrp.audio import reading
from speechlrp.audio.opening import Stream
from speechlrp.audio.reading import read, read_piece
from speechlrp.errors import RecordingError
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
    "a pipe": (lambda w, d: (d / "p.wav", os.mkfifo(d / "p.wav"))[0], "not a file"),
    "a device": (lambda w, d: Path("/dev/zero"), "not a file"),
    "no speech at this rate": (lambda w, d: w("r.wav", tone(0.2, 900), 900), "900 Hz holds no"),
    "a format without a length": (lambda w, d: w("s.voc", tone(0.2, 8000), 8000), "VOC files are"),
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


@pytest.mark.parametrize("longest_s", [None, 0.5])
def test_a_long_recording_is_read_in_blocks(
    write: Write, monkeypatch: pytest.MonkeyPatch, longest_s: float | None
) -> None:
    monkeypatch.setattr(reading, "BLOCK", 1000)
    samples = np.stack([tone(0.5, 16000), tone(0.5, 16000, 300)], 1)
    wave, _ = read(write("a.flac", samples, 16000), longest_s=longest_s)
    np.testing.assert_allclose(wave.T.numpy(), samples, atol=1e-4)


def test_no_more_is_read_than_may_be(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    own = Stream.read

    def counted(stream: Stream, frames: int, *rest: str, **options: bool) -> np.ndarray:
        counts.append(frames)
        return own(stream, frames, *rest, **options)

    monkeypatch.setattr(Stream, "read", counted)
    with pytest.raises(RecordingError, match="too long: 100 s, at most 2 s"):
        read(write("a.wav", np.zeros(800_000), 8000), longest_s=2.0)
    assert sum(counts) == 16001


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff"])
def test_a_piece_is_that_of_the_whole(write: Write, name: str) -> None:
    path = write(name, np.random.default_rng(0).normal(0, 0.1, 32000), 16000)
    whole, _ = read(path)
    piece, rate = read_piece(path, 0.5, 0.25)
    assert rate == 16000
    torch.testing.assert_close(piece, whole[:, 8000:12000], atol=1e-4, rtol=0)
    assert read_piece(path, 1.9, 1.0)[0].shape == (1, 1600)
