"""A pattern as the spectrogram of a sound: laid over the mean of all frames.

Shapes: ``F`` bands, ``D`` offsets from the key step, ``E`` of them that are kept.
"""

from __future__ import annotations

import numpy as np

LEAST = 0.1


def reach(counts: np.ndarray) -> slice:
    """The offsets that enough frames reach, without a gap, around the one most frames reach.

    Args:
        counts: frames that reach each offset ``[D]``.

    Returns:
        Empty where there is no frame.
    """
    enough = (counts > 0) & (counts >= LEAST * counts.max())
    if not enough.any():
        return slice(0, 0)
    centre = int(counts.argmax())
    gaps = np.flatnonzero(~enough)
    first = max(gaps[gaps < centre], default=-1) + 1
    last = min(gaps[gaps > centre], default=len(counts))
    return slice(int(first), int(last))


def laid_over(
    pattern: np.ndarray, normaliser: np.ndarray, counts: np.ndarray, strength: float
) -> np.ndarray:
    """Lay a pattern, made so strong, over the mean of all classes' frames.

    A pattern is what is left of a mean once the mean over all is subtracted: a difference,
    which has no sound of its own.

    Args:
        pattern: ``[F, D]``; NaN where no frame reaches.
        normaliser: ``[F, D]``.
        counts: frames that reach each offset ``[D]``.
        strength: what the pattern's largest absolute value becomes, in deviations.

    Returns:
        ``[E, F]``, where `reach` says so; empty where no frame reaches.
    """
    kept = reach(counts)
    shown = np.nan_to_num(pattern[:, kept]).astype(np.float64)
    size = np.abs(shown).max(initial=0.0)
    stronger = shown * (strength / size) if size > 0 else shown
    return (np.nan_to_num(normaliser[:, kept]) + stronger).T
