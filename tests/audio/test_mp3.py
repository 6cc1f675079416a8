"""An MP3 is as long as its frames say, whatever its header says."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from speechlrp.audio.reading import read
from speechlrp.errors import RecordingError

Write = Callable[..., Path]


@pytest.fixture(params=[(16000, 1), (44100, 2)], ids=["mono", "stereo"])
def mp3(write: Write, request: pytest.FixtureRequest) -> tuple[Path, int, bytes, int]:
    """A file whose bit rate varies, its samples, its bytes, and where its second frame begins."""
    rate, channels = request.param
    draw = np.random.default_rng(0).standard_normal((rate, channels))
    samples = np.concatenate([draw * 0.001, (draw * 0.3).clip(-1, 1), draw * 0])
    path = write("a.mp3", samples, rate, bitrate_mode="VARIABLE")
    content = path.read_bytes()
    second = content.index(content[:2], 4)
    return path, len(samples), content, second


def counted(content: bytes, frames: int) -> bytes:
    place = content.index(b"Xing") + 8
    return content[:place] + frames.to_bytes(4, "big") + content[place + 4 :]


def test_a_whole_file_is_read_as_it_is(mp3) -> None:
    path, samples, _, _ = mp3
    assert read(path)[0].shape[1] == samples


@pytest.mark.parametrize(
    "edit",
    [
        lambda content, second: content[second:],
        lambda content, second: b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + content[second:],
        lambda content, second: content[second:] + b"TAG" + bytes(125),
        lambda content, second: counted(content, 0),
        lambda content, second: counted(content, 10),
    ],
    ids=["no header", "tag before", "tag after", "header of none", "header of too few"],
)
def test_its_frames_are_counted(mp3, edit: Callable[[bytes, int], bytes]) -> None:
    path, samples, content, second = mp3
    path.write_bytes(edit(content, second))
    assert samples <= read(path)[0].shape[1] < samples + 3 * 1152


@pytest.mark.parametrize("frames", [1000, 0xFFFFFFFF])
def test_a_header_that_promises_too_much_is_truncated(mp3, frames: int) -> None:
    path, _, content, _ = mp3
    path.write_bytes(counted(content, frames))
    with pytest.raises(RecordingError, match=rf"truncated: \d+ of {frames} frames"):
        read(path)


@pytest.mark.parametrize("share", [0.98, 0.6, 0.05])
@pytest.mark.parametrize("headed", [True, False])
def test_one_that_is_cut_off_is_truncated(mp3, share: float, headed: bool) -> None:
    path, _, content, second = mp3
    content = content if headed else content[second:]
    path.write_bytes(content[: round(len(content) * share)])
    with pytest.raises(RecordingError, match="truncated"):
        read(path)
