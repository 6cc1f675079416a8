"""Whether relevance adds up, and where an LRP explanation keeps and loses it, layer by layer.

Shapes: ``B`` examples.
"""

from collections.abc import Sequence
from typing import cast

import pandas as pd
import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.base import NOTHING, Explainer
from speechlrp.explainers.lrp import LRP
from speechlrp.explainers.preconditions import check
from speechlrp.explainers.question import answer, explaining, logits_of, plain
from speechlrp.lrp import conservation as balances
from speechlrp.lrp.engine import Start

MOST = 0.5
"""Share of the relevance whose loss is told."""

SUMS = ("received", "passed", "bias", "stabiliser")


def conservation(explainer: LRP, model: nn.Module, inputs: Tensor, target: Tensor) -> pd.DataFrame:
    """The sums of relevance in and out of every operation, over a batch.

    Args:
        explainer: whose rules.
        model: in evaluation mode.
        inputs: ``[B, ...]``.
        target: classes ``[B]``.

    Returns:
        A row an operation, from the output to the input: step, module, operation, rule, n
        (``B``), and sums over the batch in the units of the output: received, passed, bias,
        stabiliser (see ``speechlrp.lrp.Balance``); NaN where the rule does not say.

    Raises:
        SpeechLRPError: as ``LRP.explain``; another explainer.
    """
    if not isinstance(explainer, LRP):
        kind = type(explainer).__name__
        raise SpeechLRPError(f"only LRP passes relevance from layer to layer; {kind} does not")
    with explaining():
        check(model, inputs)
        composite, start = explainer.composite, cast(Start, explainer.start)
        balanced = balances(model, inputs, plain(target), composite, start=start)
    rows = [
        {
            "step": step,
            "module": one.name,
            "operation": one.operation,
            "rule": one.rule,
            "n": len(inputs),
            **{name: float(getattr(one, name).double().sum()) for name in SUMS},
        }
        for step, one in enumerate(balanced)
    ]
    return pd.DataFrame(rows)


def summarise_conservation(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Means over all examples of several batches' tables, and what the whole way absorbs.

    Returns:
        The columns of ``conservation`` as means, and bias_share and stabiliser_share: of the
        relevance that the output began with (beyond 1 where positive and negative cancel).
        The last row, operation ``all``, is the way from the output to the input.
    """
    names = ["step", "module", "operation", "rule"]
    total = pd.concat(parts, ignore_index=True).groupby(names, sort=False, dropna=False)
    table = total[["n", *SUMS]].agg(lambda column: column.sum(skipna=False)).reset_index()
    table[list(SUMS)] = table[list(SUMS)].div(table.n, axis=0)
    started = table.received.iloc[0]
    whole = {"step": len(table), "module": "", "operation": "all", "rule": "", "n": table.n.iloc[0]}
    whole |= {"received": started, "passed": started - (table.received - table.passed).sum()}
    whole |= {name: table[name].sum(skipna=False) for name in ("bias", "stabiliser")}
    table = pd.concat([table, pd.DataFrame([whole])], ignore_index=True)
    for name in ("bias", "stabiliser"):
        table[f"{name}_share"] = table[name] / started if started else float("nan")
    return table


def absorbed(table: pd.DataFrame) -> str:
    """Say of `summarise_conservation` that most of the relevance is absorbed; "" if it is not."""
    whole = table[table.operation == "all"].iloc[-1]
    bias, stabiliser = abs(whole.bias_share), abs(whole.stabiliser_share)
    if not bias + stabiliser > MOST:
        return ""
    return (
        f"biases absorb {bias:.0%} and stabilisers {stabiliser:.0%} of the relevance: the map adds "
        "up to what is left, not to the output"
    )


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
        SpeechLRPError: as `Explainer.explain`.

    Source: Sundararajan et al. 2017, completeness; Bach et al. 2015, conservation.
    """
    total = relevance.double().reshape(len(relevance), -1).sum(1)
    promised = torch.full_like(total, torch.nan)
    if explainer.sums_to != NOTHING:
        with explaining(), torch.no_grad():
            check(model, inputs)
            whole = answer(model, inputs.clone())
            known = explainer.promised(
                whole.logits,
                target,
                lambda: logits_of(model, explainer.origin(inputs).clone()),
                whole.dim,
            )
            promised = promised if known is None else known.to(total)
    return {"relevance_sum": total, "promised": promised, "completeness_error": total - promised}
