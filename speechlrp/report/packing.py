"""Recordings packed for the explorer: to the last bit, or lightly, for a page that holds many.

Shapes: F frequency bins, T time frames, M maps.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import soundfile
from PIL import Image

STEPS = 63
"""Of the features in a light packing: 80 dB in steps of 1.3."""

LEVELS = (31, 20, 14, 10, 7)
"""Steps of relevance of either sign in a light packing, the finest first."""


@dataclass(frozen=True)
class Light:
    """What a light packing leaves to be known.

    Attributes:
        low: the feature at step 0; None where there are no features.
        step: between its steps.
        levels: of relevance, of either sign.
        scales: of each map, the relevance of the last level.
    """

    low: float | None
    step: float
    levels: int
    scales: Sequence[float]


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
        some = [*steps[i : i + 3], *[np.full_like(steps[i], levels)] * 2][:3]
        images.append(np.stack(some, axis=-1))
    light = Light(low if known.size else None, step, levels, scales)
    return "\n".join(_webp(image) for image in images), light


def _webp(image: np.ndarray) -> str:
    buffer = BytesIO()
    picture = Image.fromarray(image.astype(np.uint8))
    picture.save(buffer, "WEBP", lossless=True, quality=60, method=4)
    return _text(buffer.getvalue())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
