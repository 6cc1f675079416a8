"""Figures of a bench: explainers by truth, measures beside it, and what a fill-in makes of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from speechlrp.report import style


def explainers_by_truth(table: pd.DataFrame, score: str, *, title: str = "") -> Figure:
    """Draw a score of every explainer with its interval, a panel a corpus.

    Args:
        table: columns corpus, name, score, mean, low, high.
        score: of `table`, 0..1.
        title: above the figure.
    """
    rows = table[table.score == score]
    corpora = list(rows.corpus.unique())
    first = rows[rows.corpus == corpora[0]].sort_values("mean")
    names = list(first.name)
    fig = style.figure(2.2 + 2.9 * len(corpora), 1.2 + 0.19 * len(names))
    panels = fig.subplots(1, len(corpora), sharey=True, squeeze=False)[0]
    for axes, corpus in zip(panels, corpora, strict=True):
        part = rows[rows.corpus == corpus].set_index("name").reindex(names)
        _dots(axes, 100 * part[["mean", "low", "high"]].to_numpy(float), style.OTHERS[8].colour)
        axes.set_xlim(left=0)
        axes.set_xlabel(f"{score.replace('_', ' ')} (%)")
        style.heading(axes, corpus, size=style.TEXT)
    panels[0].set_yticks(range(len(names)), names, fontsize=style.SMALL)
    _headed(fig, title)
    return fig


def measures_beside_truth(table: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw every measure's rank correlation with truth, a panel a corpus.

    Args:
        table: columns corpus, measure, correlation, low, high; of one truth.
        title: above the figure.
    """
    order = table.groupby("measure").correlation.mean().sort_values()
    names, corpora = list(order.index), list(table.corpus.unique())
    fig = style.figure(2.4 + 2.6 * len(corpora), 1.2 + 0.17 * len(names))
    panels = fig.subplots(1, len(corpora), sharey=True, squeeze=False)[0]
    for axes, corpus in zip(panels, corpora, strict=True):
        part = table[table.corpus == corpus].set_index("measure").reindex(names)
        values = part[["correlation", "low", "high"]].to_numpy(float)
        _dots(axes, values, style.STRATEGIES["lrp_rev"].colour)
        axes.axvline(0, color=style.INK, linewidth=0.8)
        axes.axvspan(0.9, 1, color=style.TINT, zorder=0)
        axes.set_xlim(-1, 1)
        axes.set_xlabel("rank correlation with truth")
        style.heading(axes, corpus, size=style.TEXT)
    panels[0].set_yticks(range(len(names)), names, fontsize=style.SMALL)
    _headed(fig, title)
    return fig


def measure_against_truth(
    table: pd.DataFrame, measures: Sequence[str], truth: str, *, title: str = ""
) -> Figure:
    """Draw every explainer by a measure and by truth, a panel a measure; of one corpus.

    Args:
        table: columns explainer, reference, name, score, mean.
        measures: scores of `table`.
        truth: likewise, 0..1.
        title: above the figure.
    """
    means = table.pivot(index="name", columns="score", values="mean")
    reference = table.drop_duplicates("name").set_index("name").reference
    lines = style.lines_for(sorted(reference.unique()))
    wide = min(3, len(measures))
    high = -(-len(measures) // wide)
    fig = style.figure(0.6 + 2.5 * wide, 0.9 + 2.0 * high)
    grid = fig.subplots(high, wide, sharex=True, squeeze=False).ravel()
    for axes, measure in zip(grid, measures, strict=False):
        for name, line in lines.items():
            of = means.loc[reference.index[reference == name]]
            label = f"from {name}" if name else "no reference, and the truth itself"
            axes.plot(100 * of[truth], of[measure], linestyle="none", marker=line.marker,
                      color=line.colour, markersize=4, label=label)  # fmt: skip
        style.heading(axes, measure, size=style.SMALL)
        style.dress(axes)
    for axes in grid[-wide:]:
        axes.set_xlabel(f"truth: {truth.replace('_', ' ')} (%)", fontsize=style.SMALL)
    handles, labels = grid[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside lower left", ncols=4, frameon=False,
               fontsize=style.SMALL)  # fmt: skip
    _headed(fig, title)
    return fig


def _dots(axes, values: np.ndarray, colour: str) -> None:
    """Means with their intervals, a row each; values ``[n, 3]``."""
    rows = np.arange(len(values))
    axes.hlines(rows, values[:, 1], values[:, 2], color=colour, linewidth=1.4)
    axes.plot(values[:, 0], rows, linestyle="none", marker="o", markersize=3.5, color=colour)
    style.dress(axes, grid="x")


def _headed(fig: Figure, title: str) -> None:
    if title:
        fig.suptitle(title, x=0.01, ha="left", fontsize=style.TITLE, color=style.INK)
