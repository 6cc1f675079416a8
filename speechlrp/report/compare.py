"""Explainers beside each other (T Fig. 3.6, 3.7, 6.10, 6.12, 6.14).

Shapes: F frequency bins, T time frames; row 0 is the lowest frequency.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from speechlrp.errors import SpeechLRPError
from speechlrp.report import style
from speechlrp.report.curve_parts import accuracy_axis, draw_lines, names_of, statistics, x_axis
from speechlrp.report.heatmap import relevance_bound
from speechlrp.report.panels import Panel, backdrop, colour_bar, image, value_range

ORDERS = {"lrp": "most relevant bins first", "lrp_rev": "most negative bins first"}
CELL = (1.7, 1.55)
"""Width and height of a panel in inches."""


@dataclass(frozen=True)
class Row:
    """A recording: what is written beside it, and its spectrogram [F, T]."""

    title: str
    features: np.ndarray


def explanation_grid(
    rows: Sequence[Row],
    maps: Mapping[str, Sequence[np.ndarray]],
    frequency: np.ndarray,
    time: np.ndarray,
    *,
    units: str = "dB",
    clip: float = 0.995,
) -> Figure:
    """Draw recordings below each other and explainers side by side.

    The first column is the spectrogram, the others are relevance, red positive and blue
    negative. Explainers have different units, so that every map has a scale of its
    own: colour is full at its own quantile ``clip`` of |relevance|.

    `maps` holds, of each explainer, its map [F, T] of each recording; `frequency` [F] is that of
    the rows in Hz, `time` [T] that of the columns in s, `units` are the features'.
    """
    fig = style.figure(CELL[0] * (len(maps) + 1) + 1.9, CELL[1] * len(rows) + 0.9)
    grid = fig.subplots(len(rows), len(maps) + 1, squeeze=False, sharex=True, sharey=True)
    limits = value_range([Panel(row.features) for row in rows])
    for i, row in enumerate(rows):
        for j, name in enumerate(["", *maps]):
            ax = grid[i, j]
            if name:
                shown = maps[name][i] / relevance_bound([maps[name][i]], clip)
                colour = image(ax, shown, frequency, time, style.relevance_colours(), (-1, 1))
            else:
                grey = backdrop(ax, row.features, frequency, time, limits)
            style.dress(ax, grid=None)
            if i == 0:
                style.heading(ax, _broken(name) or "input", size=style.SMALL)
            if i == len(rows) - 1:
                ax.set_xlabel("time (s)", fontsize=style.SMALL)
        label = textwrap.fill(row.title, 24)
        axis = "frequency (Hz)" if len(frequency) > 1 else "amplitude"
        grid[i, 0].set_ylabel(f"{label}\n{axis}", fontsize=style.SMALL)
    every = list(grid.flat)
    full = f"share of its map's {100 * clip:g} % quantile"
    colour_bar(fig, every, colour, f"relevance|{full}", extend=clip < 1)
    if grey:
        colour_bar(fig, every, grey, f"level|{units}")
    return fig


def _broken(name: str) -> str:
    """A name in lines that fit above a panel."""
    apart = name.replace(" ", "\0").replace("_", " ")
    lines = [line.replace(" ", "_").replace("\0", " ") for line in textwrap.wrap(apart, 20)]
    return "_\n".join(lines)


def flipping_curves(
    frame: pd.DataFrame, areas: pd.DataFrame, random_order: str, *, chance: float, title: str = ""
) -> Figure:
    """Draw the flipping curves of all explainers, most relevant first and reversed (T Fig. 3.7).

    `frame` holds curves of one baseline: explainer, strategy, repeat, percent, accuracy (0..1);
    `areas` explainer, strategy, auc, for the legend. `random_order` is the name under which the
    strategy ``random`` runs, drawn in both; `chance` the accuracy of guessing, 1 / classes.

    Raises:
        SpeechLRPError: several baselines, a missing column, or nothing to draw.
    """
    if frame.baseline.nunique() > 1:
        raise SpeechLRPError("one figure holds one flipping baseline; pick one of the table's")
    names = names_of(frame, "explainer")
    fig = style.figure(width=9.2, height=3.7 + 0.19 * -(-len(names) // 2))
    for axes, (strategy, words) in zip(
        fig.subplots(1, 2, sharey=True), ORDERS.items(), strict=True
    ):
        chosen = frame[frame.strategy.isin([strategy, "random"])]
        points = statistics(chosen, "explainer")
        x_axis(axes, "percent", float(points.percent.max()), apart=0.07)
        accuracy_axis(axes)
        draw_lines(axes, points, "explainer", "percent", width=1.5)
        style.chance_line(axes, 100 * chance)
        style.heading(axes, words, size=style.TEXT)
    area = areas.groupby(["explainer", "strategy"]).auc.mean()
    entries = []
    for name, line in style.lines_for(names).items():
        kinds = ("random",) if name == random_order else ORDERS
        numbers = " / ".join(f"{area[name, kind]:.3f}" for kind in kinds)
        entries.append(line.entry(f"{name}: area {numbers}"))
    style.legend(
        fig, entries, ncols=2, handlelength=3.2, title="area: mean accuracy (0 to 1), most "
        "relevant first / most negative first, over the bins flipped; dotted: chance",
    )  # fmt: skip
    style.titled(fig, title)
    return fig


def agreement_matrices(panels: Mapping[str, np.ndarray], names: Sequence[str]) -> Figure:
    """Draw symmetric matrices of the explainers' agreement, each number written in its cell.

    `panels`: what a matrix holds -> ``[M, M]`` of the M names, -1..1; NaN where it is undefined.
    """
    count = len(names)
    side = max(2.4, 0.42 * count + 1.2)
    fig = style.figure(width=side * len(panels) + 1.4, height=side + 1.3)
    grid = fig.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (words, values) in zip(grid, panels.items(), strict=True):
        drawn = axes.imshow(np.ma.masked_invalid(values), cmap="RdBu_r", vmin=-1, vmax=1)
        for (i, j), value in np.ndenumerate(values):
            text = f"{round(value, 2) + 0.0:.2f}".replace("0.", ".") if value == value else "-"
            colour = "white" if abs(value) > 0.6 else style.INK
            axes.text(j, i, text, ha="center", va="center", fontsize=6.5, color=colour)
        axes.set_xticks(range(count), names, rotation=90)
        axes.set_yticks(range(count), names)
        axes.tick_params(labelsize=style.SMALL - 1, colors=style.INK, length=0)
        style.heading(axes, words, size=style.TEXT)
    words = "mean over the recordings"
    style.colour_bar(fig, drawn, words, ax=list(grid), fraction=0.03, pad=0.01)
    fig.draw_without_rendering()  # one pass of the layout leaves no room for turned names
    return fig


SANITY = {
    "spearman": "rank correlation of relevance",
    "spearman_absolute": "rank correlation of |relevance|",
    "top_overlap": "overlap of the most relevant bins",
}
"""Score of the check on random layers -> what it is called."""
RANDOM = {
    "cascading": "random from the output down to",
    "independent": "random alone, all others as trained",
}


def sanity_curves(table: pd.DataFrame, *, order: str, chance: Mapping[str, float]) -> Figure:
    """Draw how much of an explanation stays when layers are made random (Adebayo et al. 2018).

    Args:
        table: columns explainer, step (0: trained), layers (the step in words), score (a key
            of ``SANITY``, others are left out), mean and standard_error over recordings.
        order: ``"cascading"`` or ``"independent"``.
        chance: score -> its value between maps that have nothing in common; absent: 0.

    Raises:
        SpeechLRPError: nothing to draw.
    """
    table = table[table.score.isin(SANITY)]
    if table.empty:
        raise SpeechLRPError("no sanity check to draw; make one with `speechlrp compare --sanity`")
    steps = table.drop_duplicates("step").sort_values("step")
    fig = style.figure(width=10.2, height=4.6)
    lines = style.lines_for(list(pd.unique(table.explainer)))
    for axes, (score, words) in zip(fig.subplots(1, len(SANITY)), SANITY.items(), strict=True):
        style.chance_line(axes, chance.get(score, 0.0))
        for name, line in lines.items():
            rows = table[(table.score == score) & (table.explainer == name)].sort_values("step")
            axes.errorbar(
                rows.step, rows["mean"], rows.standard_error.fillna(0), color=line.colour,
                linestyle=line.dash, marker=line.marker, markersize=3.5, linewidth=1.4, capsize=2,
            )  # fmt: skip
        axes.set_xticks(steps.step, steps.layers, rotation=90)
        style.dress(axes)
        axes.tick_params(axis="x", labelsize=style.SMALL - 1.5)
        style.heading(axes, words, size=style.TEXT)
        axes.set_xlabel(RANDOM[order], fontsize=style.SMALL)
    style.legend(
        fig, [line.entry(name) for name, line in lines.items()], ncols=4,
        title="against the trained network's maps, mean ± standard error over recordings; "
        "dotted: chance",
    )  # fmt: skip
    return fig
