"""Right for the right reasons: a price on relevance where there should be none.

Ross et al. 2017 add the squared input gradients in a region to the loss. Here it is the share
of the absolute relevance that falls there, by gradient x input, so that the weight means the
same for every network, input and region.

Shapes: B examples, 1 channel, F frequency bins, T frames, K classes.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class RegionPenalty:
    """The share of an example's relevance that falls in its region, times a weight.

    Args:
        weight: of a share (0..1), beside the loss of an example.
        regions: rows of the dataset ``[B]`` -> which of their bins, bool ``[B, 1, F, T]``.
        reference: what inputs are measured from, as the model sees it, ``[1, F, T]``.
    """

    def __init__(
        self, weight: float, regions: Callable[[Tensor], Tensor], reference: Tensor
    ) -> None:
        self.weight, self.regions, self.reference = weight, regions, reference

    def __call__(self, inputs: Tensor, logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        """The penalty of each example ``[B]``, with a gradient to the weights.

        Relevance is ``(x - reference) dm/dx``, ``m`` the logit of the label minus the mean of
        the others: with two classes, the whole decision.

        Args:
            inputs: ``[B, 1, F, T]``, which the logits were made from; they need a gradient.
            logits: ``[B, K]``.
            labels: ``[B]``.
            rows: of the dataset ``[B]``.
        """
        own = logits.gather(1, labels[:, None])[:, 0]
        margin = own - (logits.sum(1) - own) / max(logits.shape[1] - 1, 1)
        (slope,) = torch.autograd.grad(margin.sum(), inputs, create_graph=True)
        relevance = (slope * (inputs.detach() - self.reference)).abs().flatten(1)
        inside = relevance * self.regions(rows).to(inputs.device).flatten(1)
        tiny = torch.finfo(relevance.dtype).tiny
        return self.weight * inside.sum(1) / relevance.sum(1).clamp(min=tiny)
