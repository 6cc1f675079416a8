"""Random windows of recordings, read from their files while a network is trained.

A window follows from the seed, the recording's id and the turn (the epoch) alone, whatever
the order, the number of threads or of processes.

Shapes: N samples of a piece, L samples of a window.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from speechlrp.audio.augmentation import Augmentation
from speechlrp.audio.mixing import draw_for
from speechlrp.audio.reading import read_piece
from speechlrp.audio.resampling import mono, resample
from speechlrp.audio.windows import WindowSettings, level_db
from speechlrp.errors import RecordingError, SpeechLRPError

TRIES = 10  # at a piece that is not silent
MEND = "the recordings have changed; list them again with `speechlrp preprocess --force`"


@dataclass(frozen=True)
class Source:
    """A recording to take windows of."""

    id: str  # of the recording
    path: Path  # its file
    seconds: float  # how long it is
    level_db: float  # of its loudest segment, in dB re full scale


@dataclass(frozen=True)
class Crops:
    """Take a random window of a recording, and make it harder to recognise.

    A window has the ``length`` samples of the settings. Pieces that are ``silence_db`` below the
    recording's loudest segment are drawn again, at most ten times; then the loudest is taken.
    """

    settings: WindowSettings  # of the features
    seed: int  # another seed, other windows
    augmentation: Augmentation | None = None  # what becomes of a piece; None: nothing

    def __call__(self, source: Source, turn: int) -> tuple[Tensor, int]:
        """Give a window ``[L]``, and the number of the speed at which it is played, 0 for its own.

        What is shorter than a window is padded with zeros on both sides, at random.

        Raises:
            SpeechLRPError: the file cannot be read, or is shorter than it was.
        """
        draw = draw_for(self.seed, turn, f"crop {source.id}")
        length, rate = self.settings.length, self.settings.rate
        speed, factor = self.augmentation.speed(source.id, turn) if self.augmentation else (0, 1.0)
        played = -(-length * round(factor * 100) // 100)  # samples that make a window at this speed
        samples = min(round(source.seconds * rate), played)
        latest = source.seconds - samples / rate
        below, best, loudest = self.settings.silence_db, None, -float("inf")
        floor = -float("inf") if below is None else source.level_db - below
        for _ in range(TRIES):
            start_s, channel = latest * draw.random(), self.settings.channel
            piece = read_part(source.path, start_s, samples, rate, channel)
            level = level_db(piece)
            if best is None or level > loudest:
                best, loudest = piece, level
            is_loud = level >= floor and float(piece.abs().max()) > self.settings.min_peak
            if is_loud or latest <= 0:
                break
        assert best is not None  # there is at least one try
        piece = best if self.augmentation is None else self.augmentation(best, source.id, turn)
        piece = piece[:length]
        offset = int(draw.integers(length - len(piece) + 1))
        window = piece.new_zeros(length)
        window[offset : offset + len(piece)] = piece
        return window, speed


def read_part(
    path: Path, start_s: float, samples: int, rate: int, channel: int | None = None
) -> Tensor:
    """Read a piece of a recording: ``[N]`` at ``rate``, mono.

    Only what is wanted is decoded, where libsndfile reads the format.

    Args:
        path: the file.
        start_s: where the piece begins, in s.
        samples: how many at ``rate``; where the recording ends before, zeros follow.
        rate: in Hz.
        channel: see ``resampling.mono``.

    Raises:
        SpeechLRPError: the file cannot be read, or ends before the piece begins.
    """
    try:
        wave, native = read_piece(path, start_s, samples / rate)
        wave = mono(wave, channel)
    except RecordingError as error:
        raise SpeechLRPError(f"cannot read {path} ({error}): {MEND}") from error
    if not len(wave):
        raise SpeechLRPError(f"{path} ends before {start_s:.2f} s: {MEND}")
    piece = wave if native == rate else resample(wave, native, rate)
    piece = piece[:samples]
    return torch.nn.functional.pad(piece, (0, samples - len(piece)))
