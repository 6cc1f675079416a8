"""What bins cost that are taken away: does relevance tell, are the most relevant enough?

Shapes: ``N`` recordings, ``P`` bins each, ``n`` patches or sets of bins.
"""

import numpy as np
import torch
from torch import Tensor

from speechlrp.explainers.preconditions import generators
from speechlrp.measures.scores import Asked, Maps, asked_of

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
    shape = count, len(asked.inputs), height, width
    made = torch.zeros(shape, dtype=torch.bool, device=asked.inputs.device)
    for i, generator in enumerate(generators(asked.inputs, asked.seed)):
        corners = torch.rand(count, 2, 2, generator=generator, device=asked.inputs.device)
        for patch, (rows, columns) in zip(made[:, i], corners.tolist(), strict=True):
            patch[_side(rows, height), _side(columns, width)] = True
    return made.flatten(2)


def _side(drawn: list[float], length: int) -> slice:
    """From two numbers in [0, 1): a size from 1 on, and where it begins."""
    size = 1 + int(drawn[0] * length)
    start = int(drawn[1] * (length - size + 1))
    return slice(start, start + size)


SET_SHARES = (0.01, 0.1, 0.5)
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
    columns, bins = {}, asked.inputs[0, 0].numel()
    for share in SET_SHARES:
        inside = random_sets(asked, max(1, round(share * bins)))
        whole, without = asked.scaled(~inside, asked.start)
        correlation = _correlation(asked.said(inside), whole - without)
        columns[f"sensitivity_{100 * share:g}_percent"] = correlation
    return columns


def random_sets(asked: Asked, size: int) -> torch.Tensor:
    """Sets of so many bins each, bool ``[n, N, P]``."""
    bins = asked.inputs[0, 0].numel()
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


SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)
"""Of the most relevant bins, averaged over."""


def sufficiency(maps: Maps) -> dict[str, np.ndarray]:
    """What the probability loses with the most relevant bins alone, and without them, ``[N]``.

    ``sufficiency``: near 0 (or below) where they are enough; ``comprehensiveness``: the larger,
    the more the network needs them. Other bins become the explanation's reference.

    Source: DeYoung et al. 2020.
    """
    asked = asked_of(maps)
    order = asked.falling()
    tops = torch.zeros(len(SHARES), *order.shape, dtype=torch.bool, device=order.device)
    for top, share in zip(tops, SHARES, strict=True):
        top.scatter_(1, order[:, : max(1, round(share * order.shape[1]))], True)
    whole, kept = asked.scaled(tops, asked.probability)
    _, removed = asked.scaled(~tops, asked.probability)
    return {
        "sufficiency": (whole - kept).mean(0).cpu().numpy(),
        "comprehensiveness": (whole - removed).mean(0).cpu().numpy(),
    }


def masking(maps: Maps) -> dict[str, np.ndarray]:
    """What the probability does when each bin is scaled by its positive relevance, ``[N]``.

    With p of the recording and q of the masked one: ``drop`` max(0, p - q) / p, ``increase``
    1 where q > p, ``gain`` max(0, q - p) / (1 - p); their means over recordings are average
    drop, increase and gain. The mask is positive relevance over its largest.

    Source: Chattopadhay et al. 2018 (drop, increase); Zhang et al. 2024 (gain).
    """
    asked = asked_of(maps)
    positive = asked.bins(asked.relevance).double().clamp(min=0)
    largest = positive.amax(1, keepdim=True)
    mask = torch.where(largest > 0, positive / largest, 0.0)
    whole, masked = asked.scaled(mask[None], asked.probability)
    change = masked[0] - whole
    room = 1 - whole
    return {
        "drop": (-change.clamp(max=0) / whole).cpu().numpy(),
        "increase": (change > 0).double().cpu().numpy(),
        "gain": torch.where(room > 0, change.clamp(min=0) / room, 0.0).cpu().numpy(),
    }
