"""Whether explanations agree: rank correlation, and overlap of the most relevant bins.

Shapes: ``M`` maps of one recording, ``P`` bins each.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd

from speechlrp.errors import SpeechLRPError
from speechlrp.measures.scores import check_maps, check_share, mean_and_error

COLUMNS = ("spearman", "spearman_absolute", "top_overlap")


def spearman(maps: np.ndarray) -> np.ndarray:
    """Rank correlation of every map ``[M, P]`` with every other, ``[M, M]``, -1..1.

    Equal values share the mean of their ranks. NaN where one of the two maps is constant.

    Source: Spearman 1904.
    """
    columns = pd.DataFrame(check_maps(maps, "M, P", "maps").astype(np.float64).T)
    return np.clip(columns.corr("spearman").to_numpy(), -1, 1)


def top_overlap(maps: np.ndarray, share: float) -> np.ndarray:
    """The share of the most relevant bins of one map that are among those of another.

    By chance it is `share`. Of equal values at the border, each counts with the probability
    that a draw would take it, so that two maps which say nothing agree by chance alone.

    Args:
        maps: ``[M, P]``.
        share: of all bins that are called the most relevant, in (0, 1]; at least one bin.

    Returns:
        ``[M, M]``, 0..1; 1 of a map with itself.
    """
    values = check_maps(maps, "M, P", "maps")
    count = max(1, round(check_share(share) * values.shape[1]))
    border = -np.partition(-values, count - 1, axis=1)[:, count - 1 : count]
    above, tied = values > border, values == border
    places = count - above.sum(axis=1, keepdims=True)
    inside = above + tied * (places / tied.sum(axis=1, keepdims=True))
    overlap = inside @ inside.T / count
    np.fill_diagonal(overlap, 1)
    return overlap


def agreement(maps: Mapping[str, np.ndarray], share: float) -> pd.DataFrame:
    """Compare the maps of several explainers, recording by recording.

    Args:
        maps: explainer -> its maps ``[N, ...]`` of the same N recordings.
        share: see ``top_overlap``.

    Returns:
        A row a recording and a pair of explainers (of itself too): explainer, other,
        recording (0..N-1), spearman, spearman_absolute (of the maps without their signs),
        top_overlap.

    Raises:
        SpeechLRPError: there are no maps, or they differ in shape; no such share.
    """
    names, rows = list(maps), []
    shapes = {name: list(np.shape(one)) for name, one in maps.items()}
    if not names or any(shape != shapes[names[0]] for shape in shapes.values()):
        raise SpeechLRPError(
            f"maps of several explainers must be of the same recordings and bins; found {shapes}"
        )
    for i in range(len(maps[names[0]])):
        stack = np.stack([maps[name][i].reshape(-1) for name in names])
        matrices = spearman(stack), spearman(np.abs(stack)), top_overlap(stack, share)
        for a, b in combinations_with_replacement(range(len(names)), 2):
            numbers = dict(zip(COLUMNS, (float(matrix[a, b]) for matrix in matrices), strict=True))
            rows.append({"explainer": names[a], "other": names[b], "recording": i, **numbers})
    return pd.DataFrame(rows)


def summarise_agreement(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Mean and standard error over the recordings of the tables that ``agreement`` made."""
    rows = pd.concat(parts, ignore_index=True)
    return mean_and_error(rows, ["explainer", "other"], COLUMNS)


def matrix(summary: pd.DataFrame, score: str, names: Sequence[str]) -> np.ndarray:
    """A summary's means as a symmetric matrix ``[M, M]`` in the order of the names."""
    rows = summary[summary.score == score].set_index(["explainer", "other"])["mean"]
    return np.array([[rows.get((a, b), rows.get((b, a), np.nan)) for b in names] for a in names])
