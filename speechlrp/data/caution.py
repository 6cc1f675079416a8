"""What must be known before an explanation is believed; said, and kept in the stage's record."""

from __future__ import annotations

import numpy as np
import pandas as pd

from speechlrp.measures.absorption import absorbed
from speechlrp.pipeline.stage import Context
from speechlrp.training.intervals import guessing


def caution_of_guessing(
    context: Context, table: pd.DataFrame, predicted: np.ndarray, classes: int
) -> None:
    """Warn where the network is at chance on what is explained.

    Args:
        context: of the stage; the warning becomes its note ``guessing``.
        table: of the recordings explained: label and speaker.
        predicted: the network's classes `[N]`.
        classes: how many there are.
    """
    counted = table.assign(right=table.label.to_numpy() == predicted)
    sums = counted.groupby("speaker", sort=True).right.agg(["sum", "size"])
    words = guessing(sums["sum"].tolist(), sums["size"].tolist(), classes, seed=context.config.seed)
    context.note("guessing", words)
    if words:
        context.say(f"caution: {words}")


def caution_of_losses(context: Context, conservation: pd.DataFrame, explainer: str) -> None:
    """Say where little of the relevance arrives.

    Args:
        context: of the stage.
        conservation: from `summarise_conservation`.
        explainer: its name.
    """
    words = absorbed(conservation)
    if words:
        context.say(f"note: {explainer}: {words}")
