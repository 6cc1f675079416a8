"""Numbers of a relevance map, so that maps of several explainers can be compared.

Shapes: ``N`` recordings, ``F`` bins of frequency, ``T`` frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from speechlrp.errors import SpeechLRPError
from speechlrp.measures.asked import Asked


@dataclass(frozen=True)
class Maps:
    """Relevance maps of some recordings, and what is known of these.

    Attributes:
        relevance: float64 ``[N, F, T]``.
        table: a row a recording, with what preprocessing knows of it: id, source, speaker,
            label, onset_s, duration_s, ...
        frequency: of the bins, Hz ``[F]``.
        time: centres of the frames, s ``[T]``.
        bands_hz: rising limits of frequency bands.
        period: bins from one step of the network's first stride to the next.
        asked: the network, for measures that ask it again; None: it is not at hand.
    """

    relevance: np.ndarray
    table: pd.DataFrame
    frequency: np.ndarray
    time: np.ndarray
    bands_hz: Sequence[float]
    period: int
    asked: Asked | None = None


def asked_of(maps: Maps) -> Asked:
    """The network behind the maps; SpeechLRPError where there is none."""
    if maps.asked is None:
        raise SpeechLRPError("this measure asks the network again, and only the maps are at hand")
    return maps.asked


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part over whole; NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole != 0)


def bands(maps: Maps) -> dict[str, np.ndarray]:
    """The share of absolute relevance in each frequency band, 0..1; the last holds its end.

    A map of one row holds all frequencies, and has none.
    """
    if len(maps.frequency) == 1:
        return {}
    size = np.abs(maps.relevance).sum(axis=2)
    total, shares = size.sum(axis=1), {}
    for low, high in pairwise(maps.bands_hz):
        ends = (high == maps.bands_hz[-1]) & (maps.frequency == high)
        inside = (maps.frequency >= low) & ((maps.frequency < high) | ends)
        shares[f"share_{low:g}_{high:g}_hz"] = share(size[:, inside].sum(axis=1), total)
    return shares


def mean_and_error(rows: pd.DataFrame, by: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Mean and standard error of some columns over the rows of each group, undefined ones out.

    Args:
        rows: a row a recording.
        by: columns that name the group.
        columns: numbers; NaN where one is undefined.

    Returns:
        ``by``, score (the column's name), mean, standard_error (NaN of a single row), n
        (rows that it is defined for) and undefined (the others).
    """
    long = rows.melt(id_vars=list(by), value_vars=list(columns), var_name="score")
    groups = long.groupby([*by, "score"], sort=False).value
    table = groups.agg(mean="mean", standard_error="sem", n="count", rows="size").reset_index()
    return table.assign(undefined=table.rows - table.n).drop(columns="rows")
