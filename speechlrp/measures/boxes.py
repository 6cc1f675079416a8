"""Regions of recordings: bands of frequency, stretches of time, and both.

Shapes: N recordings, R regions, F frequency bins, T frames.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

REGION = ("low_hz", "high_hz", "start_s", "end_s")
"""Limits of a region; NaN: there is none. Times are in s of the recording's file."""
_NONE = dict(zip(REGION, (-np.inf, np.inf, -np.inf, np.inf), strict=True))


def covered(
    regions: pd.DataFrame, table: pd.DataFrame, frequency: np.ndarray, time: np.ndarray
) -> np.ndarray:
    """Which bins lie in any of some regions, ``[N, F, T]`` of bool.

    A bin does where its middle is not below the lower limits and below the upper ones.

    Args:
        regions: R rows with the columns `REGION`.
        table: N rows with start_s and onset_s, see `FeatureBatch`.
        frequency: of the bins, Hz ``[F]``.
        time: middles of the frames, s of the window ``[T]``.
    """
    limits = (regions[name].fillna(none).to_numpy(float)[:, None] for name, none in _NONE.items())
    low, high, start, end = limits
    bins = (frequency >= low) & (frequency < high)
    shift = (table.start_s - table.onset_s).to_numpy(float)[:, None, None]
    frames = (time + shift >= start) & (time + shift < end)  # [N, R, T]
    return (bins[None, :, :, None] & frames[:, :, None, :]).any(1)
