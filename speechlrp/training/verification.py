"""Is it the same speaker? Errors of scores on trials.

A trial is accepted where its score is at least a threshold. ``P_miss`` is the share of
same-speaker trials that are refused, ``P_fa`` that of the others that are accepted.

Shapes: N trials, M thresholds.
"""

from __future__ import annotations

import numpy as np

from speechlrp.errors import SpeechLRPError


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
