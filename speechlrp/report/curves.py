"""Flipping curves: accuracy against the bins flipped (T Figures 6.3, 6.5, 6.6 and 6.9).

The table is ``curve.csv`` in long form: columns ``strategy``, ``baseline``,
``repeat``, ``bins``, ``percent``, ``accuracy`` (0 to 1), and, where several were
put together, ``model`` or ``reference``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from speechlrp.errors import SpeechLRPError
from speechlrp.report import style
from speechlrp.report.labels import End, label_ends

TICKS = (0, 0.1, 0.5, 1, 2, 5, 10, 20, 30, 50, 100)
CROWDED = (2, 20, 50)
LINEAR_BELOW = 0.1
VARIANTS = ("strategy", "model", "baseline", "reference")
UNITS = {"percent": "bins flipped (% of all)", "bins": "bins flipped (count)"}


def statistics(frame: pd.DataFrame, by: str, x: str = "percent") -> pd.DataFrame:
    """Average the accuracy over repeats, in %.

    Args:
        frame: ``curve.csv``.
        by: column that names the line, such as ``"strategy"`` or ``"model"``.
        x: ``"percent"`` or ``"bins"``.

    Returns:
        Columns ``by``, ``x``, ``mean``, ``sd`` (0 where there is one repeat) and
        ``repeats``, sorted; points without a finite accuracy are left out.

    Raises:
        SpeechLRPError: a column is missing, or nothing is left to draw.
    """
    missing = sorted({by, x, "accuracy"} - set(frame.columns))
    if missing:
        raise SpeechLRPError(
            f"the flipping curve has no column {missing[0]!r}, only "
            f"{', '.join(map(str, frame.columns))}; make it again with `speechlrp flip --force`"
        )
    rows = frame[np.isfinite(frame["accuracy"].astype(float))]
    if rows.empty:
        raise SpeechLRPError(
            "the flipping curve holds no finite accuracy; make it again with "
            "`speechlrp flip --force`"
        )
    groups = rows.groupby([by, x], sort=True)["accuracy"]
    out = groups.agg(["mean", "std", "count"]).reset_index()
    out = out.rename(columns={"std": "sd", "count": "repeats"}).fillna({"sd": 0.0})
    out[["mean", "sd"]] *= 100
    return out


def flipping_curve(
    frame: pd.DataFrame,
    *,
    by: str = "strategy",
    x: str = "percent",
    scale: str | None = None,
    title: str = "",
    chance: float | None = 0.5,
    paper: Mapping[str, Mapping[float, float]] | None = None,
    halves: Mapping[str, float] | None = None,
    paper_half: tuple[float, float] | None = None,
    limit: float | None = None,
) -> Figure:
    """Draw accuracy against the share or the number of bins flipped, one line a name.

    Args:
        frame: ``curve.csv`` of one baseline (and one model or one strategy).
        by: column that names the lines: ``"strategy"`` or ``"model"``.
        x: ``"percent"`` (T Fig. 6.3, 6.6, 6.9) or ``"bins"`` (T Fig. 6.5).
        scale: ``"symlog"`` (linear below 0.1 %, then a decade as long as the next:
            what happens below 1 % can be seen) or ``"linear"``; None: symlog for
            percent, linear for bins.
        title: above the axes.
        chance: accuracy (0 to 1) of guessing; None draws no line.
        paper: name -> percent -> accuracy in %, drawn as hollow markers.
        halves: name -> bins (or percent, as ``x``) at which accuracy passes 50 %.
        paper_half: the same from the paper, as a range (T: 60 to 70 bins).
        limit: end of the x axis, in units of ``x``; None: the last point.

    Raises:
        SpeechLRPError: a column is missing, nothing to draw, or rows of several
            baselines (models, ...) would be averaged into one line.
    """
    _one_of_each(frame, by)
    points = statistics(frame, by, x)
    points = points if limit is None else points[points[x] <= limit]
    fig = style.figure(height=3.9)
    axes = fig.add_subplot()
    x_axis(axes, x, limit or float(points[x].max()), scale)
    accuracy_axis(axes)
    ends = draw_lines(axes, points, by, x)
    _draw_chance(axes, chance)
    _draw_paper(axes, paper, ends, x)
    _draw_halves(axes, halves, paper_half, x, ends)
    label_ends(axes, ends, gap=6.5)
    _legend(axes, by, points, ends, paper)
    style.heading(axes, title)
    return fig


def _one_of_each(frame: pd.DataFrame, by: str) -> None:
    for column in VARIANTS:
        if column != by and column in frame and frame[column].nunique() > 1:
            found = ", ".join(sorted(map(str, frame[column].unique())))
            raise SpeechLRPError(
                f"one line cannot hold several values of {column!r} ({found}); pick one of them"
            )


def x_axis(axes: Axes, x: str, last: float, scale: str | None = None) -> None:
    """Set scale, limits, ticks and label of the x axis, 0 included."""
    last = last if last > 0 else 1.0
    axes.set_xlabel(UNITS[x])
    if (scale or ("symlog" if x == "percent" else "linear")) == "symlog":
        linear = LINEAR_BELOW if x == "percent" else 10.0
        axes.set_xscale("symlog", linthresh=linear, linscale=0.6)
        ticks = [t for t in TICKS if t <= last] if x == "percent" else _decades(last)
        axes.xaxis.set_major_locator(
            FixedLocator([t for t in ticks if last < 50 or t not in CROWDED])
        )
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(9))
    axes.set_xlim(0, last)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _decades(last: float) -> list[float]:
    return [0.0, *(10.0**n for n in range(1, 9) if 10**n <= last)]


def accuracy_axis(axes: Axes) -> None:
    """Set the y axis to accuracy, 0 to 100 %."""
    axes.set_ylim(-2, 103)
    axes.set_yticks(range(0, 101, 25))
    axes.set_ylabel("accuracy (%)")
    style.dress(axes)


def names_of(points: pd.DataFrame, by: str) -> list[str]:
    """List the lines: known strategies in their usual order, then the rest as they come."""
    found = [str(name) for name in pd.unique(points[by])]
    known = [name for name in style.STRATEGIES if name in found]
    return known + [name for name in found if name not in known]


def draw_lines(
    axes: Axes, points: pd.DataFrame, by: str, x: str, *, width: float = 1.8
) -> list[End]:
    """Draw each line with its band of one deviation; return where the lines end."""
    ends = []
    for name, line in style.lines_for(names_of(points, by)).items():
        rows = points[points[by].astype(str) == name]
        at, mean, sd = (rows[c].to_numpy(float) for c in (x, "mean", "sd"))
        marks = line.marker if len(at) <= 30 else None
        axes.plot(
            at, mean, color=line.colour, linestyle=line.dash, marker=marks, markersize=3.5,
            linewidth=width, label=name, clip_on=False, zorder=3,
        )  # fmt: skip
        if sd.any():
            axes.fill_between(at, mean - sd, mean + sd, color=line.colour, alpha=0.2, linewidth=0)
        usual = float(np.mean(mean))
        ends.append(End(float(at[-1]), float(mean[-1]), name, line.colour, usual))
    return ends


def _draw_chance(axes: Axes, chance: float | None) -> None:
    if chance is None:
        return
    axes.axhline(100 * chance, color=style.FAINT, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)
    axes.annotate(
        "chance", (0, 100 * chance), xytext=(3, 2), textcoords="offset points",
        fontsize=style.SMALL - 1, color=style.FAINT,
    )  # fmt: skip


def _draw_paper(
    axes: Axes,
    paper: Mapping[str, Mapping[float, float]] | None,
    ends: Sequence[End],
    x: str,
) -> None:
    if not paper or x != "percent":
        return
    last = axes.get_xlim()[1]
    lines = style.lines_for([end.text for end in ends])
    for name, values in paper.items():
        if name in lines:
            shown = {p: a for p, a in values.items() if p <= last}
            axes.plot(
                list(shown), list(shown.values()), linestyle="none", marker=lines[name].marker,
                markersize=7, markerfacecolor="none", markeredgecolor=lines[name].colour,
                markeredgewidth=1.1, label=f"{name} (thesis)", clip_on=False, zorder=4,
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


def _legend(
    axes: Axes,
    by: str,
    points: pd.DataFrame,
    ends: Sequence[End],
    paper: Mapping[str, Mapping[float, float]] | None,
) -> None:
    """Say once, below the axes, what lines, band and hollow markers are."""
    entries = []
    for name, line in style.lines_for([end.text for end in ends]).items():
        words = f"{name}: {line.words}" if line.words else name
        entries.append(Line2D([], [], color=line.colour, linestyle=line.dash, label=words))
    if (points["repeats"] > 1).any():
        entries.append(
            Line2D([], [], color=style.FAINT, alpha=0.35, linewidth=7, label="±1 sd over repeats")
        )
    for artist in axes.patches:
        entries.append(artist)
    if any(line.get_label().endswith("(thesis)") for line in axes.lines):
        entries.append(
            Line2D([], [], linestyle="none", marker="o", markerfacecolor="none",
                   markeredgecolor=style.INK, label="hollow: the thesis")
        )  # fmt: skip
    axes.figure.legend(
        handles=entries, loc="outside lower left", ncols=3, frameon=False, fontsize=style.SMALL,
        labelcolor=style.INK, handlelength=2.6,
    )  # fmt: skip
