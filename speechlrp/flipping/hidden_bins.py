"""Bins of training spectrograms hidden from the model: what it leans on (T 6.2), or a region.

Shapes: B recordings, P = F T bins of C parts each, F frequencies and T frames.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.flipping import FILLS
from speechlrp.flipping.fill_ins import Surroundings, fill_ins, filled_by
from speechlrp.flipping.strategies import check_order
from speechlrp.registry import is_reference


def most_relevant(inputs: Tensor, relevance_order: Tensor, share: float) -> Tensor:
    """The bins with the highest positive relevance, `[B, 1, F, T]` of bool.

    Of spectrograms `[B, C, F, T]`, by bin indices in the order of falling relevance `[B, P]`.

    Raises:
        SpeechLRPError: the share of bins is not in (0, 1]; an order of other bins.
    """
    if not 0 < share <= 1:
        raise SpeechLRPError(f"a share of bins lies in (0, 1], not at {share}")
    check_order(relevance_order, inputs)
    bins = relevance_order[:, : round(share * relevance_order.shape[1])]
    return _marked(inputs, bins)


def at_random(
    inputs: Tensor, counts: Sequence[int], ids: Sequence[str], around: Surroundings
) -> Tensor:
    """As many bins of each recording as ``counts`` says, drawn, `[B, 1, F, T]` of bool.

    The control for bins with a reason. The draw follows from the recording's id and the seed.
    """
    drawn = [
        torch.randperm(one[0].numel(), generator=around.generator(f"bins {name}"))[:count]
        for one, count, name in zip(inputs, counts, ids, strict=True)
    ]
    pairs = zip(inputs, drawn, strict=True)
    return torch.cat([_marked(one[None], bins[None]) for one, bins in pairs])


def _marked(inputs: Tensor, bins: Tensor) -> Tensor:
    chosen = torch.zeros_like(inputs[:, :1], dtype=torch.bool)
    return chosen.flatten(1).scatter(1, bins, True).view_as(chosen)


def fill_bins(
    inputs: Tensor, chosen: Tensor, fill: str, ids: Sequence[str], around: Surroundings
) -> Tensor:
    """Replace some bins.

    Args:
        inputs: spectrograms `[B, C, F, T]`.
        chosen: which bins, bool `[B, 1, F, T]`.
        fill: ``"zero"``; ``"mean"``: the average of the bin's Moore neighbourhood, taken from
            the untouched spectrogram (T); ``"none"``: what it was; ``"neighbours"``,
            ``"donor"`` or ``"package.module:Name"``: see `FILL_INS`.
        ids: what the recordings are called `[B]`.
        around: what a fill-in may know.

    Returns:
        New spectrograms `[B, C, F, T]`.

    Raises:
        SpeechLRPError: no such fill, or one of the user's own raises or gives something else.
    """
    if fill not in FILLS and not is_reference(fill):
        raise unknown("fill", fill, FILLS)
    if fill == "none":
        return inputs.clone()
    if fill == "mean":  # T's; the fill-in of flipping is the mean over the training set
        values = moore_mean(inputs)
    else:
        filled = filled_by(fill, fill_ins([fill], around)[fill], inputs, ids)
        bins = chosen.expand_as(inputs).flatten(1)
        values = filled(bins) if callable(filled) else filled
        values = values.expand(len(inputs), -1).reshape(inputs.shape)
    return torch.where(chosen, values, inputs)


def moore_mean(inputs: Tensor) -> Tensor:
    """The mean of each bin's eight neighbours `[B, C, F, T]`; 5 at an edge, 3 in a corner."""
    channels = inputs.shape[1]
    ring = inputs.new_ones(channels, 1, 3, 3)
    ring[:, :, 1, 1] = 0
    total = functional.conv2d(inputs, ring, padding=1, groups=channels)
    count = functional.conv2d(torch.ones_like(inputs[:1]), ring, padding=1, groups=channels)
    return total / count
