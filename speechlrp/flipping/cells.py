"""What a network makes of recordings whose bins are flipped, counted. B recordings, P bins each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from speechlrp.flipping import STRATEGIES
from speechlrp.flipping.curve import flip
from speechlrp.flipping.fill_ins import Filled, FillIn, filled_by
from speechlrp.flipping.strategies import flipping_order
from speechlrp.models.heads import check_outputs

CELL = ["strategy", "baseline", "repeat", "bins"]
"""Columns that name a cell: a point of a curve."""
UNIT = ["label", "speaker"]
"""Columns that say whose recordings its counts are of."""


@dataclass(frozen=True)
class Flips:
    """What is done to recordings, and who judges them."""

    predict: Callable[[Tensor], tuple[Tensor, Tensor]]
    """Inputs ``[B, C, F, T]`` -> logits and probabilities, ``[B, L]`` each."""
    counts: np.ndarray  # rising numbers of bins ``[K]``
    baselines: Mapping[str, FillIn]  # name -> what flipped bins become
    strategies: Sequence[str]  # see `strategies_of`
    repeats: int  # orders that are drawn of a strategy that is repeated
    seed: int  # of the draws

    def cells(self, inputs: Tensor, relevance: Tensor, table: pd.DataFrame) -> pd.DataFrame:
        """The counts of a batch: a row a cell, label and speaker.

        Columns `CELL` and `UNIT`, n, correct, and the sum of the true class's probability.

        Args:
            inputs: ``[B, C, F, T]``.
            relevance: ``[B, ...]``, P values a recording.
            table: their B rows, with id, label and speaker.

        Raises:
            SpeechLRPError: an output is not finite; as `flipping_order`.
        """
        labels = torch.tensor(table.label.to_numpy(), device=inputs.device)
        ids, parts = table.id.astype(str).tolist(), []
        for *curve, points in self.curves(inputs, relevance, ids, labels):
            for count, point in zip(self.counts, points, strict=True):
                named = dict(zip(CELL, (*curve, int(count)), strict=True))
                parts.append(_counted(point, table).assign(**named))
        columns = [*CELL, *UNIT, "n", "correct", "probability"]
        return pd.concat(parts, ignore_index=True)[columns]

    def curves(
        self, inputs: Tensor, relevance: Tensor, ids: Sequence[str], labels: Tensor
    ) -> Iterator[tuple[str, str, int, list]]:
        """Every curve of a batch, recording by recording; arguments and errors as of `cells`.

        Recordings are called ``ids`` ``[B]`` and their true classes are ``labels`` ``[B]``. Yields
        strategy, baseline and repeat, and at each count what `scores` gives.
        """
        unflipped = [self._scores(inputs, labels)] if self.counts[0] == 0 else []
        filled = {n: filled_by(n, one, inputs, ids) for n, one in self.baselines.items()}
        ends: dict[str, list] = {}  # where every bin is flipped, no order tells
        for strategy in self.strategies:
            for repeat in range(self.repeats if STRATEGIES[strategy].repeated else 1):
                order = flipping_order(strategy, relevance, ids, self.seed, repeat)
                for baseline, points in self._points(
                    inputs, order, filled, labels, unflipped, ends
                ):
                    yield strategy, baseline, repeat, points

    def _points(
        self,
        inputs: Tensor,
        order: Tensor,
        filled: Mapping[str, Filled],
        labels: Tensor,
        unflipped: list,
        ends: dict[str, list],
    ) -> Iterator[tuple[str, list]]:
        """The scores at every count, of each baseline; those that are equal are run once."""
        done: list[tuple[Filled, list]] = []
        counts = self.counts[self.counts > 0].tolist()
        for baseline, values in filled.items():
            points = next((p for other, p in done if _same(other, values)), None)
            if points is None:
                end = ends.get(baseline, [])
                flipped = flip(inputs, order, values, counts[: len(counts) - len(end)])
                points = unflipped + [self._scores(x, labels) for x in flipped] + end
                ends[baseline] = points[-1:] if counts[-1:] == [order.shape[1]] else []
                done.append((values, points))
            yield baseline, points

    def _scores(self, inputs: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return scores(*self.predict(inputs), labels)


def _same(first: Filled, second: Filled) -> bool:
    if not (isinstance(first, Tensor) and isinstance(second, Tensor)):
        return False
    return first.shape == second.shape and torch.equal(first, second)


def scores(logits: Tensor, probabilities: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Whether each recording is classified correctly, and its true class's probability.

    Logits ``[B, L]`` decide: sigmoids that are saturated tie, and the first class would win. Both
    are ``[B]``, bool and float64, on the CPU.

    Raises:
        SpeechLRPError: a logit is not finite, which no class can be read from.
    """
    check_outputs(logits)
    true = probabilities.gather(1, labels[:, None])[:, 0]
    return (logits.argmax(1) == labels).cpu(), true.double().cpu()


def _counted(point: tuple[Tensor, Tensor], table: pd.DataFrame) -> pd.DataFrame:
    """The sums over the recordings of each label and speaker."""
    correct, probability = point
    rows = table[UNIT].reset_index(drop=True)
    rows = rows.assign(n=1, correct=correct.numpy().astype(int), probability=probability.numpy())
    return rows.groupby(UNIT, sort=False, as_index=False, dropna=False).sum()


def rates(cells: pd.DataFrame, by: list[str], bins: int) -> pd.DataFrame:
    """The accuracy and mean probability of the cells that share some columns."""
    sums = cells.groupby(by, sort=False, as_index=False)[["n", "correct", "probability"]].sum()
    sums.insert(by.index("bins") + 1, "percent", sums.bins / bins * 100)
    sums["accuracy"] = sums.correct / sums.n
    sums["probability"] = sums.probability / sums.n
    return sums
