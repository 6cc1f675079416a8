"""Embeddings of whole recordings, and how alike two are.

Shapes: B segments, E numbers of an embedding, R recordings, N trials.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.models.outputs import check_outputs
from speechlrp.training.verification import equal_error_rate, min_dcf

BATCH = 64
PAIRS = 65536
"""Pairs whose embeddings are in memory at once."""
TARGETS = (0.01, 0.05)
"""Prior probabilities of one speaker for minDCF: those of VoxCeleb and of NIST's evaluations."""


@torch.inference_mode()
def embed(model: nn.Module, inputs: Tensor) -> Tensor:
    """What a model compares speakers by, of segments ``[B, 1, F, T]``: ``[B, E]``.

    The model is in evaluation mode, on the device of the inputs.

    Raises:
        SpeechLRPError: it has no embeddings, or they are not finite.
    """
    compare: Any = getattr(model, "compare", None)
    if compare is None:
        raise SpeechLRPError(
            f"{type(model).__name__} has no embeddings to compare speakers by; use model=resnet34, "
            "or give your own network a method compare(inputs) that gives [B, E]"
        )
    return check_outputs(torch.cat([compare(part) for part in inputs.split(BATCH)]))


def means(embeddings: np.ndarray, names: Iterable[str]) -> dict[str, np.ndarray]:
    """The mean over the segments ``[B, E]`` of each recording: name -> ``[E]``."""
    names = np.asarray(list(names), dtype=object)
    return {name: embeddings[names == name].mean(axis=0) for name in dict.fromkeys(names)}


def cosine_scores(embeddings: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The cosine of the angle between the embeddings of each pair, ``[N]``, in -1 to 1.

    Args:
        embeddings: of the recordings, ``[R, E]``.
        first: the row of each pair's first recording, ``[N]``.
        second: the other's.
    """
    values = embeddings.astype(np.float64)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    scores = np.empty(len(first))
    for start in range(0, len(first), PAIRS):
        block = slice(start, start + PAIRS)
        scores[block] = np.einsum("ne,ne->n", values[first[block]], values[second[block]])
    return scores


def verification(scored: pd.DataFrame) -> dict[str, float | int]:
    """Count errors of scored trials.

    Args:
        scored: columns ``same`` (bool) and ``score``.

    Returns:
        trials, same, equal_error_rate (0 to 1), and min_dcf for each of ``TARGETS``.

    Raises:
        SpeechLRPError: there are not both kinds of trials.
    """
    scores, same = scored.score.to_numpy(), scored.same.to_numpy(bool)
    counts = {"trials": len(scored), "same": int(same.sum())}
    costs = {f"min_dcf_{target:g}": min_dcf(scores, same, target=target) for target in TARGETS}
    return counts | {"equal_error_rate": equal_error_rate(scores, same)} | costs
