"""From the recogniser's scores to text: the best symbol of each step, or a beam search.

Beam search knows no dictionary or language model; it is flashlight-text's, the library behind
torchaudio's CTC decoder, an optional extra.

Shapes: B utterances, V symbols, S steps, n symbols of an utterance.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from speechlrp.errors import SpeechLRPError
from speechlrp.letters.vocabulary import BLANK_INDEX, SIZE, decode


class Decoded(NamedTuple):
    """What was recognised in one utterance."""

    text: str  # its letters
    symbols: np.ndarray  # the symbols, without blanks, int64 ``[n]``
    steps: np.ndarray  # the step of the output at which each symbol begins, int64 ``[n]``
    ends: np.ndarray  # the step after its last, int64 ``[n]``


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


_HOPELESS = 50.0  # nats below the best: there a hypothesis is dropped


def beam(
    scores: Tensor, steps: Tensor | Sequence[int] | None = None, *, width: int = 50
) -> list[Decoded]:
    """Find the most probable text, summed over its alignments, among the best `width`.

    Its steps are those of the alignment that the search ends with, which is one of many.

    Args:
        scores: ``[B, V, S]``, logits or log-probabilities.
        steps: the steps of each utterance that count, ``[B]``; all by default.
        width: hypotheses kept at each step.

    Raises:
        SpeechLRPError: flashlight-text is not installed, or `width` is below 1.
        ValueError: as in ``greedy``.
    """
    if width < 1:
        raise SpeechLRPError(f"the beam's width is {width}; it must be at least 1")
    counts = check_scores(scores, steps)
    search = _searcher(width)
    table = scores.detach().float().log_softmax(dim=1).transpose(1, 2).contiguous().cpu()
    return [
        collapse(search(row[:count])) if count else collapse(np.zeros(0, np.int64))
        for row, count in zip(table, counts, strict=True)
    ]


def _searcher(width: int) -> Callable[[Tensor], np.ndarray]:
    """Give a function from log-probabilities ``[S, V]`` to the symbol of each step, ``[S]``."""
    try:
        from flashlight.lib.text import decoder as library
    except ImportError as error:
        raise SpeechLRPError(
            "beam search needs flashlight-text: `pip install 'speechlrp[beam]'`, or decode greedily"
        ) from error
    options = library.LexiconFreeDecoderOptions(
        beam_size=width, beam_size_token=SIZE, beam_threshold=_HOPELESS, lm_weight=0.0,
        sil_score=0.0, log_add=True, criterion_type=library.CriterionType.CTC,
    )  # fmt: skip
    decoder = library.LexiconFreeDecoder(options, library.ZeroLM(), -1, BLANK_INDEX, [])

    def search(table: Tensor) -> np.ndarray:
        best = decoder.decode(table.data_ptr(), *table.shape)[0]
        return np.array(best.tokens[1:-1], np.int64)  # a start and an end stand around them

    return search
