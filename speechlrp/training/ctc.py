"""Connectionist temporal classification (Graves et al. 2006), by torch.

Shapes: B utterances, V symbols, S steps of the output, L symbols of the longest transcript.
"""

from typing import NamedTuple

import torch
from torch.nn import functional as F

from speechlrp.errors import unknown


class CTC(NamedTuple):
    """The loss of each utterance of a batch."""

    losses: torch.Tensor
    """Minus the log-probability of the transcript, in nats, float32 [B]; 0, and without a gradient,
    where the utterance is too short for it."""
    usable: torch.Tensor  # bool [B]; the others are to be counted, and left out of the mean


def output_steps(
    frames: torch.Tensor, *, stride: int, padding: str, receptive_field: int
) -> torch.Tensor:
    """Give the steps of the output that an utterance of so many frames has, int64 [B].

    Args:
        frames: int64 [B].
        stride: of the model, in frames.
        padding: of the model: ``"same"``, ceil(T / stride) steps, or ``"none"``, a step
            for each window that lies within the utterance.
        receptive_field: of the model, in frames; used with ``"none"``.

    Raises:
        SpeechLRPError: another padding.
    """
    if padding == "same":
        return -(-frames // stride)
    if padding == "none":
        return ((frames - receptive_field) // stride + 1).clamp(min=0)
    raise unknown("model.padding", padding, ("same", "none"))


def least_steps(targets: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Give the fewest steps that can spell each transcript, int64 [B].

    One a symbol, and one for the blank between two equal symbols in a row.

    Args:
        targets: int64 [B, L].
        lengths: int64 [B].
    """
    places = torch.arange(1, targets.shape[1], device=targets.device)
    within = places < lengths.to(targets.device)[:, None]
    equal = (targets[:, 1:] == targets[:, :-1]) & within
    return lengths + equal.sum(dim=1).to(lengths.device)


def ctc(
    scores: torch.Tensor,
    steps: torch.Tensor,
    targets: torch.Tensor,
    lengths: torch.Tensor,
    *,
    blank: int,
) -> CTC:
    """Compute the loss of each utterance.

    For the mean over a batch that is spread over ranks, add up ``losses`` and ``usable``.

    Args:
        scores: logits [B, V, S] of any precision.
        steps: of each utterance that count, int64 [B]; see ``output_steps``.
        targets: int64 [B, L], filled up with anything.
        lengths: symbols of each transcript, int64 [B].
        blank: the symbol that says nothing.
    """
    usable = least_steps(targets, lengths) <= steps
    losses = scores.new_zeros(len(scores), dtype=torch.float32)
    if not usable.any():
        return CTC(losses + 0 * scores.float().sum(), usable)
    chosen = usable.nonzero()[:, 0]
    there = chosen.to(scores.device)
    table = scores[there].float().log_softmax(dim=1).permute(2, 0, 1)
    nats = F.ctc_loss(
        table, targets[there.to(targets.device)], steps[chosen], lengths[chosen],
        blank=blank, reduction="none",
    )  # fmt: skip
    return CTC(losses.index_put((there,), nats), usable)
