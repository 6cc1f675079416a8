"""Losses per example, and the probabilities that belong to them.

Shapes: B examples, K classes.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from speechlrp.errors import unknown


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


LOSSES = {"bce": bce, "cross_entropy": cross_entropy}

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
    """Give the probabilities [B, K] that a loss trains: sigmoids for ``"bce"``, else softmax."""
    return logits.sigmoid() if name == "bce" else logits.softmax(dim=1)
