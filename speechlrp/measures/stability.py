"""Does a map stay when the input hardly changes? N recordings."""

from __future__ import annotations

import numpy as np
import torch

from speechlrp.explainers.chunks import generators
from speechlrp.measures.scores import Maps, asked_of

RADIUS = 0.02
"""The largest change of a bin, as a share of the recording's range."""
COPIES = 10


def stability(maps: Maps) -> dict[str, np.ndarray]:
    """Max-sensitivity: the largest relative change of the map under small noise, ``[N]``.

    ``max_e |R(x + e) - R(x)| / |R(x)|`` over draws of uniform noise, Euclidean norms; 0 of a
    map that does not move. NaN of a map that is 0 throughout.

    Source: Yeh et al. 2019.
    """
    asked = asked_of(maps)
    flat = asked.inputs.flatten(1)
    reach = RADIUS * (flat.amax(1) - flat.amin(1))
    before = asked.relevance.double().flatten(1)
    draws, largest = generators(asked.inputs, asked.seed), torch.zeros_like(before[:, 0])
    for _ in range(COPIES):
        noise = torch.empty_like(flat)
        for one, generator in zip(noise, draws, strict=True):
            one.uniform_(-1, 1, generator=generator)
        moved = (flat + noise * reach[:, None]).view_as(asked.inputs)
        after = asked.explainer.explain(asked.model, moved, asked.target)[1].double().flatten(1)
        largest = torch.maximum(largest, (after - before).norm(dim=1))
    return {"max_sensitivity": (largest / before.norm(dim=1)).cpu().numpy()}
