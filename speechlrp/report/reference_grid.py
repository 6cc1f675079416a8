"""One figure that settles when LRP's order is faithful: reference x baseline.

LRP splits the output against the input 0. What the input 0 *is* follows from the
representation's reference: ``max``, the loudest value there is; ``silence``,
silence. A flipping curve puts bins to a baseline. Where the two are the same
value, the curve tests what LRP claims; elsewhere it tests something else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from speechlrp.errors import SpeechLRPError
from speechlrp.report import style
from speechlrp.report.curve_parts import accuracy_axis, draw_lines, names_of, statistics, x_axis
from speechlrp.report.labels import label_ends

REFERENCES = {
    "max": "reference max\ninput 0 = loudest (0 dB)\nLRP compares with loud",
    "silence": "reference silence\ninput 0 = silence\nLRP compares with silence",
    "LRP from zero": "LRP from zero\n(input - 0) c",
    "LRP from silence": "LRP from silence\n(input - silence) c",
    "LRP from mean": "LRP from the mean\n(input - mean) c",
}
"""Rows: what a bin's value is relative to, or what the explanation measures it from."""

BASELINES = {
    "zero": "flipped to zero",
    "silence": "flipped to silence",
    "mean": "flipped to the training mean",
}
MATCHES = {
    ("max", "zero"),
    ("silence", "zero"),
    ("silence", "silence"),
    *((f"LRP from {name}", name) for name in BASELINES),
}
MEANING = {
    ("max", "zero"): " (= loudest)",
    ("silence", "zero"): " (= silence)",
    ("silence", "silence"): " (= zero)",
}
SAME = 1.0


@dataclass(frozen=True)
class Verdict:
    """Which order the strategies came in.

    Attributes:
        order: (strategy, mean accuracy in %) by rising accuracy.
        holds: True where ``lrp`` falls below ``random`` below ``lrp_rev`` (the last
            two may tie), False where ``lrp_rev`` falls below ``lrp``, else None.
    """

    order: tuple[tuple[str, float], ...]
    holds: bool | None

    @property
    def text(self) -> str:
        """The order in one line, such as ``lrp 12 < random 88 ≈ lrp_rev 89``."""
        words = f"{self.order[0][0]} {self.order[0][1]:.0f}"
        for (_, before), (name, value) in zip(self.order, self.order[1:], strict=False):
            words += f" {'≈' if value - before < SAME else '<'} {name} {value:.0f}"
        return words

    @property
    def word(self) -> str:
        """The verdict in a word or two."""
        return {True: "✓ order holds", False: "✗ order reversed", None: "order unclear"}[self.holds]


def judge(means: Mapping[str, float]) -> Verdict:
    """Order strategies by mean accuracy (%); differences below 1 point count as ties."""
    order = tuple(sorted(means.items(), key=lambda item: item[1]))
    low, middle, high = (means.get(name) for name in ("lrp", "random", "lrp_rev"))
    holds = None
    if low is not None and high is not None:
        if high <= low - SAME:
            holds = False
        elif high >= low + SAME:
            ok = middle is None or (low <= middle - SAME and middle < high + SAME)
            holds = True if ok else None
    return Verdict(order, holds)


def mean_accuracy(axes: Axes, points: pd.DataFrame, x: str = "percent") -> dict[str, float]:
    """Mean height of each line over the axis as it is drawn, in %."""
    means = {}
    for name in names_of(points, "strategy"):
        rows = points[points["strategy"] == name]
        at = axes.xaxis.get_transform().transform(rows[x].to_numpy(float))
        mean = rows["mean"].to_numpy(float)
        width = at[-1] - at[0]
        area = float(np.sum((mean[1:] + mean[:-1]) / 2 * np.diff(at)))
        means[name] = area / width if width > 0 else float(mean.mean())
    return means


def verdicts(frame: pd.DataFrame, *, limit: float = 30.0) -> pd.DataFrame:
    """The same verdicts as a table: reference, baseline, one column a strategy (%), verdict."""
    axes = style.figure().add_subplot()
    x_axis(axes, "percent", limit)
    rows = []
    for (reference, baseline), part in frame.groupby(["reference", "baseline"], sort=False):
        points = statistics(part[part["percent"] <= limit], "strategy")
        means = mean_accuracy(axes, points)
        rows.append(
            {"reference": reference, "baseline": baseline, **means, "verdict": judge(means).word}
        )
    return pd.DataFrame(rows)


def reference_grid(
    frame: pd.DataFrame,
    *,
    chance: float,
    title: str = "When is LRP's order faithful?",
    references: Sequence[str] | None = None,
    baselines: Sequence[str] | None = None,
    limit: float = 30.0,
) -> Figure:
    """Draw the flipping curves of every pair of reference (rows) and baseline (columns).

    A tinted panel is one whose baseline is LRP's own reference (the input 0).
    Below each title stand the strategies in order of their mean accuracy over the
    axis as drawn, and whether ``lrp`` < ``random`` < ``lrp_rev`` holds.

    Args:
        frame: ``curve.csv`` rows of all pairs, with a ``reference`` column.
        chance: accuracy (0 to 1) of guessing, 1 / classes.
        title: above the figure.
        references: rows; None: those in the table.
        baselines: columns; None: those in the table.
        limit: end of the x axis in % of bins.

    Raises:
        SpeechLRPError: a column is missing or nothing is left to draw.
    """
    for column in ("reference", "baseline"):
        if column not in frame:
            raise SpeechLRPError(f"the flipping curves have no column {column!r}")
    rows = list(references or _known(frame["reference"], REFERENCES))
    columns = list(baselines or _known(frame["baseline"], BASELINES))
    fig = style.figure(width=2.9 * len(columns) + 1.5, height=2.55 * len(rows) + 1.1)
    grid = fig.subplots(len(rows), len(columns), squeeze=False, sharey=True)
    for i, reference in enumerate(rows):
        for j, baseline in enumerate(columns):
            part = frame[(frame["reference"] == reference) & (frame["baseline"] == baseline)]
            _panel(grid[i, j], part, reference, baseline, limit, chance)
            if i < len(rows) - 1:
                grid[i, j].set_xlabel("")
            if j:
                grid[i, j].set_ylabel("")
        _row_label(grid[i, 0], REFERENCES.get(reference, f"reference {reference}"))
    fig.suptitle(title, x=0.01, ha="left", fontsize=style.TITLE + 2, color=style.INK, weight="bold")
    _key(fig, frame)
    return fig


def _known(column: pd.Series, order: Mapping[str, str]) -> list[str]:
    found = [str(name) for name in pd.unique(column)]
    return [n for n in order if n in found] + [n for n in found if n not in order]


def _panel(
    axes: Axes,
    part: pd.DataFrame,
    reference: str,
    baseline: str,
    limit: float,
    chance: float,
) -> None:
    x_axis(axes, "percent", limit, apart=0.08)
    accuracy_axis(axes)
    if (reference, baseline) in MATCHES:
        axes.set_facecolor(style.TINT)
    words = BASELINES.get(baseline, f"flipped to {baseline}")
    words += MEANING.get((reference, baseline), "")
    part = part[part["percent"] <= limit]
    if part.empty:
        axes.text(0.5, 0.5, "not run", transform=axes.transAxes, ha="center", color=style.FAINT)
        style.heading(axes, words, size=style.TEXT)
        return
    points = statistics(part, "strategy")
    ends = draw_lines(axes, points, "strategy", "percent", width=1.6)
    label_ends(axes, ends, gap=11, size=style.SMALL - 0.5)
    axes.axhline(100 * chance, color=style.FAINT, lw=0.9, linestyle=(0, (1, 2)), zorder=1)
    _title(axes, words, judge(mean_accuracy(axes, points)))


def _title(axes: Axes, words: str, verdict: Verdict) -> None:
    colour = {True: style.GREEN, False: style.RED, None: style.FAINT}[verdict.holds]
    style.heading(axes, words, size=style.TEXT + 0.5, pad=28, fontweight="bold")
    for text, height, weight in ((verdict.word, 16, "bold"), (verdict.text, 5, "normal")):
        axes.annotate(
            text, (0, 1), xycoords="axes fraction", xytext=(0, height), textcoords="offset points",
            fontsize=style.SMALL, color=colour, fontweight=weight,
        )  # fmt: skip


def _row_label(axes: Axes, text: str) -> None:
    first, *rest = text.split("\n")
    axes.set_ylabel("accuracy (%)")
    axes.annotate(
        first, (0, 0.5), xycoords="axes fraction", xytext=(-74, 0), textcoords="offset points",
        rotation=90, ha="center", va="center", fontsize=style.TEXT + 0.5, fontweight="bold",
        color=style.INK,
    )  # fmt: skip
    axes.annotate(
        "\n".join(rest), (0, 0.5), xycoords="axes fraction", xytext=(-54, 0), fontsize=style.SMALL,
        textcoords="offset points", rotation=90, ha="center", va="center", color=style.INK,
    )  # fmt: skip


def _key(fig: Figure, frame: pd.DataFrame) -> None:
    names = names_of(frame, "strategy")
    entries = [
        Line2D([], [], color=line.colour, linestyle=line.dash, marker=line.marker, markersize=4,
               label=f"{name}: {line.words}" if line.words else name)
        for name, line in style.lines_for(names).items()
    ]  # fmt: skip
    entries.append(
        Line2D([], [], linestyle="none", marker="s", markersize=10, color=style.TINT,
               markeredgecolor=style.FAINT, label="baseline = what the explanation compares with")
    )  # fmt: skip
    entries.append(
        Line2D([], [], linestyle="none", label="numbers: mean accuracy (%) over the axis as drawn")
    )
    fig.legend(
        handles=entries, loc="outside lower left", ncols=3, frameon=False,
        fontsize=style.SMALL, labelcolor=style.INK, handlelength=2.6,
    )  # fmt: skip
