"""Does relevance add up to what the network loses? Asked of random patches.

Shapes: ``N`` recordings, ``P`` bins each, ``n`` patches.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from speechlrp.explainers.chunks import generators
from speechlrp.measures.asked import Asked
from speechlrp.measures.scores import Maps, asked_of

PATCHES = 64
"""Random rectangles of each recording."""


def infidelity(maps: Maps) -> dict[str, np.ndarray]:
    """How much of what patches cost is not what their relevance says, 0 to 1 ``[N]``.

    ``min_b E[(b R(I) - (f(x) - f(x without I)))^2] / E[(f(x) - f(x without I))^2]``, over
    rectangles I that become the explanation's reference; R(I) is the relevance inside. The
    factor b takes away the unit, so that explainers can be compared; of slopes, R is the slope
    times the input. 0: relevance tells the losses but for a factor; 1: it tells nothing.

    Source: Yeh et al. 2019, with square removal and optimal scaling.
    """
    asked = asked_of(maps)
    inside = rectangles(asked, PATCHES)
    whole, without = asked.scaled(~inside, asked.start)
    losses = whole - without
    said = asked.said(inside)
    factor = (said * losses).sum(0) / said.square().sum(0)
    rest = (torch.nan_to_num(factor) * said - losses).square().sum(0)
    return {"infidelity": (rest / losses.square().sum(0)).cpu().numpy()}


def rectangles(asked: Asked, count: int) -> Tensor:
    """Random rectangles over frequency and time, bool ``[n, N, P]``; sides are uniform."""
    height, width = asked.inputs.shape[-2:]
    made = torch.zeros(count, *asked.inputs.shape, dtype=torch.bool, device=asked.inputs.device)
    for i, generator in enumerate(generators(asked.inputs, asked.seed)):
        corners = torch.rand(count, 2, 2, generator=generator, device=asked.inputs.device)
        for patch, (rows, columns) in zip(made[:, i], corners.tolist(), strict=True):
            patch[..., _side(rows, height), _side(columns, width)] = True
    return made.flatten(2)


def _side(drawn: list[float], length: int) -> slice:
    """From two numbers in [0, 1): a size from 1 on, and where it begins."""
    size = 1 + int(drawn[0] * length)
    start = int(drawn[1] * (length - size + 1))
    return slice(start, start + size)
