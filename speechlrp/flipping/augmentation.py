"""Relevance-guided augmentation: hide from the model what it leans on (T 6.2)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.flipping import FILLS
from speechlrp.flipping.curve import flip


def fill_most_relevant(inputs: Tensor, relevance_order: Tensor, share: float, fill: str) -> Tensor:
    """Replace the bins with the highest positive relevance.

    Args:
        inputs: spectrograms `[B, C, F, T]`, P = F T bins of C parts each.
        relevance_order: bin indices by falling relevance `[B, P]`.
        share: of the bins that are replaced, in (0, 1].
        fill: ``"zero"``, or ``"mean"``: the average of the bin's Moore
            neighbourhood, taken from the untouched spectrogram; ``"none"``: what it was.

    Returns:
        New spectrograms `[B, C, F, T]`.

    Raises:
        SpeechLRPError: no such fill or share; an order of other bins.
    """
    if fill not in FILLS:
        raise unknown("fill", fill, FILLS)
    if not 0 < share <= 1:
        raise SpeechLRPError(f"a share of bins lies in (0, 1], not at {share}")
    if fill == "none":
        return inputs.clone()
    values = torch.zeros_like(inputs) if fill == "zero" else moore_mean(inputs)
    count = round(share * relevance_order.shape[1])
    (filled,) = flip(inputs, relevance_order, values.flatten(1), [count])
    return filled


def moore_mean(inputs: Tensor) -> Tensor:
    """The mean of each bin's eight neighbours; five at an edge, three in a corner.

    Args:
        inputs: `[B, C, F, T]`.
    """
    channels = inputs.shape[1]
    ring = inputs.new_ones(channels, 1, 3, 3)
    ring[:, :, 1, 1] = 0
    total = functional.conv2d(inputs, ring, padding=1, groups=channels)
    count = functional.conv2d(torch.ones_like(inputs[:1]), ring, padding=1, groups=channels)
    return total / count
