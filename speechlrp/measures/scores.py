"""Relevance maps of some recordings, what measures ask of them, and the network behind them.

Shapes: ``N`` recordings, ``F`` bins of frequency, ``T`` frames; ``P = F T`` bins of a recording, of
``C`` parts each, ``n`` ways to change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.base import Explainer
from speechlrp.explainers.preconditions import chunks, generators
from speechlrp.explainers.question import answers, ask, explaining
from speechlrp.flipping.sorting import falling


@dataclass(frozen=True)
class Maps:
    """Relevance maps of some recordings, and what is known of these."""

    relevance: np.ndarray  # float64 ``[N, F, T]``
    table: pd.DataFrame
    """A row a recording, with what preprocessing knows of it: id, source, speaker, label, onset_s,
    duration_s, ..."""
    frequency: np.ndarray  # of the bins, Hz ``[F]``
    time: np.ndarray  # centres of the frames, s ``[T]``
    bands_hz: Sequence[float]  # rising limits of frequency bands
    period: int  # bins from one step of the network's first stride to the next
    asked: Asked | None = None
    """The network, for measures that ask it again; None: it is not at hand."""


def asked_of(maps: Maps) -> Asked:
    """The network behind the maps; SpeechLRPError where there is none."""
    if maps.asked is None:
        raise SpeechLRPError("this measure asks the network again, and only the maps are at hand")
    return maps.asked


def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Part over whole; NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole != 0)


def in_bands(
    frequency: np.ndarray, limits: Sequence[float]
) -> dict[tuple[float, float], np.ndarray]:
    """Which bins ``[F]`` lie between each two rising limits, Hz; the last band holds its end."""
    place = np.searchsorted(limits, frequency, side="right") - 1
    place[frequency == limits[-1]] = len(limits) - 2
    return {pair: place == i for i, pair in enumerate(pairwise(limits))}


def bands(maps: Maps) -> dict[str, np.ndarray]:
    """The share of absolute relevance in each frequency band, 0..1; the last holds its end.

    A map of one row holds all frequencies, and has none.
    """
    if len(maps.frequency) == 1:
        return {}
    size = np.abs(maps.relevance).sum(axis=2)
    total, shares = size.sum(axis=1), {}
    for (low, high), inside in in_bands(maps.frequency, maps.bands_hz).items():
        shares[f"share_{low:g}_{high:g}_hz"] = share(size[:, inside].sum(axis=1), total)
    return shares


def mean_and_error(rows: pd.DataFrame, by: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Mean and standard error of some columns over the rows of each group, undefined ones out.

    Args:
        rows: a row a recording.
        by: columns that name the group.
        columns: numbers; NaN where one is undefined.

    Returns:
        ``by``, score (the column's name), mean, standard_error (NaN of a single row), n
        (rows that it is defined for) and undefined (the others).
    """
    long = rows.melt(id_vars=list(by), value_vars=list(columns), var_name="score")
    groups = long.groupby([*by, "score"], sort=False).value
    table = groups.agg(mean="mean", standard_error="sem", n="count", rows="size").reset_index()
    return table.assign(undefined=table.rows - table.n).drop(columns="rows")


SLOPE = "per unit of the input"
"""How the units end of explainers whose numbers are slopes."""


@dataclass(frozen=True)
class Asked:
    """What was explained, and by whom."""

    explainer: Explainer  # whose maps
    model: nn.Module  # of differences from the explanation's reference
    inputs: Tensor
    """``[N, C, F, T]``, such differences: a bin of 0 is what stands for no information."""
    target: Tensor  # classes ``[N]``
    relevance: Tensor  # shaped like the inputs
    probability: str
    """What makes the target's probability of logits, ``"sigmoid"`` or ``"softmax"``."""
    seed: int = 1  # of what is drawn
    pass_size: int = 64  # inputs that go through the model at once

    @property
    def start(self) -> str:
        """The quantity that was explained; the logit where it is 1 by definition."""
        return "logit" if self.explainer.start == "one" else self.explainer.start

    def said(self, inside: Tensor) -> Tensor:
        """What sets of bins ``[n, N, P]`` add, by the map, ``[n, N]``; a slope times its input."""
        parts = self.relevance.double()
        if self.explainer.units.endswith(SLOPE):
            parts = parts * self.inputs.double()
        bins = parts.sum(1).flatten(1)
        return torch.stack([(bins * one).sum(1) for one in inside])  # all at once fill the memory

    def bins(self, relevance: Tensor) -> Tensor:
        """What an explanation ``[N, C, F, T]`` of the inputs gives to each bin, ``[N, P]``."""
        return whole_bins(self.explainer, relevance).flatten(1)

    def falling(self) -> Tensor:
        """Bins by falling relevance ``[N, P]``; between equal ones it is drawn."""
        flat = self.bins(self.relevance)
        draws = generators(self.inputs, self.seed)
        return falling(flat, torch.stack([self.drawn(flat[:1].shape[1], g) for g in draws]))

    def drawn(self, count: int, generator: torch.Generator) -> Tensor:
        """A permutation on the inputs' device."""
        return torch.randperm(count, generator=generator, device=self.inputs.device)

    def scaled(self, factors: Tensor, start: str) -> tuple[Tensor, Tensor]:
        """A quantity of the recordings ``[N]``, and with their bins scaled ``[n, N]``, float64.

        Args:
            factors: of each bin ``[n, N, P]``: 0 removes it.
            start: the quantity: ``"logit"``, ``"sigmoid"`` or ``"softmax"``.
        """
        with explaining():
            inputs, _, question, whole = ask(self.model, self.inputs, self.target, start)
            parts = []
            for part in chunks(len(factors), len(inputs), self.pass_size):
                scales = factors[part.start : part.stop].unflatten(2, (1, *inputs.shape[2:]))
                parts.append(answers(self.model, question, inputs * scales.to(inputs)))
            return whole.double(), torch.cat(parts).double()


def check_maps(relevance: np.ndarray, axes: str = "N, F, T", what: str = "relevance") -> np.ndarray:
    """Give maps back as an array, where they have as many axes as named; else SpeechLRPError.

    ``axes`` and ``what`` they are stand in the error.
    """
    relevance = np.asarray(relevance)
    if relevance.ndim != axes.count(",") + 1:
        raise SpeechLRPError(f"{what} must have the shape [{axes}]; found {list(relevance.shape)}")
    return relevance


def check_share(share: float) -> float:
    """Give a share of bins back, where it lies in (0, 1]; else SpeechLRPError."""
    if not 0 < share <= 1:
        raise SpeechLRPError(f"a share of bins lies in (0, 1], not at {share}")
    return share


def whole_bins(explainer: Explainer, relevance: Tensor) -> Tensor:
    """Relevance of inputs ``[N, C, F, T]`` as maps ``[N, 1, F, T]``.

    A bin's parts add up; their slopes, which have directions, are measured by their length.
    """
    if relevance.shape[1] > 1 and explainer.units.endswith(SLOPE):
        return relevance.norm(dim=1, keepdim=True)
    return relevance.sum(1, keepdim=True)
