"""From the recogniser's scores to text.

Shapes: B utterances, V symbols, S steps, n symbols of an utterance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from speechlrp.letters.vocabulary import BLANK_INDEX, SIZE, decode


class Decoded(NamedTuple):
    """What was recognised in one utterance.

    Attributes:
        text: its letters.
        symbols: the symbols, without blanks, int64 ``[n]``.
        steps: the step of the output at which each symbol begins, int64 ``[n]``.
        ends: the step after its last, int64 ``[n]``.
    """

    text: str
    symbols: np.ndarray
    steps: np.ndarray
    ends: np.ndarray


def greedy(scores: Tensor, steps: Tensor | Sequence[int] | None = None) -> list[Decoded]:
    """Take the best symbol of each step; equal ones in a row are one, blanks are none.

    Args:
        scores: ``[B, V, S]``, logits or log-probabilities.
        steps: the steps of each utterance that count, ``[B]``; all by default.

    Raises:
        ValueError: scores of another shape, or more steps than there are.
    """
    counts = check_scores(scores, steps)
    best = scores.argmax(dim=1).cpu().numpy()
    return [collapse(row[:count]) for row, count in zip(best, counts, strict=True)]


def collapse(path: np.ndarray) -> Decoded:
    """Turn the symbols of all steps, ``[S]`` with blanks, into what they spell."""
    changes = np.flatnonzero(np.diff(path)) + 1
    begins = np.concatenate([np.zeros(min(len(path), 1), np.int64), changes])
    ends = np.concatenate([changes, np.full(min(len(path), 1), len(path))])
    said = path[begins] != BLANK_INDEX
    symbols = path[begins[said]].astype(np.int64)
    return Decoded(decode(symbols.tolist()), symbols, begins[said], ends[said])


def check_scores(scores: Tensor, steps: Tensor | Sequence[int] | None) -> list[int]:
    """Give the steps that count, as plain numbers; arguments and errors as in ``greedy``."""
    if scores.ndim != 3 or scores.shape[1] != SIZE:
        raise ValueError(f"scores must be [B, {SIZE}, S], not {list(scores.shape)}")
    if steps is None:
        return [scores.shape[2]] * len(scores)
    counts = torch.as_tensor(steps).tolist()
    if len(counts) != len(scores) or not all(0 <= n <= scores.shape[2] for n in counts):
        raise ValueError(f"steps {counts} for scores {list(scores.shape)}")
    return counts
