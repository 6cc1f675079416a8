"""Losses per example, the probabilities that belong to them, and a price on relevance.

Shapes: B examples, K classes, 1 channel, F frequency bins, T frames.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from speechlrp.errors import unknown
from speechlrp.models.heads import check_outputs


def bce(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy on one-hot targets, mean over classes (T 6.1).

    Args:
        logits: [B, K].
        labels: int64 [B].

    Returns:
        The loss of each example, [B].
    """
    targets = F.one_hot(labels, logits.shape[1]).to(logits.dtype)
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(dim=1)


def cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Softmax cross-entropy (Becker et al.); shapes as in `bce`."""
    return F.cross_entropy(logits, labels, reduction="none")


def aam(logits: torch.Tensor, labels: torch.Tensor, scale: float, margin: float) -> torch.Tensor:
    """Softmax cross-entropy with an additive angular margin (Deng et al. 2019, "ArcFace").

    The target's ``s cos t`` becomes ``s cos(t + m)``; beyond ``t = pi - m``, where that would
    rise again, ``s (cos t - m sin m)``.

    Args:
        logits: ``s cos t``, [B, K].
        labels: int64 [B].
        scale: ``s``.
        margin: ``m`` in radians.

    Returns:
        The loss of each example, [B].
    """
    logits = logits.float() if logits.dtype.itemsize < 4 else logits
    cosine = logits.gather(1, labels[:, None]) / scale
    sine = (1 - cosine.square()).clamp(min=1e-7).sqrt()
    moved = cosine * math.cos(margin) - sine * math.sin(margin)
    moved = torch.where(cosine > -math.cos(margin), moved, cosine - margin * math.sin(margin))
    return cross_entropy(logits.scatter(1, labels[:, None], scale * moved), labels)


LOSSES = {"bce": bce, "cross_entropy": cross_entropy, "aam": cross_entropy}
"""By which a model is judged: a margin is of the training alone."""

PROBABILITIES = {"bce": "sigmoid", "cross_entropy": "softmax"}
"""What makes probabilities of the logits that a loss trains."""


def losses(name: str, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Give the loss of each example [B], from logits [B, K] of any precision.

    Raises:
        SpeechLRPError: an unknown name.
    """
    if name not in LOSSES:
        raise unknown("loss", name, LOSSES)
    return LOSSES[name](logits.float() if logits.dtype.itemsize < 4 else logits, labels)


def probabilities(name: str, logits: torch.Tensor) -> torch.Tensor:
    """Give the probabilities [B, K] that a loss trains: sigmoids for ``"bce"``, else softmax.

    Decide by logits, not by these: large ones all have the probability 1, and tie.

    Raises:
        SpeechLRPError: a logit is not finite.
    """
    check_outputs(logits)
    return logits.sigmoid() if name == "bce" else logits.softmax(dim=1)


@dataclass(frozen=True)
class RegionPenalty:
    """The share of an example's relevance that falls in its region, times a weight.

    Right for the right reasons: Ross et al. 2017 add the squared input gradients in a region to
    the loss. Here it is the share of the absolute relevance that falls there, by gradient x
    input, so that the weight means the same for every network, input and region.
    """

    weight: float  # of a share (0..1), beside the loss of an example
    regions: Callable[[Tensor], Tensor]
    """Rows of the dataset ``[B]`` -> which of their bins, bool ``[B, 1, F, T]``."""
    reference: Tensor  # what inputs are measured from, as the model sees it, ``[1, F, T]``

    def __call__(self, inputs: Tensor, logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        """The penalty of each example ``[B]``, with a gradient to the weights.

        Relevance is ``(x - reference) dm/dx``, ``m`` the logit of the label minus the mean of
        the others: with two classes, the whole decision.

        Inputs ``[B, 1, F, T]`` need a gradient, and logits ``[B, K]`` were made from them; `rows`
        are of the dataset ``[B]``.
        """
        true_logit = logits.gather(1, labels[:, None])[:, 0]
        margin = true_logit - (logits.sum(1) - true_logit) / max(logits.shape[1] - 1, 1)
        (slope,) = torch.autograd.grad(margin.sum(), inputs, create_graph=True)
        relevance = (slope * (inputs.detach() - self.reference)).abs().flatten(1)
        inside = relevance * self.regions(rows).to(inputs.device).flatten(1)
        tiny = torch.finfo(relevance.dtype).tiny
        return self.weight * inside.sum(1) / relevance.sum(1).clamp(min=tiny)
