"""Labels at the ends of lines, moved apart where they would overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from speechlrp.report.style import SMALL


@dataclass(frozen=True)
class End:
    """The end of a line: where it is (data units), its label, and where it mostly ran."""

    x: float
    y: float
    text: str
    colour: str
    usual: float


def spread(values: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move sorted values apart to at least ``gap``, as little as needed, within bounds.

    Values that are too near one another are merged into a block, which is centred
    on their mean. Where there are too many for the room, they are spaced evenly.
    """
    if len(values) * gap > high - low + gap:
        return list(np.linspace(low, high, len(values)))
    blocks = [[value] for value in values]
    while True:
        placed = [_place(block, gap, low, high) for block in blocks]
        clash = next(
            (i for i in range(1, len(placed)) if placed[i][0] - placed[i - 1][-1] < gap - 1e-9),
            None,
        )
        if clash is None:
            return [value for block in placed for value in block]
        blocks[clash - 1 : clash + 1] = [blocks[clash - 1] + blocks[clash]]


def _place(block: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    room = gap * (len(block) - 1)
    first = min(max(float(np.mean(block)) - room / 2, low), high - room)
    return [first + gap * i for i in range(len(block))]


def label_ends(axes: Axes, ends: Sequence[End], *, gap: float, size: float = SMALL) -> None:
    """Write each line's label to the right of the axes, joined to its end by a thin line.

    Args:
        axes: axes whose limits are already set.
        ends: ends of lines; those that meet are ordered by where they mostly ran.
        gap: least distance between labels, in units of the y axis.
        size: font size in points.
    """
    ends = sorted(ends, key=lambda end: (round(end.y, 2), end.usual))
    low, high = axes.get_ylim()
    places = spread([end.y for end in ends], gap, low + gap / 2, high - gap / 2)
    line = {"arrowstyle": "-", "lw": 0.8, "shrinkA": 1, "shrinkB": 0}
    looks = {"fontsize": size, "fontweight": "bold", "va": "center", "annotation_clip": False}
    for end, place in zip(ends, places, strict=True):
        axes.annotate(
            end.text,
            xy=(end.x, end.y),
            xytext=(1.035, (place - low) / (high - low)),
            textcoords="axes fraction",
            color=end.colour,
            **looks,
            arrowprops=line | {"color": end.colour},
        )
