"""Which explainer finds what is known to carry the label: bars against chance.

Shares are 0 to 1 in the table and in per cent in the figure; bars end at the mean over the
recordings, thin lines are one standard error to each side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from speechlrp.errors import SpeechLRPError
from speechlrp.report import style


@dataclass(frozen=True)
class Panel:
    """One score: its column, what it is called, its factor, and what is drawn beside it.

    Attributes:
        score: the column.
        label: of the axis.
        factor: to the axis's unit.
        chance: the column, or the number, that a map which knows nothing would have.
        control: the column of the score for a wrong region.
        near: the column of the score with tolerance.
    """

    score: str
    label: str
    factor: float
    chance: str | float
    control: str = ""
    near: str = ""


PANELS = (
    Panel("positive_inside", "positive relevance\nin the region (%)", 100, "region",
          "positive_in_wrong_region", "positive_near"),
    Panel("pointing", "most relevant bin lies\nin the region (%)", 100, "region",
          near="pointing_near"),
    Panel("auc", "a bin inside beats one\noutside (AUC, %)", 100, 0.5, "auc_of_wrong_region"),
)  # fmt: skip
_BAR = "#0072b2"
_DIAMOND: dict = {"linestyle": "none", "marker": "D", "markersize": 4, "color": "#e69f00",
                  "markeredgecolor": style.INK}  # fmt: skip


def localisation_bars(scores: pd.DataFrame) -> Figure:
    """Draw how much of each explainer's relevance lies where the label is.

    Args:
        scores: columns ``explainer``, ``score``, ``mean``, ``standard_error``, ``n``; the
            scores of `PANELS` and their chance, as `speechlrp compare` writes them.

    Raises:
        SpeechLRPError: a score is missing.
    """
    means = scores.pivot(index="explainer", columns="score", values="mean")
    errors = scores.pivot(index="explainer", columns="score", values="standard_error")
    missing = [p.score for p in PANELS if p.score not in means]
    if missing or "region" not in means:
        raise SpeechLRPError(
            f"the table of scores holds no {[*missing, 'region'][0]}; make it with "
            "`speechlrp compare compare.scores=cue`"
        )
    names = means["positive_inside"].fillna(-1).sort_values().index
    means, errors = means.loc[names], errors.loc[names]
    fig = style.figure(height=1.5 + 0.27 * len(names))
    grid = fig.subplots(1, len(PANELS), sharey=True)
    for axes, panel in zip(grid, PANELS, strict=True):
        _bars(axes, panel, means, errors)
    grid[0].set_yticks(np.arange(len(names)), names)
    entries = [
        Patch(color=_BAR, alpha=0.85, label="mean, standard error"),
        Patch(facecolor="none", edgecolor=_BAR, label="15 bins around it counted too"),
        Line2D([], [], color=style.INK, linestyle=(0, (4, 2)), label="chance"),
        Line2D([], [], label="the region of another recording", **_DIAMOND),
    ]
    style.legend(fig, entries, ncols=4)
    return fig


def _bars(axes: Axes, panel: Panel, means: pd.DataFrame, errors: pd.DataFrame) -> None:
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
