"""How much of a decision hangs on how few bins. N recordings, P bins each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from speechlrp.errors import SpeechLRPError

Part = tuple[np.ndarray, np.ndarray]


def concentration(parts: Iterable[Part], classes: Sequence[str]) -> pd.DataFrame:
    """Compare the relevance of the top bins with the decision that all bins add up to.

    Positive and negative relevance nearly cancel in many networks, so that a few bins
    hold as much as the whole decision: removing them turns it, to first order. That is
    what a steep flipping curve shows; it need not mean that the other bins are unused.

    Args:
        parts: some recordings at a time: relevance `[N, ...]` of P values each, labels `[N]`.
        classes: names of the labels.

    Returns:
        The median over the recordings of each class whose relevance adds up to more
        than 0: n; cancellation (the sum of absolute relevance over the sum), the share
        of the positive relevance in the top 1 % of bins, and bins_to_cancel (how many
        of the top bins hold as much relevance as the sum).

    Raises:
        SpeechLRPError: there are no parts.
    """
    tables = [_each(*part, classes) for part in parts]
    if not tables:
        raise SpeechLRPError("there is no recording whose relevance could be looked at")
    rows = pd.concat(tables, ignore_index=True)
    grouped = rows.groupby("class", sort=False)
    return grouped.median().assign(n=grouped.n.sum()).reset_index()


def _each(relevance: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    flat = relevance.reshape(len(relevance), -1).astype(np.float64)
    ranked = np.sort(flat, axis=1)[:, ::-1].cumsum(axis=1)
    net, positive = flat.sum(axis=1), np.clip(flat, 0, None).sum(axis=1)
    top = max(1, round(0.01 * flat.shape[1]))
    for_it = net > 0
    names = np.array([classes[label] for label in labels])
    net, positive, ranked, flat = (x[for_it] for x in (net, positive, ranked, flat))
    return pd.DataFrame(
        {
            "class": names[for_it],
            "n": 1,
            "cancellation": np.abs(flat).sum(axis=1) / net,
            "positive_in_top_1_percent": ranked[:, top - 1] / positive,
            "bins_to_cancel": (ranked < net[:, None]).sum(axis=1) + 1,
        }
    )
