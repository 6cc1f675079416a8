"""Embeddings of whole recordings, how alike two are, and whether one speaker says both.

A trial is accepted where its score is at least a threshold. ``P_miss`` is the share of
same-speaker trials that are refused, ``P_fa`` that of the others that are accepted.

Shapes: B segments, E numbers of an embedding, R recordings, N trials, M thresholds.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.models.heads import check_outputs

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


def error_rates(scores: np.ndarray, same: np.ndarray) -> tuple[np.ndarray, ...]:
    """Both errors at every threshold that makes a difference.

    Args:
        scores: higher for more alike, ``[N]``.
        same: whether one speaker says both, bool ``[N]``.

    Returns:
        ``P_miss``, ``P_fa`` and thresholds, ``[M]``, from a threshold above all scores
        (infinity) down to the lowest.

    Raises:
        SpeechLRPError: the two differ in length, a score is not a number, or there are no
            trials of either kind.
    """
    scores, same = np.asarray(scores, np.float64), np.asarray(same, bool)
    if scores.ndim != 1 or scores.shape != same.shape:
        raise SpeechLRPError(f"scores of shape {scores.shape} do not fit trials of {same.shape}")
    if np.isnan(scores).any():
        raise SpeechLRPError(f"{np.isnan(scores).sum()} of {len(scores)} scores are not numbers")
    if not 0 < same.sum() < len(same):
        raise SpeechLRPError(
            f"{same.sum()} of {len(same)} trials are of one speaker; both kinds are needed"
        )
    order = np.argsort(-scores, kind="stable")
    falling, hits = scores[order], same[order]
    last = np.flatnonzero(np.append(falling[:-1] != falling[1:], True))  # of each distinct score
    accepted = np.append(0, np.cumsum(hits)[last])
    false = np.append(0, np.cumsum(~hits)[last])
    miss = 1 - accepted / hits.sum()
    return miss, false / (~hits).sum(), np.append(np.inf, falling[last])


def equal_error_rate(scores: np.ndarray, same: np.ndarray) -> float:
    """The error where ``P_miss = P_fa``, on straight lines between thresholds; 0 to 1.

    Arguments and errors as in ``error_rates``.
    """
    miss, false, _ = error_rates(scores, same)
    after = int(np.argmax(miss <= false))  # never 0: there, P_miss is 1 and P_fa 0
    gap = miss - false
    part = gap[after - 1] / (gap[after - 1] - gap[after])
    return float(miss[after - 1] + part * (miss[after] - miss[after - 1]))


def min_dcf(scores: np.ndarray, same: np.ndarray, *, target: float = 0.01) -> float:
    """The least detection cost over all thresholds, as a share of the best without listening.

    ``min(P_miss P + P_fa (1 - P)) / min(P, 1 - P)``, as in NIST's speaker recognition
    evaluations with equal costs; 1 is no better than to refuse or accept always.

    Args:
        scores: as in ``error_rates``.
        same: the same.
        target: prior probability ``P`` of one speaker (VoxCeleb: 0.01 or 0.05).

    Raises:
        SpeechLRPError: as in ``error_rates``, or a probability out of range.
    """
    if not 0 < target < 1:
        raise SpeechLRPError(f"minDCF needs a prior within 0 to 1; found {target}")
    miss, false, _ = error_rates(scores, same)
    cost = target * miss + (1 - target) * false
    return float(cost.min() / min(target, 1 - target))
