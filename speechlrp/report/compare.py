"""Explainers beside each other (T Fig. 3.6, 3.7, 6.10, 6.12, 6.14).

Shapes: F frequency bins, T time frames; row 0 is the lowest frequency.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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
    title: str = "",
    units: str = "dB",
    clip: float = 0.995,
) -> Figure:
    """Draw recordings below each other and explainers side by side.

    The first column is the spectrogram, the others are relevance, red positive and blue
    negative. Explainers have different units, so that every map has a scale of its
    own: colour is full at its own quantile ``clip`` of |relevance|.

    Args:
        rows: the recordings, such as one with music above one with noise.
        maps: explainer -> its map [F, T] of each recording.
        frequency: of the rows of a map, Hz, [F].
        time: of the columns, s, [T].
        title: above the figure.
        units: of the features.
        clip: see above.

    Raises:
        SpeechLRPError: nothing to draw, or maps and recordings differ in number or shape.
    """
    _check(rows, maps, (len(frequency), len(time)))
    width, height = CELL
    size = width * (len(maps) + 1) + 1.9, height * len(rows) + 0.9 + (0.3 if title else 0)
    fig = style.figure(*size)
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
    if title:
        fig.suptitle(title, x=0.01, ha="left", fontsize=style.TITLE, color=style.INK)
    return fig


def _broken(name: str) -> str:
    """A name in lines that fit above a panel."""
    apart = name.replace(" ", "\0").replace("_", " ")
    lines = [line.replace(" ", "_").replace("\0", " ") for line in textwrap.wrap(apart, 20)]
    return "_\n".join(lines)


def _check(rows: Sequence[Row], maps: Mapping[str, Sequence[np.ndarray]], shape: tuple) -> None:
    if not rows or not maps:
        raise SpeechLRPError("no heat maps to draw; make them with `speechlrp compare`")
    for name, group in maps.items():
        if len(group) != len(rows):
            raise SpeechLRPError(f"{name} has {len(group)} maps for {len(rows)} recordings")
    for map_ in [row.features for row in rows] + [m for group in maps.values() for m in group]:
        if map_.shape != shape:
            raise SpeechLRPError(f"a map of shape {map_.shape} does not fit axes of {shape}")


def flipping_curves(
    frame: pd.DataFrame,
    areas: pd.DataFrame,
    random_order: str,
    *,
    chance: float,
    title: str = "",
) -> Figure:
    """Draw the flipping curves of all explainers, most relevant first and reversed (T Fig. 3.7).

    Args:
        frame: flipping curves of one baseline: columns explainer, strategy, repeat, percent,
            accuracy (0..1).
        areas: columns explainer, strategy, auc, for the legend.
        random_order: the name under which the strategy ``random`` runs, drawn in both.
        chance: accuracy (0..1) of guessing, 1 / classes.
        title: above the figure.

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
        axes.axhline(100 * chance, color=style.FAINT, linewidth=0.9, linestyle=(0, (1, 2)))
        style.heading(axes, words, size=style.TEXT)
    _legend(fig, names, areas, random_order)
    if title:
        fig.suptitle(title, x=0.01, ha="left", fontsize=style.TITLE, color=style.INK)
    return fig


def _legend(fig: Figure, names: Sequence[str], areas: pd.DataFrame, random_order: str) -> None:
    """Every line's name and its two areas; a flat list below the panels."""
    area = areas.groupby(["explainer", "strategy"]).auc.mean()
    entries = []
    for name, line in style.lines_for(names).items():
        kinds = ("random",) if name == random_order else ORDERS
        numbers = " / ".join(f"{area[name, kind]:.3f}" for kind in kinds)
        entries.append(Line2D([], [], color=line.colour, linestyle=line.dash, marker=line.marker,
                              markersize=4, label=f"{name}: area {numbers}"))  # fmt: skip
    fig.legend(
        handles=entries, loc="outside lower left", ncols=2, frameon=False, fontsize=style.SMALL,
        labelcolor=style.INK, handlelength=3.2, title="area: mean accuracy over the axis in %, "
        "most relevant first / most negative first; dotted: chance", title_fontsize=style.SMALL,
        alignment="left",
    )  # fmt: skip


def agreement_matrices(panels: Mapping[str, np.ndarray], names: Sequence[str]) -> Figure:
    """Draw symmetric matrices of the explainers' agreement, each number written in its cell.

    Args:
        panels: what a matrix holds -> ``[M, M]``, -1..1; NaN where it is undefined.
        names: of the M explainers.
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
    bar = fig.colorbar(drawn, ax=list(grid), fraction=0.03, pad=0.01)
    bar.set_label("mean over the recordings", fontsize=style.SMALL)
    bar.ax.tick_params(labelsize=style.SMALL)
    return fig
