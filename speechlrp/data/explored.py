"""Which of many recordings are explored one by one, and what they are called."""

from __future__ import annotations

import numpy as np
import pandas as pd


def explored(table: pd.DataFrame, predicted: np.ndarray, count: int) -> list[int]:
    """Rows to explore: classes and speakers in turn, of each the misclassified first.

    Args:
        table: with labels and speakers.
        predicted: the network's classes `[N]`.
        count: how many.
    """
    wrong = table.label.to_numpy() != predicted
    order = table[["label", "speaker"]].assign(wrong=wrong)
    order = order.sort_values("wrong", ascending=False, kind="stable")
    turn = order.groupby(["label", "speaker"], sort=False).cumcount()
    return sorted(turn.sort_values(kind="stable").index[:count])


def name_of(one: pd.Series) -> str:
    """A recording's name for people, with the second at which a segment begins."""
    return f"{one.source}, {one.start_s:.1f} s" if one.start_s else str(one.source)
