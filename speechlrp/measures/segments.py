"""How much of a recording's relevance words and phonemes hold.

Shapes: T frames, n segments.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

FEWEST = 3
"""Segments of a recording below which no rank correlation is given."""
REMOVAL = ["relevance", "cost"]
"""Where it was asked: a segment's signed relevance, and what the target loses without it."""
COLUMNS = ["label", "start_s", "end_s", "relevance_share", "time_share", "ratio"]


def held(profile: np.ndarray, time: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """The part of a profile over time that lies in each of some spans, ``[n]``.

    A frame's amount lies evenly from halfway to the frame before to halfway to the next.

    Args:
        profile: amount in each frame `[T]`.
        time: middles of the frames in s, rising, `[T]`.
        spans: begin and end in s `[n, 2]`.
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

    Of the tables of many recordings, with their tier. A row a tier and label: count, means of both
    shares, the ratio of these means, and means of `REMOVAL` where it was asked.
    """
    known = table.dropna(subset="relevance_share")
    shares, removal = ["relevance_share", "time_share"], [c for c in REMOVAL if c in table]
    groups = known.groupby(["tier", "label"], sort=False)[[*shares, *removal]]
    means = groups.mean().assign(count=groups.size())
    means["ratio"] = means.relevance_share / means.time_share
    order = ["count", *shares, "ratio", *removal]
    return means[order].sort_values("ratio", ascending=False, kind="stable").reset_index()


def removal_agreement(table: pd.DataFrame) -> np.ndarray:
    """Spearman's correlation of what segments hold with what their removal costs.

    Args:
        table: relevance and cost of the segments of one tier, with their recording.

    Returns:
        One of each recording with three segments or more whose numbers differ.
    """
    known = table.dropna(subset=REMOVAL)
    parts = (part for _, part in known.groupby("recording", sort=False) if len(part) >= FEWEST)
    each = np.array([part.relevance.rank().corr(part.cost.rank()) for part in parts], dtype=float)
    return each[np.isfinite(each)]
