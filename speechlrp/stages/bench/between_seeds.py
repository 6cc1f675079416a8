"""Are maps of networks that differ in their seed the same map? A measure of a bench."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from speechlrp.measures.agreement import spearman
from speechlrp.stages.bench.units import BETWEEN_SEEDS, Cell

PATCH = 16
"""Bins and frames of the patches that maps are pooled to."""


def between_seeds(cells: Sequence[Cell]) -> pd.DataFrame:
    """How a map agrees with those of the other seeds, on the same recording.

    Args:
        cells: of one explainer on one corpus, a seed each.

    Returns:
        seed, id, and the mean rank correlation with the other seeds' maps: ``seed_agreement`` of
        bins, ``seed_agreement_patches`` of means over patches.

    Source: Shen et al. 2025.
    """
    first = cells[0]
    made_of = [cell.maps.folder.name for cell in cells]
    shards = first.shards(BETWEEN_SEEDS, made_of=made_of, patch=PATCH)
    for unit in shards.missing():
        shards.put(unit, {}, pd.concat(list(_of_batch(cells, unit)), ignore_index=True))
    return shards.table()


def _of_batch(cells: Sequence[Cell], unit: int) -> Iterator[pd.DataFrame]:
    seeds = [cell.bench.member.seed for cell in cells]
    maps = np.stack([cell.maps.get(unit)[0]["relevance"] for cell in cells], axis=1)
    for name, of_seeds in zip(cells[0].bench.table(unit).id, maps, strict=True):
        pooled = functional.avg_pool2d(torch.from_numpy(of_seeds), PATCH, ceil_mode=True).numpy()
        bins, patches = (_with_others(m.reshape(len(seeds), -1)) for m in (of_seeds, pooled))
        yield pd.DataFrame(
            {"seed": seeds, "id": name, "seed_agreement": bins, "seed_agreement_patches": patches}
        )


def _with_others(maps: np.ndarray) -> np.ndarray:
    """The mean rank correlation of each map with the others, ``[S, P]`` -> ``[S]``."""
    matrix = spearman(maps)
    return (matrix.sum(1) - 1) / (len(matrix) - 1)
