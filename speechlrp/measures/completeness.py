"""Whether relevance adds up to what its explainer promises.

Shapes: ``B`` examples.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechlrp.explainers.base import CHANGE, NOTHING, Explainer
from speechlrp.explainers.chunks import baseline_like
from speechlrp.explainers.logits import answer, logits_of
from speechlrp.explainers.preconditions import check
from speechlrp.explainers.question import explaining


def completeness(
    explainer: Explainer, model: nn.Module, inputs: Tensor, target: Tensor, relevance: Tensor
) -> dict[str, Tensor]:
    """Compare the sum of relevance with what it should be.

    LRP shares out the output itself; integrated gradients what the output differs by from
    that of the baseline. The other explainers promise no sum.

    Args:
        explainer: whose ``sums_to`` holds.
        model: in evaluation mode.
        inputs: ``[B, ...]``.
        target: classes ``[B]``, or as of ``speechlrp.lrp.attribute``.
        relevance: that was explained, ``[B, ...]``.

    Returns:
        Each ``[B]``, in the units of what is explained: relevance_sum; promised, and
        completeness_error (the sum less the promised), NaN without a promise.

    Raises:
        SpeechLRPError: as ``Sensitivity.explain``.

    Source: Sundararajan et al. 2017, completeness; Bach et al. 2015, conservation.
    """
    total = relevance.double().reshape(len(relevance), -1).sum(1)
    promised = torch.full_like(total, torch.nan)
    if explainer.sums_to != NOTHING:
        with explaining(), torch.no_grad():
            check(model, inputs)
            whole = answer(model, inputs.clone())
            empty = torch.zeros_like(whole.logits[:1])
            if explainer.sums_to == CHANGE:
                base = baseline_like(explainer.baseline, inputs)
                empty = logits_of(model, base.clone())
            known = explainer.promised(whole.logits, target, empty, whole.dim)
            promised = promised if known is None else known.to(total)
    return {"relevance_sum": total, "promised": promised, "completeness_error": total - promised}
