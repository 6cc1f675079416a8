"""Losses per example, and the probabilities that belong to them.

Shapes: B examples, K classes.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F

from speechlrp.errors import unknown
from speechlrp.models.outputs import check_outputs


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
