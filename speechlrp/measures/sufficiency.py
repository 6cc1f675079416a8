"""Are the most relevant bins enough, and are they needed? Asked of the target's probability.

Shapes: ``N`` recordings, ``P`` bins each.
"""

from __future__ import annotations

import numpy as np
import torch

from speechlrp.measures.scores import Maps, asked_of

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
    positive = asked.relevance.double().flatten(1).clamp(min=0)
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
