"""Bars of shares of relevance: by band and region, and in what is known to carry the label.

Shares are 0 to 1 in the tables, of all positive (negative) relevance of a class or recording. Bars
of bands and regions go right in red for positive and left in blue for negative; a black tick on
each is what an even spread over all bins would give.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from speechlrp.errors import SpeechLRPError
from speechlrp.report import style

SHARES = ("positive_share", "negative_share")
TICK: dict = {"linestyle": "none", "marker": "|", "color": style.INK, "markeredgewidth": 1.6}
"""Of an even spread."""
MOST = 4
"""Classes that have room for a panel each; more are drawn as their mean."""


def band_shares(table: pd.DataFrame) -> Figure:
    """Draw the share of relevance per frequency band, one panel a class; of many, the mean.

    Columns: ``class``, ``band_low_hz``, ``band_high_hz``, ``positive_share``, ``negative_share``,
    and where bins are not spaced evenly ``share_of_bins``.

    Raises:
        SpeechLRPError: a column is missing, or there is no row.
    """
    _check(table, "class", "band_low_hz", "band_high_hz", *SHARES)
    table = table.copy()
    low, high = table["band_low_hz"].astype(float), table["band_high_hz"].astype(float)
    table["region"] = [f"{a:g}–{b:g}" for a, b in zip(low, high, strict=True)]
    if "share_of_bins" not in table:
        table["share_of_bins"] = (high - low) / (high.max() - low.min())
    return _figure(table, "frequency band (Hz)", height=0.24)


def region_shares(table: pd.DataFrame) -> Figure:
    """Draw the share of relevance per region, one panel a class; of many classes, the mean.

    For padding against speech, and for the fundamental's range against the rest.

    Columns: ``class``, ``region``, ``share_of_bins``, ``positive_share``, ``negative_share``.

    Raises:
        SpeechLRPError: a column is missing, or there is no row.
    """
    _check(table, "class", "region", "share_of_bins", *SHARES)
    return _figure(table, "", height=0.42)


def _check(table: pd.DataFrame, *columns: str) -> None:
    mend = "make it with `speechlrp explain --force`"
    style.need(table, columns, "the table of relevance shares holds", mend, "row")


def _figure(table: pd.DataFrame, label: str, *, height: float) -> Figure:
    table = _few(table)
    classes = list(pd.unique(table["class"]))
    rows = int(table.groupby("class").size().max())
    fig = style.figure(height=1.35 + height * rows)
    grid = fig.subplots(1, len(classes), squeeze=False, sharey=True, sharex=True)[0]
    bound = 100 * np.nanmax([*table[list(SHARES)].fillna(0).to_numpy().ravel(), 0.01])
    for axes, name in zip(grid, classes, strict=True):
        style.heading(axes, str(name), size=style.TEXT + 0.5, fontweight="bold")
        axes.set_xlim(-bound * 1.22, bound * 1.22)
        _bars(axes, table[table["class"] == name])
    grid[0].set_ylabel(label)
    entries = [
        Patch(color=style.NEGATIVE, alpha=0.85, label="of the negative relevance"),
        Patch(color=style.POSITIVE, alpha=0.85, label="of the positive relevance"),
        Line2D([], [], markersize=10, label="if spread evenly over all bins", **TICK),
    ]
    style.legend(fig, entries)
    return fig


def _few(table: pd.DataFrame) -> pd.DataFrame:
    """The table itself, or where its classes are more than `MOST`, their mean as one class."""
    count = table["class"].nunique()
    if count <= MOST:
        return table
    columns = ["share_of_bins", *SHARES]
    mean = table.groupby("region", sort=False, as_index=False)[columns].mean()
    return mean.assign(**{"class": f"mean of {count} classes"})


def _bars(axes: Axes, rows: pd.DataFrame) -> None:
    at = np.arange(len(rows))
    even = 100 * rows["share_of_bins"].to_numpy(float)
    for column, sign, colour in ((SHARES[0], 1, style.POSITIVE), (SHARES[1], -1, style.NEGATIVE)):
        share = 100 * rows[column].fillna(0).to_numpy(float)
        axes.barh(at, sign * share, height=0.72, color=colour, alpha=0.85)
        axes.plot(sign * even, at, markersize=11, **TICK)
        for y, value, tick in zip(at, share, even, strict=True):
            _write(axes, float(y), value, tick, sign, colour)
    axes.axvline(0, color=style.INK, linewidth=0.8)
    axes.set_yticks(at, [str(name) for name in rows["region"]])
    axes.set_xlabel("share of relevance (%)")
    axes.xaxis.set_major_locator(MaxNLocator(5, symmetric=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
    style.dress(axes, grid="x")


def _write(axes: Axes, y: float, value: float, tick: float, sign: int, colour: str) -> None:
    """Write a bar's value beyond its end, and beyond the tick where that is in the way."""
    room = 0.16 * axes.get_xlim()[1]
    end = tick if value <= tick < value + room else value
    axes.annotate(
        f"{value:.0f}", (sign * end, y), xytext=(4 * sign, 0), va="center_baseline",
        textcoords="offset points", ha="left" if sign > 0 else "right",
        fontsize=style.SMALL - 1, color=colour,
    )  # fmt: skip


@dataclass(frozen=True)
class Score:
    """One score: its column, what it is called, its factor, and what is drawn beside it."""

    score: str  # the column
    label: str  # of the axis
    factor: float  # to the axis's unit
    chance: str | float  # the column, or the number, that a map which knows nothing would have
    control: str = ""  # the column of the score for a wrong region
    near: str = ""  # the column of the score with tolerance


SCORES = (
    Score("positive_inside", "positive relevance\nin the region (%)", 100, "region",
          "positive_in_wrong_region", "positive_near"),
    Score("pointing", "most relevant bin lies\nin the region (%)", 100, "region",
          near="pointing_near"),
    Score("auc", "a bin inside beats one\noutside (AUC, %)", 100, 0.5, "auc_of_wrong_region"),
)  # fmt: skip
_BAR = "#0072b2"
_DIAMOND: dict = {"linestyle": "none", "marker": "D", "markersize": 4, "color": "#e69f00",
                  "markeredgecolor": style.INK}  # fmt: skip


def localisation_bars(scores: pd.DataFrame) -> Figure:
    """Draw how much of each explainer's relevance lies where the label is.

    Columns: ``explainer``, ``score``, ``mean``, ``standard_error``, ``n``; the scores of `SCORES`
    and their chance, as `speechlrp compare` writes them.

    Raises:
        SpeechLRPError: a score is missing.
    """
    means = scores.pivot(index="explainer", columns="score", values="mean")
    errors = scores.pivot(index="explainer", columns="score", values="standard_error")
    missing = [p.score for p in SCORES if p.score not in means]
    if missing or "region" not in means:
        raise SpeechLRPError(
            f"the table of scores holds no {[*missing, 'region'][0]}; make it with "
            "`speechlrp compare compare.scores=cue`"
        )
    names = means["positive_inside"].fillna(-1).sort_values().index
    means, errors = means.loc[names], errors.loc[names]
    fig = style.figure(height=1.5 + 0.27 * len(names))
    grid = fig.subplots(1, len(SCORES), sharey=True)
    for axes, panel in zip(grid, SCORES, strict=True):
        _score_bars(axes, panel, means, errors)
    grid[0].set_yticks(np.arange(len(names)), names)
    entries = [
        Patch(color=_BAR, alpha=0.85, label="mean, standard error"),
        Patch(facecolor="none", edgecolor=_BAR, label="15 bins around it counted too"),
        Line2D([], [], color=style.INK, linestyle=(0, (4, 2)), label="chance"),
        Line2D([], [], label="the region of another recording", **_DIAMOND),
    ]
    style.legend(fig, entries, ncols=4)
    return fig


def _score_bars(axes: Axes, panel: Score, means: pd.DataFrame, errors: pd.DataFrame) -> None:
    at = np.arange(len(means))
    value, error = (panel.factor * t[panel.score].to_numpy(float) for t in (means, errors))
    axes.barh(at, value, xerr=np.nan_to_num(error), height=0.62, color=_BAR, alpha=0.85,
              error_kw={"ecolor": style.INK, "elinewidth": 1.0})  # fmt: skip
    if panel.near in means:
        near = panel.factor * means[panel.near].to_numpy(float)
        axes.barh(at, near, height=0.62, color="none", edgecolor=_BAR, linewidth=1.0, zorder=0.5)
    if panel.control in means:
        control = panel.factor * means[panel.control].to_numpy(float)
        axes.plot(control, at, markeredgewidth=0.5, **_DIAMOND)
    chance = panel.chance if isinstance(panel.chance, float) else means[panel.chance].mean()
    axes.axvline(panel.factor * chance, color=style.INK, linewidth=1.0, linestyle=(0, (4, 2)))
    drawn = [value + np.nan_to_num(error)]
    drawn += [
        panel.factor * means[c].to_numpy(float) for c in (panel.near, panel.control) if c in means
    ]
    ends = np.nanmax(np.nan_to_num(drawn), axis=0)
    for y, one, end in zip(at, value, ends, strict=True):
        text = "none" if np.isnan(one) else f"{one:.1f}"
        axes.annotate(text, (end, y), xytext=(5, 0), textcoords="offset points",
                      va="center_baseline", fontsize=style.SMALL - 1, color=style.INK)  # fmt: skip
    axes.set_xlim(0, max(1.0, 1.28 * max(ends.max(), panel.factor * chance)))
    axes.set_xlabel(panel.label)
    style.dress(axes, grid="x")
