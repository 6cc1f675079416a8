"""Which regions hold more of one class's relevance than their share, without being told where.

A region is a band of frequencies, a stretch of time of the recording, or both: what a hum, a
click, or a tone at its place would fill. A recording's share of a region is its positive
relevance there over all its positive relevance. What speech is for every class, such as its
onset, holds more than its share of the bins in all of them: a region of one class's own also
holds more than in the others.

Shapes: N recordings, F frequency bins, T frames, B bands, S stretches of time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from speechlrp.measures.shares import REGION

COLUMNS = ("class", *REGION, "share_of_bins", "positive_share", "of_others", "more", "times")
MORE = COLUMNS.index("more")
BANDS = 48
STEP_S = 0.1
MOST = 12
"""Regions of a class in the table."""


@dataclass(frozen=True)
class _Region:
    bands: slice
    steps: slice
    limits: tuple[float, float, float, float]

    def within(self, other: _Region) -> bool:
        """Whether the other holds all of it."""
        pairs = ((self.bands, other.bands), (self.steps, other.steps))
        return all(b.start <= a.start and a.stop <= b.stop for a, b in pairs)


class Excess:
    """Collect maps of many recordings, a few at a time, and rank the regions of each class.

    Args:
        frequency: of the bins, Hz ``[F]``.
        time: centres of the frames, s of the window ``[T]``.
        classes: names of the labels.
        bands: how many bands of equally many bins, at most.
        step_s: length of a stretch of time.
    """

    def __init__(
        self,
        frequency: np.ndarray,
        time: np.ndarray,
        classes: Sequence[str],
        bands: int = BANDS,
        step_s: float = STEP_S,
    ) -> None:
        self.time, self.classes, self.step_s = time, list(classes), step_s
        parts = np.array_split(np.arange(len(frequency)), min(bands, len(frequency)))
        self.starts = np.array([part[0] for part in parts])
        inner = (frequency[self.starts[1:]] + frequency[self.starts[1:] - 1]) / 2
        beyond = (3 * frequency[-1:] - frequency[-2:-1]) / 2
        self.edges = np.concatenate([frequency[:1], inner, beyond])
        self._cells: list[dict[int, np.ndarray]] = [{} for _ in self.classes]
        self._counts = np.zeros(len(self.classes), dtype=int)

    def add(self, relevance: np.ndarray, table: pd.DataFrame) -> None:
        """Add relevance ``[N, 1, F, T]``, and N rows of label, start_s, onset_s and duration_s."""
        for one, row in zip(relevance, table.itertuples(), strict=True):
            positive = np.clip(one[0], 0, None).astype(float)
            total = positive.sum()
            if not total:
                continue
            within = self.time - row.onset_s
            steps = np.floor((within + row.start_s) / self.step_s).astype(int)
            steps[(within < 0) | (within >= row.duration_s)] = -1
            by_band = np.add.reduceat(positive / total, self.starts, axis=0)
            self._put(row.label, steps, by_band, positive.shape[0])
            self._counts[row.label] += 1

    def _put(self, label: int, steps: np.ndarray, by_band: np.ndarray, bins: int) -> None:
        """Add relevance ``[B, T]`` and numbers of bins to the class's stretches of time."""
        heights = np.diff([*self.starts, bins]) / (bins * len(steps))
        for step in np.unique(steps[steps >= 0]):
            chosen = steps == step
            cell = np.stack([by_band[:, chosen].sum(1), heights * chosen.sum()])
            self._cells[label][step] = self._cells[label].get(step, 0) + cell

    def table(self) -> pd.DataFrame:
        """The regions of each class, by falling excess of its relevance.

        A region that lies in one before it of its class, or around it, is left out, and so is
        one without excess.

        Returns:
            Columns `COLUMNS`: ``share_of_bins`` and ``positive_share`` are means over the
            class's recordings; ``of_others`` is the mean of the other classes' positive
            shares of the same region; ``more`` is what positive_share has above the greater of
            the two, ``times`` how many times as much it is.
        """
        last = max((step for cells in self._cells for step in cells), default=-1) + 1
        means = np.zeros((len(self.classes), 2, len(self.starts), last))
        for label, cells in enumerate(self._cells):
            for step, cell in cells.items():
                means[label, :, :, step] = cell / self._counts[label]
        rows = [row for label in range(len(self.classes)) for row in self._ranked(means, label)]
        table = pd.DataFrame(rows, columns=COLUMNS)
        return table.sort_values("more", ascending=False, ignore_index=True, kind="stable")

    def _ranked(self, means: np.ndarray, label: int) -> Iterator[tuple]:
        others = np.delete(np.arange(len(self.classes)), label)
        others = others[self._counts[others] > 0]

        def row(region: _Region) -> tuple:
            shares = means[:, :, region.bands, region.steps].sum((2, 3))
            mine, bins = shares[label]
            of_others = shares[others, 0].mean() if len(others) else np.nan
            usual = np.fmax(of_others, bins)
            facts = (bins, mine, of_others, mine - usual, mine / usual if usual else np.nan)
            return (self.classes[label], *region.limits, *facts)

        rows = [(row(region), region) for region in self._regions(means.shape[3])]
        rows.sort(key=lambda one: one[0][MORE], reverse=True)
        taken: list[_Region] = []
        for facts, region in rows:
            if facts[MORE] <= 0 or len(taken) == MOST:
                break
            if any(region.within(one) or one.within(region) for one in taken):
                continue
            taken.append(region)
            yield facts

    def _regions(self, steps: int) -> Iterator[_Region]:
        """Bands at all times, times at all frequencies, and cells; of samples times alone."""
        bands = [(slice(0, len(self.starts)), math.nan, math.nan)]
        if len(self.edges) > 2:
            edges = enumerate(pairwise(self.edges.tolist()))
            bands += [(slice(b, b + 1), *limits) for b, limits in edges]
        times = [(slice(s, s + 1), s * self.step_s, (s + 1) * self.step_s) for s in range(steps)]
        for step, start, end in [(slice(0, steps), math.nan, math.nan), *times]:
            for band, low, high in bands:
                if not (math.isnan(low) and math.isnan(start)):
                    yield _Region(band, step, (low, high, start, end))
