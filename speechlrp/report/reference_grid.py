"""One figure that settles when LRP's order is faithful: reference x baseline.

LRP splits the output against the input 0. What the input 0 *is* follows from the
representation's reference: ``max``, the loudest value there is; ``silence``,
silence. A flipping curve puts bins to a baseline. Where the two are the same
value, the curve tests what LRP claims; elsewhere it tests something else.
"""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from speechlrp.measures.verdicts import UNKNOWN, Verdict, judge
from speechlrp.report import style
from speechlrp.report.curve_parts import (
    accuracy_axis,
    draw_lines,
    label_ends,
    names_of,
    statistics,
    x_axis,
)

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


def verdicts(areas: pd.DataFrame) -> pd.DataFrame:
    """The verdicts as a table, a row a reference and baseline, of areas as `judge` takes them.

    Columns: reference, baseline, a column a strategy (mean accuracy in %), how much higher lrp_rev
    lies than lrp, its 95 % interval, n, speakers, verdict.
    """
    rows = []
    for (reference, baseline), part in areas.groupby(["reference", "baseline"], sort=False):
        verdict = judge(part)
        heights = dict(verdict.order)
        between = verdict.differences.get(("lrp", "lrp_rev"), UNKNOWN)
        rows.append(
            {
                "reference": reference,
                "baseline": baseline,
                **{name: heights[name] for name in names_of(part, "strategy") if name in heights},
                "lrp_rev - lrp": between.mean,
                "95 %": f"{between.low:z.0f} to {between.high:z.0f}" if between.known else "–",
                "n": verdict.n,
                "speakers": verdict.speakers,
                "verdict": verdict.word,
            }
        )
    return pd.DataFrame(rows)


QUESTION = "When is LRP's order faithful?"
MOST_PERCENT = 30.0
"""Of bins flipped, at the end of the axis."""


def reference_grid(
    frame: pd.DataFrame,
    areas: pd.DataFrame,
    *,
    chance: float,
    references: Sequence[str] | None = None,
    baselines: Sequence[str] | None = None,
) -> Figure:
    """Draw the flipping curves of every pair of reference (rows) and baseline (columns).

    A tinted panel is one whose baseline is LRP's own reference (the input 0).
    Below each title stand the strategies in order of their mean accuracy over the
    axis as drawn, and whether ``lrp`` < ``random`` < ``lrp_rev`` holds, on what evidence.

    `frame` has ``curve.csv`` rows of all pairs, with a ``reference`` column, `areas` the same of
    ``areas.csv``, from which the verdicts follow; `chance` is the accuracy of guessing, 1 /
    classes. Without `references` or `baselines` all that are in the table are drawn.
    """
    rows = list(references or _known(frame["reference"], REFERENCES))
    columns = list(baselines or _known(frame["baseline"], BASELINES))
    fig = style.figure(width=2.9 * len(columns) + 1.5, height=2.55 * len(rows) + 1.1)
    grid = fig.subplots(len(rows), len(columns), squeeze=False, sharey=True)
    for i, reference in enumerate(rows):
        for j, baseline in enumerate(columns):
            part, evidence = (
                table[(table["reference"] == reference) & (table["baseline"] == baseline)]
                for table in (frame, areas)
            )
            _panel(grid[i, j], part, reference, baseline, chance)
            if len(part):
                _say(grid[i, j], judge(evidence))
            if i < len(rows) - 1:
                grid[i, j].set_xlabel("")
            if j:
                grid[i, j].set_ylabel("")
        _row_label(grid[i, 0], REFERENCES.get(reference, f"reference {reference}"))
    size = style.TITLE + 2
    fig.suptitle(QUESTION, x=0.01, ha="left", fontsize=size, color=style.INK, weight="bold")
    _key(fig, frame)
    return fig


def _known(column: pd.Series, order: Mapping[str, str]) -> list[str]:
    names = [str(name) for name in pd.unique(column)]
    return [n for n in order if n in names] + [n for n in names if n not in order]


def _panel(axes: Axes, part: pd.DataFrame, reference: str, baseline: str, chance: float) -> None:
    x_axis(axes, "percent", MOST_PERCENT, apart=0.08)
    accuracy_axis(axes)
    if (reference, baseline) in MATCHES:
        axes.set_facecolor(style.TINT)
    words = BASELINES.get(baseline, f"flipped to {baseline}")
    words += MEANING.get((reference, baseline), "")
    part = part[part["percent"] <= MOST_PERCENT]
    style.heading(axes, words, size=style.TEXT + 0.5, pad=38, fontweight="bold")
    if part.empty:
        axes.text(0.5, 0.5, "not run", transform=axes.transAxes, ha="center", color=style.FAINT)
        return
    points = statistics(part, "strategy")
    ends = draw_lines(axes, points, "strategy", "percent", width=1.6)
    label_ends(axes, ends, gap=11, size=style.SMALL - 0.5)
    style.chance_line(axes, 100 * chance)


def _say(axes: Axes, verdict: Verdict) -> None:
    """Write the verdict and its evidence below a panel's title."""
    colour = {True: style.GREEN, False: style.RED, None: style.INK}[verdict.holds]
    for height, text in ((27, verdict.word), (16, verdict.text), (5, verdict.evidence)):
        weight = "bold" if text == verdict.word else "normal"
        axes.annotate(
            text, (0, 1), xycoords="axes fraction", xytext=(0, height), textcoords="offset points",
            fontsize=style.SMALL - 0.5, color=colour, fontweight=weight,
        )  # fmt: skip


def _row_label(axes: Axes, text: str) -> None:
    first, _, rest = text.partition("\n")
    axes.set_ylabel("accuracy (%)")
    bold = {"fontsize": style.TEXT + 0.5, "fontweight": "bold"}
    for words, left, looks in ((first, -74, bold), (rest, -54, {"fontsize": style.SMALL})):
        axes.annotate(
            words, (0, 0.5), xycoords="axes fraction", xytext=(left, 0), rotation=90, ha="center",
            textcoords="offset points", va="center", color=style.INK, **looks,
        )  # fmt: skip


def _key(fig: Figure, frame: pd.DataFrame) -> None:
    names = names_of(frame, "strategy")
    entries = [line.entry(line.named(name)) for name, line in style.lines_for(names).items()]
    entries.append(
        Line2D([], [], linestyle="none", marker="s", markersize=10, color=style.TINT,
               markeredgecolor=style.FAINT, label="baseline = what the explanation compares with")
    )  # fmt: skip
    for words in (
        "numbers: mean accuracy (%) over the drawn axis",
        "(a to b): 95 % over speakers, paired",
    ):
        entries.append(Line2D([], [], linestyle="none", label=words))
    style.legend(fig, entries, handlelength=2.6)
