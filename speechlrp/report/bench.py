"""Figures of a bench: explainers by truth, measures beside it, and what a fill-in makes of it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from speechlrp.report import style


def explainers_by_truth(table: pd.DataFrame, score: str) -> Figure:
    """Draw a score (0..1) of every explainer with its interval, a panel a corpus.

    The table has the columns corpus, name, score, mean, low, high.
    """
    rows = table[table.score == score].set_index("name")
    numbers = ["mean", "low", "high"]
    rows[numbers] *= 100
    names = rows[rows.corpus == rows.corpus.iloc[0]].sort_values("mean").index
    fig, panels = _dots(rows, names, numbers, style.OTHERS[8].colour, (2.2, 2.9, 0.19))
    for axes in panels:
        axes.set_xlim(left=0)
        axes.set_xlabel(f"{score.replace('_', ' ')} (%)")
    return fig


def measures_beside_truth(table: pd.DataFrame) -> Figure:
    """Draw every measure's rank correlation with truth, a panel a corpus.

    The table has the columns corpus, measure, correlation, low, high, of one truth.
    """
    names = table.groupby("measure").correlation.mean().sort_values().index
    colour = style.STRATEGIES["lrp_rev"].colour
    rows, numbers = table.set_index("measure"), ["correlation", "low", "high"]
    fig, panels = _dots(rows, names, numbers, colour, (2.4, 2.6, 0.17))
    for axes in panels:
        axes.axvline(0, color=style.INK, linewidth=0.8)
        axes.axvspan(0.9, 1, color=style.TINT, zorder=0)
        axes.set_xlim(-1, 1)
        axes.set_xlabel("rank correlation with truth")
    return fig


def _dots(
    rows: pd.DataFrame,
    names: pd.Index,
    numbers: list[str],
    colour: str,
    size: tuple[float, float, float],
) -> tuple[Figure, list[Axes]]:
    """Means with their intervals, a panel a corpus and a row a name; `numbers` are columns."""
    corpora, at = rows.corpus.unique(), np.arange(len(names))
    fig = style.figure(size[0] + size[1] * len(corpora), 1.2 + size[2] * len(names))
    panels = fig.subplots(1, len(corpora), sharey=True, squeeze=False)[0]
    for axes, corpus in zip(panels, corpora, strict=True):
        values = rows[rows.corpus == corpus].reindex(names)[numbers].to_numpy(float)
        axes.hlines(at, values[:, 1], values[:, 2], color=colour, linewidth=1.4)
        axes.plot(values[:, 0], at, linestyle="none", marker="o", markersize=3.5, color=colour)
        style.dress(axes, grid="x")
        style.heading(axes, corpus, size=style.TEXT)
    panels[0].set_yticks(at, names, fontsize=style.SMALL)
    return fig, list(panels)


def measure_against_truth(table: pd.DataFrame, measures: Sequence[str], truth: str) -> Figure:
    """Draw every explainer by a measure and by truth (0..1), a panel a measure; of one corpus.

    The table has the columns explainer, reference, name, score, mean.
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
    for axes in grid[len(measures) :]:
        axes.remove()
    for axes in grid[: len(measures)][-wide:]:  # the lowest of every column
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(f"truth: {truth.replace('_', ' ')} (%)", fontsize=style.SMALL)
    style.legend(fig, grid[0].get_legend_handles_labels()[0], ncols=4)
    return fig
