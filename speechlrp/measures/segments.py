"""How much of a recording's relevance words and phonemes hold.

Shapes: T frames, n segments.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

COLUMNS = ["label", "start_s", "end_s", "relevance_share", "time_share", "ratio"]


def held(profile: np.ndarray, time: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """The part of a profile over time that lies in each of some spans.

    A frame's amount lies evenly from halfway to the frame before to halfway to the next.

    Args:
        profile: amount in each frame `[T]`.
        time: middles of the frames in s, rising, `[T]`.
        spans: begin and end in s `[n, 2]`.

    Returns:
        `[n]`.
    """
    half = np.diff(time) / 2 if len(time) > 1 else np.array([0.5])
    edges = np.concatenate([[time[0] - half[0]], time[:-1] + half, [time[-1] + half[-1]]])
    below = np.interp(spans, edges, np.concatenate([[0.0], np.cumsum(profile, dtype=float)]))
    return below[:, 1] - below[:, 0]


def segments(
    profile: np.ndarray,
    time: np.ndarray,
    spoken: Sequence[tuple[float, float, str]],
    span: tuple[float, float],
) -> pd.DataFrame:
    """Shares of a recording's relevance, and of its time, in each word or phoneme.

    Args:
        profile: absolute relevance of each frame `[T]`.
        time: middles of the frames in s, rising, `[T]`.
        spoken: begin and end in s on the same clock, and what is said.
        span: begin and end of the recording; what lies outside, such as padding, is left out of
            every share.

    Returns:
        A row a segment, with `COLUMNS`; the ratio of the shares is 1 where relevance is
        spread evenly over time. NaN where the recording has no relevance at all.
    """
    spans = np.array([s[:2] for s in spoken], dtype=float).reshape(-1, 2).clip(*span)
    whole = held(profile, time, np.array([span]))[0]
    share = held(profile, time, spans) / (whole or np.nan)
    of_time = np.diff(spans)[:, 0] / (span[1] - span[0])
    ratio = np.divide(share, of_time, out=np.full(len(share), np.nan), where=of_time > 0)
    labels = [label for *_, label in spoken]
    values = (labels, *spans.T, share, of_time, ratio)
    return pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))


def by_label(table: pd.DataFrame) -> pd.DataFrame:
    """Means of `segments` over all occurrences of a label, the most relevant for its time first.

    Args:
        table: as `segments` gives it, of many recordings, with their tier.

    Returns:
        A row a tier and label: count, means of both shares, and the ratio of these means.
    """
    known = table.dropna(subset="relevance_share")
    shares = ["relevance_share", "time_share"]
    groups = known.groupby(["tier", "label"], sort=False)[shares]
    means = groups.mean().assign(count=groups.size())
    means["ratio"] = means.relevance_share / means.time_share
    order = ["count", *shares, "ratio"]
    return means[order].sort_values("ratio", ascending=False, kind="stable").reset_index()
