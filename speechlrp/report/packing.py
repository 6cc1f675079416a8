"""What the explorer is given of a recording, and how it is packed: to the last bit, or lightly.

Shapes: F frequency bins, T time frames, K classes, N samples; row 0 is the lowest frequency.
"""

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
import soundfile
from PIL import Image


@dataclass(frozen=True)
class Explanation:
    """A map of a recording."""

    explainer: str  # whose
    target: str  # the class explained
    relevance: np.ndarray  # `[F, T]`
    units: str = ""  # of the relevance
    answers: Sequence[tuple[float, bool, float]] = ()
    """When more and more of its strongest bins are set to the baseline: the % of bins, whether the
    network still says the true class, and that class's probability."""
    baseline: str = ""  # what they are set to


@dataclass(frozen=True)
class Recording:
    """What is known of a recording."""

    id: str  # by which a link finds it; of no two recordings the same
    name: str  # for people
    features: np.ndarray  # `[F, T]`; NaN where there are none, such as after a recording's end
    probabilities: Sequence[float] | np.ndarray
    """Of the classes `[K]`; empty where nothing is classified."""
    maps: Sequence[Explanation]  # its explanations
    label: str = ""  # the true class; empty where it is not known
    speaker: str = ""  # who speaks
    condition: str = ""  # what was mixed in
    samples: np.ndarray | None = None  # its sound `[N]`, -1 to 1; None: there is none to hear
    rate: int = 0  # samples a second
    onset_s: float = 0.0  # where the sound begins on the time axis, s
    marks: Sequence[Sequence[tuple[float, float, str]]] = ()
    """Rows of what is said when, the lowest first, such as phonemes and words: begin and end on the
    time axis (s), and the text."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """More to tell, such as its place in a longer recording."""

    @property
    def arrays(self) -> list[np.ndarray]:
        """Features and maps."""
        return [self.features, *(one.relevance for one in self.maps)]


STEPS = 63
"""Of the features in a light packing: 80 dB in steps of 1.3."""

LEVELS = (31, 20, 14, 10, 7)
"""Steps of relevance of either sign in a light packing, the finest first."""


@dataclass(frozen=True)
class Light:
    """What a light packing leaves to be known."""

    low: float | None  # the feature at step 0; None where there are no features
    step: float  # between its steps
    levels: int  # of relevance, of either sign
    scales: Sequence[float]  # of each map, the relevance of the last level


def sound_text(samples: np.ndarray | None, rate: int) -> str:
    """A sound `[N]` of 16 bits as FLAC, in base64; what is beyond 1 is clipped; nothing of none."""
    if samples is None or not len(samples):
        return ""
    buffer = BytesIO()
    soundfile.write(buffer, np.clip(np.nan_to_num(samples), -1, 1), rate, "PCM_16", format="FLAC")
    return _text(buffer.getvalue())


def exact_text(arrays: Sequence[np.ndarray]) -> str:
    """Features and maps `[F, T]`, deflated.

    Floats come in planes, their first bytes, then their second, ...: what varies little
    stands together. Those of 16 bits keep 16, all others 32.
    """
    planes = [
        np.ascontiguousarray(values, dtype=f"<f{size}").view(np.uint8).reshape(-1, size).T.tobytes()
        for values, size in zip(arrays, sizes(arrays), strict=True)
    ]
    deflate = zlib.compressobj(6, wbits=-15)
    return _text(deflate.compress(b"".join(planes)) + deflate.flush())


def sizes(arrays: Sequence[np.ndarray]) -> list[int]:
    """Bytes of a number of each array, as `exact_text` keeps it."""
    return [2 if values.dtype == np.float16 else 4 for values in arrays]


def light_text(features: np.ndarray, maps: Sequence[np.ndarray], levels: int) -> tuple[str, Light]:
    """The same as images without further loss (WebP), a line each: features, then three maps each.

    Maps of one recording are alike, so three of them take less in one image than alone. Relevance
    is the cube of its level: what can be seen lies within two decades of the largest.
    """
    known = features[np.isfinite(features)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    step = (high - low) / STEPS or 1.0
    images = [np.round((np.nan_to_num(features, nan=low) - low) / step)]
    scales = [float(np.abs(values).max()) or 1.0 for values in maps]
    steps = [
        np.round(np.cbrt(np.asarray(values, dtype=float) / scale) * levels) + levels
        for values, scale in zip(maps, scales, strict=True)
    ]
    for i in range(0, len(steps), 3):
        three = [*steps[i : i + 3], *[np.full_like(steps[i], levels)] * 2][:3]
        images.append(np.stack(three, axis=-1))
    light = Light(low if known.size else None, step, levels, scales)
    return "\n".join(_webp(image) for image in images), light


def _webp(image: np.ndarray) -> str:
    buffer = BytesIO()
    picture = Image.fromarray(image.astype(np.uint8))
    picture.save(buffer, "WEBP", lossless=True, quality=60, method=4)
    return _text(buffer.getvalue())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
