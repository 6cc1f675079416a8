"""Beam search over the recogniser's scores, without a dictionary or language model.

By flashlight-text, the library behind torchaudio's CTC decoder; an optional extra.

Shapes: B utterances, V symbols, S steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from speechlrp.errors import SpeechLRPError
from speechlrp.letters.decoding import Decoded, check_scores, collapse
from speechlrp.letters.vocabulary import BLANK_INDEX, SIZE

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
