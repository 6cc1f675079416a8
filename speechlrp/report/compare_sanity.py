"""Explanations of networks with random layers against those of the trained one."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from speechlrp.errors import SpeechLRPError
from speechlrp.report import style

PANELS = {
    "spearman": "rank correlation of relevance",
    "spearman_absolute": "rank correlation of |relevance|",
    "top_overlap": "overlap of the most relevant bins",
}
WORDS = {
    "cascading": "random from the output down to",
    "independent": "random alone, all others as trained",
}


def sanity_curves(
    table: pd.DataFrame, *, order: str, chance: Mapping[str, float] | None = None
) -> Figure:
    """Draw how much of an explanation stays when layers are made random (Adebayo et al. 2018).

    Args:
        table: columns explainer, step (0: trained), layers (the step in words), score (a key
            of ``PANELS``, others are left out), mean and standard_error over recordings.
        order: ``"cascading"`` or ``"independent"``.
        chance: score -> its value between maps that have nothing in common; None or absent: 0.

    Raises:
        SpeechLRPError: nothing to draw.
    """
    table = table[table.score.isin(PANELS)]
    if table.empty:
        raise SpeechLRPError("no sanity check to draw; make one with `speechlrp compare --sanity`")
    steps = table.drop_duplicates("step").sort_values("step")
    fig = style.figure(width=10.2, height=4.6)
    lines = style.lines_for(list(pd.unique(table.explainer)))
    for axes, (score, words) in zip(fig.subplots(1, len(PANELS)), PANELS.items(), strict=True):
        axes.axhline((chance or {}).get(score, 0.0), color=style.FAINT, linewidth=0.9,
                     linestyle=(0, (1, 2)))  # fmt: skip
        _draw(axes, table[table.score == score], lines)
        axes.set_xticks(steps.step, steps.layers, rotation=90)
        style.dress(axes)
        axes.tick_params(axis="x", labelsize=style.SMALL - 1.5)
        style.heading(axes, words, size=style.TEXT)
        axes.set_xlabel(WORDS[order], fontsize=style.SMALL)
    entries = [
        Line2D([], [], color=line.colour, linestyle=line.dash, marker=line.marker, markersize=4,
               label=name)
        for name, line in lines.items()
    ]  # fmt: skip
    fig.legend(
        handles=entries, loc="outside lower left", ncols=4, frameon=False, fontsize=style.SMALL,
        labelcolor=style.INK, title="against the trained network's maps, mean ± standard error "
        "over recordings; dotted: chance", title_fontsize=style.SMALL, alignment="left",
    )  # fmt: skip
    return fig


def _draw(axes: Axes, table: pd.DataFrame, lines: Mapping[str, style.Line]) -> None:
    for name, line in lines.items():
        rows = table[table.explainer == name].sort_values("step")
        axes.errorbar(
            rows.step, rows["mean"], rows.standard_error.fillna(0), color=line.colour,
            linestyle=line.dash, marker=line.marker, markersize=3.5, linewidth=1.4, capsize=2,
        )  # fmt: skip
