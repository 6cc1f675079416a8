"""Whether relevance adds up to what its explainer promises.

Shapes: ``B`` examples.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from speechlrp.explainers.chunks import STARTS, completeness_error


def completeness(
    explainer: Any, model: nn.Module, inputs: Tensor, target: Tensor, explained: tuple
) -> dict[str, Tensor]:
    """Compare the sum of relevance with what it should be.

    LRP shares out the output itself; integrated gradients what the output differs by from
    that of the baseline. The other explainers promise no sum.

    Args:
        explainer: with ``promise``, ``"output"`` or ``"difference"``, if it makes one.
        model: in evaluation mode.
        inputs: ``[B, ...]``.
        target: classes ``[B]``.
        explained: what ``explain`` returned: outputs ``[B, K]``, relevance ``[B, ...]``.

    Returns:
        Each ``[B]``, in the units of what is explained: relevance_sum; promised, and
        completeness_error (the sum less the promised), NaN without a promise.
    """
    output, relevance = explained
    total = relevance.double().flatten(1).sum(1)
    promise = getattr(explainer, "promise", "")
    error = torch.full_like(total, torch.nan)
    if promise == "difference":
        base, start = explainer.baseline, explainer.start
        error = completeness_error(model, inputs, target, relevance, base, start).to(total)
    elif promise == "output":
        error = total - _started(output, target, explainer.start)
    return {"relevance_sum": total, "promised": total - error, "completeness_error": error}


def _started(output: Tensor, target: Tensor, start: str) -> Tensor:
    """The relevance that the target's output begins with, ``[B]``."""
    if start == "one":
        return torch.ones_like(output[:, 0]).double()
    return STARTS[start](output).gather(1, target[:, None])[:, 0].double()
