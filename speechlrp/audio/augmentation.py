"""What is done to a piece of a training recording: another speed, a room, an addition.

Shapes: N samples.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from speechlrp.audio.mixing import Mixer, change_speed, draw_for, reverberate
from speechlrp.audio.reading import read
from speechlrp.audio.resampling import check_mix, mono, resample
from speechlrp.errors import RecordingError, SpeechLRPError

KEPT = 64  # files of additions that stay in memory


class Augmentation:
    """Change speed, then let it sound as in a room, then mix something in.

    What an item gets follows from the seed, its name and the turn alone.

    Args:
        seed: another seed, other changes.
        mixer: see ``mixing.Mixer``; None: nothing is mixed in.
        responses: files of impulse responses.
        load: a file of those -> its samples ``[N]``.
        reverberation: share of the items that sound as in one of these rooms.
        speeds: factors such as 0.9 and 1.1, beside the recording's own; all alike likely.

    Raises:
        SpeechLRPError: the share is not one, there is nothing to draw a room from, or a
            speed is out of range.
    """

    def __init__(
        self,
        *,
        seed: int,
        mixer: Mixer | None = None,
        responses: Sequence[Path] = (),
        load: Callable[[Path], Tensor] | None = None,
        reverberation: float = 0.0,
        speeds: Sequence[float] = (),
    ) -> None:
        if not 0 <= reverberation <= 1:
            raise SpeechLRPError(f"mixing.reverberation is {reverberation}; it must be 0 to 1")
        for speed in speeds:
            if not 0.5 <= speed <= 2 or round(speed * 100) == 100:
                raise SpeechLRPError(
                    f"mixing.speeds holds {speed}; each must be 0.5 to 2 and not 1"
                )
        self.seed, self.mixer, self.load = seed, mixer, load
        self.responses = responses
        self.reverberation = reverberation if responses else 0.0
        self.speeds = (1.0, *speeds)

    def speed(self, name: str, turn: int) -> tuple[int, float]:
        """Number (0 for the recording's own) and factor of the speed that an item is played at."""
        number = int(draw_for(self.seed, turn, f"speed {name}").integers(len(self.speeds)))
        return number, self.speeds[number]

    def __call__(self, wave: Tensor, name: str, turn: int) -> Tensor:
        """Samples ``[N]`` of an item -> about ``[N / speed]``."""
        number, factor = self.speed(name, turn)
        if number:
            wave = change_speed(wave, factor)
        draw = draw_for(self.seed, turn, f"room {name}")
        if self.load and draw.random() < self.reverberation:
            chosen = self.responses[int(draw.integers(len(self.responses)))]
            wave = reverberate(wave, self.load(chosen))
        return self.mixer(wave, name, turn)[0] if self.mixer else wave


def loader(rate: int) -> Callable[[Path], Tensor]:
    """A function that reads what is added, ``[N]`` at ``rate``; it keeps the last files.

    It raises a SpeechLRPError for a file that cannot be read.
    """

    @lru_cache(KEPT)
    def load(path: Path) -> Tensor:
        try:
            wave, native = read(path)
            check_mix(wave, mono(wave))
        except RecordingError as error:
            raise SpeechLRPError(f"cannot mix in {path}: {error}; remove or replace it") from error
        return mono(wave) if native == rate else resample(mono(wave), native, rate)

    return load
