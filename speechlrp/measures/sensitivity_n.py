"""Sensitivity-n: do the sums over random bins go with what those bins cost?

Shapes: ``N`` recordings, ``P`` bins each, ``n`` sets of bins.
"""

from __future__ import annotations

import numpy as np
import torch

from speechlrp.explainers.chunks import generators
from speechlrp.measures.asked import Asked
from speechlrp.measures.scores import Maps, asked_of

SHARES = (0.01, 0.1, 0.5)
"""Of the bins of a set."""
SETS = 50
"""Of each size."""


def sensitivity_n(maps: Maps) -> dict[str, np.ndarray]:
    """The correlation of relevance and loss over sets of bins, -1 to 1 ``[N]``, for each size.

    Pearson's, over random sets of single bins that become the explanation's reference. NaN
    where either does not vary.

    Source: Ancona et al. 2018.
    """
    asked = asked_of(maps)
    columns, bins = {}, asked.inputs[:1].numel()
    for share in SHARES:
        inside = random_sets(asked, max(1, round(share * bins)))
        whole, without = asked.scaled(~inside, asked.start)
        correlation = _correlation(asked.said(inside), whole - without)
        columns[f"sensitivity_{100 * share:g}_percent"] = correlation
    return columns


def random_sets(asked: Asked, size: int) -> torch.Tensor:
    """Sets of so many bins each, bool ``[n, N, P]``."""
    bins = asked.inputs[:1].numel()
    made = torch.zeros(SETS, len(asked.inputs), bins, dtype=torch.bool, device=asked.inputs.device)
    for i, generator in enumerate(generators(asked.inputs, asked.seed + size)):
        for one in made[:, i]:
            one[asked.drawn(bins, generator)[:size]] = True
    return made


def _correlation(first: torch.Tensor, second: torch.Tensor) -> np.ndarray:
    first, second = (values - values.mean(0) for values in (first, second))
    length = (first.square().sum(0) * second.square().sum(0)).sqrt()
    correlation = (first * second).sum(0) / length  # 0 / 0 is nan
    return correlation.clamp(-1, 1).cpu().numpy()
