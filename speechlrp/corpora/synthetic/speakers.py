"""Invented speakers: voice, accent, pitch, range, rate, vocal tract, microphone."""

import math
from dataclasses import dataclass

import numpy as np

from speechlrp.errors import SpeechLRPError

# eSpeak NG's voice variants and their median fundamental, in Hz, at pitch 50 (measured
# over the ten digits in en-us).
WOMEN = {
    "f1": 162, "f2": 173, "f3": 183, "f4": 162, "f5": 185, "linda": 216,
    "belinda": 215, "steph": 174, "aunty": 181, "Alicia": 228, "Annie": 212,
}  # fmt: skip
MEN = {
    "m1": 85, "m2": 94, "m3": 93, "m4": 83, "m5": 91, "m6": 92, "m7": 92, "m8": 74,
    "klatt": 96, "klatt4": 90, "Alex": 101, "Andy": 90, "Gene": 86, "Michael": 95,
    "Reed": 102, "adam": 90, "max": 92, "miguel": 97, "michel": 94,
}  # fmt: skip
ACCENTS = {
    "en-us": "USA", "en": "UK", "en-gb-x-rp": "UK", "en-us-nyc": "USA",
    "en-gb-scotland": "UK", "en-029": "Jamaica",
}  # fmt: skip
_ACCENT_SHARE = (0.45, 0.2, 0.1, 0.1, 0.1, 0.05)

# The medians (Hz) and the spreads (natural logarithm) of the speakers' fundamentals.
_F0 = {"male": (115.0, 0.17), "female": (195.0, 0.15)}
_PITCH_STEP = 0.0112  # one step of eSpeak NG's pitch, as a change of the logarithm

OFFICIAL_WOMEN = (12, 26, 28, 36, 43, 47, 52, 56, 57, 58, 59, 60)  # AudioMNIST's


@dataclass(frozen=True)
class Speaker:
    """One invented speaker."""

    number: int  # 1, 2,
    gender: str  # ``"male"`` or ``"female"``
    variant: str  # eSpeak NG's voice variant
    accent: str  # its English, such as ``en-us``
    f0: float  # intended median fundamental, in Hz, within what eSpeak NG's pitch reaches
    pitch: int  # eSpeak NG's pitch, 0 to 99
    range: int  # of the intonation, 0 to 99
    rate: float  # words per minute
    tract: float  # factor on all resonances; above 1 is a shorter vocal tract
    tilt: float  # of the microphone, in dB per octave about 1 kHz
    level: float  # of the loudest sample, in dB re full scale
    noise: float  # of the room, in dB re the loudest sample (root mean square)
    margin: float  # mean silence before and after the speech, in seconds

    @property
    def voice(self) -> str:
        """The voice's full name, such as ``en-us+f3``."""
        return f"{self.accent}+{self.variant}"


def cast(count: int, *, seed: int, swap_f0: bool = False) -> list[Speaker]:
    """Invent speakers; the k-th is the same however many there are of an even cast.

    Every second one is a woman, except that a cast of 60 has AudioMNIST's own twelve.
    Fundamentals, vocal tracts and intonation of the sexes overlap, as people's do.

    Args:
        count: how many.
        seed: of all that is drawn.
        swap_f0: men's fundamentals for women and women's for men, as far as eSpeak NG's pitch
            reaches; all else of the same seed stays, so that formants say one thing and the
            fundamental another.

    Raises:
        SpeechLRPError: no speakers.
    """
    if count < 1:
        raise SpeechLRPError(f"a corpus needs at least one speaker, not {count}")
    female = set(OFFICIAL_WOMEN) if count == 60 else set(range(2, count + 1, 2))
    voices = {
        "female": np.random.default_rng([seed, 1]).permutation(list(WOMEN)),
        "male": np.random.default_rng([seed, 2]).permutation(list(MEN)),
    }
    seen = {"female": 0, "male": 0}
    speakers = []
    for number in range(1, count + 1):
        gender = "female" if number in female else "male"
        variant = str(voices[gender][seen[gender] % len(voices[gender])])
        seen[gender] += 1
        sounds_like = gender if not swap_f0 else "male" if gender == "female" else "female"
        speakers.append(_speaker(number, gender, variant, seed, _F0[sounds_like]))
    return speakers


def _speaker(
    number: int, gender: str, variant: str, seed: int, fundamentals: tuple[float, float]
) -> Speaker:
    """Draw what is left to chance: seeded by the corpus's seed and the number."""
    rng = np.random.default_rng([seed, 3, number])
    median, spread = fundamentals
    f0 = median * math.exp(spread * float(np.clip(rng.standard_normal(), -2, 2)))
    tract = float(np.clip(1 + 0.035 * rng.standard_normal(), 0.93, 1.07))
    usual = (WOMEN if gender == "female" else MEN)[variant] * tract
    pitch = float(np.clip(50 + math.log(f0 / usual) / _PITCH_STEP, 4, 95))
    return Speaker(
        number=number,
        gender=gender,
        variant=variant,
        accent=str(rng.choice(list(ACCENTS), p=_ACCENT_SHARE)),
        f0=round(usual * math.exp((pitch - 50) * _PITCH_STEP), 1),
        pitch=round(pitch),
        range=int(rng.integers(30, 71)),
        rate=float(rng.uniform(150, 195)),
        tract=tract,
        tilt=float(rng.uniform(-1.5, 1.5)),
        level=float(rng.uniform(-16, -6)),
        noise=float(rng.uniform(-55, -42)),
        margin=float(rng.uniform(0.04, 0.1)),
    )
