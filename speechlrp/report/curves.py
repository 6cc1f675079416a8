"""Flipping curves: accuracy against the bins flipped (T Figures 6.3, 6.5, 6.6 and 6.9).

The table is ``curve.csv`` in long form: columns ``strategy``, ``baseline``,
``repeat``, ``bins``, ``percent``, ``accuracy`` (0 to 1), and, where several were
put together, ``model`` or ``reference``.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from speechlrp.errors import SpeechLRPError
from speechlrp.report import style
from speechlrp.report.curve_parts import (
    End,
    accuracy_axis,
    draw_lines,
    label_ends,
    statistics,
    x_axis,
)
from speechlrp.report.paper import Values

PAPER = " (thesis)"
VARIANTS = ("strategy", "model", "baseline", "reference")


def flipping_curve(
    frame: pd.DataFrame,
    *,
    by: str = "strategy",
    x: str = "percent",
    scale: str | None = None,
    chance: float,
    title: str = "",
    paper: Values | None = None,
    halves: Mapping[str, float] | None = None,
    paper_half: tuple[float, float] | None = None,
) -> Figure:
    """Draw accuracy against the share or the number of bins flipped, one line a name.

    Args:
        frame: ``curve.csv`` of one baseline (and one model or one strategy).
        by: column that names the lines: ``"strategy"`` or ``"model"``.
        x: ``"percent"`` (T Fig. 6.3, 6.6, 6.9) or ``"bins"`` (T Fig. 6.5).
        scale: ``"symlog"`` (linear below 0.1 %, then a decade as long as the next:
            what happens below 1 % can be seen) or ``"linear"``; None: symlog for
            percent, linear for bins.
        chance: accuracy (0 to 1) of guessing, 1 / classes.
        title: above the axes.
        paper: name -> percent -> accuracy in %, drawn as hollow markers.
        halves: name -> bins (or percent, as ``x``) at which accuracy passes 50 %.
        paper_half: the same from the paper, as a range (T: 60 to 70 bins).

    Raises:
        SpeechLRPError: a column is missing, nothing to draw, or rows of several
            baselines (models, ...) would be averaged into one line.
    """
    for column in VARIANTS:
        if column != by and column in frame and frame[column].nunique() > 1:
            values = ", ".join(sorted(map(str, frame[column].unique())))
            raise SpeechLRPError(
                f"one line cannot hold several values of {column!r} ({values}); pick one of them"
            )
    points = statistics(frame, by, x)
    fig = style.figure(height=3.9)
    axes = fig.add_subplot()
    x_axis(axes, x, float(points[x].max()), scale)
    accuracy_axis(axes)
    ends = draw_lines(axes, points, by, x)
    style.chance_line(axes, 100 * chance)
    axes.annotate("chance", (0, 100 * chance), xytext=(3, 2), textcoords="offset points",
                  fontsize=style.SMALL - 1, color=style.FAINT)  # fmt: skip
    if paper and x == "percent":
        _draw_paper(axes, paper, ends)
    _draw_halves(axes, halves, paper_half, x, ends)
    label_ends(axes, ends, gap=6.5)
    _legend(fig, axes, points, ends)
    style.heading(axes, title)
    return fig


def _draw_paper(axes: Axes, paper: Values, ends: Sequence[End]) -> None:
    last = axes.get_xlim()[1]
    lines = style.lines_for([end.text for end in ends])
    for name, values in paper.items():
        if name in lines:
            shown = {p: a for p, a in values.items() if p <= last}
            axes.plot(
                list(shown), list(shown.values()), linestyle="none", marker=lines[name].marker,
                markersize=7, markerfacecolor="none", markeredgecolor=lines[name].colour,
                markeredgewidth=1.1, label=name + PAPER, clip_on=False, zorder=4,
            )  # fmt: skip


def _draw_halves(
    axes: Axes,
    halves: Mapping[str, float] | None,
    paper_half: tuple[float, float] | None,
    x: str,
    ends: Sequence[End],
) -> None:
    unit = "bins" if x == "bins" else "%"
    if paper_half:
        axes.axvspan(*paper_half, color=style.GRID, zorder=0, label="50 % passed in the thesis")
    for end in ends:
        at = (halves or {}).get(end.text)
        if at is None or not np.isfinite(at) or at > axes.get_xlim()[1]:
            continue
        axes.plot([at], [50], marker="D", color=end.colour, markersize=6, zorder=5)
        axes.annotate(
            f"50 % at {at:g} {unit}", (at, 50), xytext=(9, 9), textcoords="offset points",
            fontsize=style.SMALL, color=end.colour, zorder=6,
        )  # fmt: skip


def _legend(fig: Figure, axes: Axes, points: pd.DataFrame, ends: Sequence[End]) -> None:
    """Say once, below the axes, what lines, band and hollow markers are."""
    drawn = {line.get_label(): line for line in axes.lines}
    entries: list[Artist] = []
    for name, line in style.lines_for([end.text for end in ends]).items():
        entry = line.entry(line.named(name))
        entry.set_marker(drawn[name].get_marker())
        entries.append(entry)
    if (points["repeats"] > 1).any():
        band = {"color": style.FAINT, "alpha": 0.35, "linewidth": 7}
        entries.append(Line2D([], [], label="±1 sd over repeats", **band))
    entries += list(axes.patches)
    if any(label.endswith(PAPER) for label in drawn):
        hollow = {"marker": "o", "markerfacecolor": "none", "markeredgecolor": style.INK}
        entries.append(Line2D([], [], linestyle="none", label="hollow: the thesis", **hollow))
    style.legend(fig, entries, handlelength=2.6)
