"""What the figures of flipping curves share: the averaged table, axes and lines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from speechlrp.errors import SpeechLRPError
from speechlrp.report import style
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

    The axes' limits are already set. Ends that meet are ordered by where they mostly ran; labels
    are at least `gap` apart, in units of the y axis.
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


TICKS = (0, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 50, 100)
LINEAR_BELOW = 0.1
UNITS = {"percent": "bins flipped (% of all)", "bins": "bins flipped (count)"}
MARKED = 30
"""Lines of more points than this are drawn without markers."""


def statistics(frame: pd.DataFrame, by: str, x: str = "percent") -> pd.DataFrame:
    """Average the accuracy over repeats, in %.

    `frame` is ``curve.csv``, `by` the column that names the line, `x` ``"percent"`` or ``"bins"``.

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
    groups = rows.groupby([by, x], sort=False)["accuracy"]
    out = groups.agg(["mean", "std", "count"]).reset_index()
    out = out.sort_values(x, kind="stable", ignore_index=True)
    out = out.rename(columns={"std": "sd", "count": "repeats"}).fillna({"sd": 0.0})
    out[["mean", "sd"]] *= 100
    return out


def x_axis(
    axes: Axes, x: str, last: float, scale: str | None = None, *, apart: float = 0.045
) -> None:
    """Set scale, limits, ticks and label of the x axis, 0 included.

    `x` is ``"percent"`` or ``"bins"``, `last` the end of the axis; without a `scale` percent are
    ``"symlog"``, bins ``"linear"``. Ticks are at least the share `apart` of the axis apart.
    """
    last = last if last > 0 else 1.0
    axes.set_xlabel(UNITS[x])
    if (scale or ("symlog" if x == "percent" else "linear")) == "symlog":
        linear = LINEAR_BELOW if x == "percent" else 10.0
        axes.set_xscale("symlog", linthresh=linear, linscale=0.6)
        ticks = TICKS if x == "percent" else (0.0, *(10.0**n for n in range(1, 9)))
        axes.xaxis.set_major_locator(FixedLocator(_apart(axes, ticks, last, apart)))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(9, steps=[1, 2, 5, 10]))
    axes.set_xlim(0, last)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _apart(axes: Axes, ticks: Sequence[float], last: float, least: float) -> list[float]:
    """Leave out ticks that are nearer than ``least`` of the axis to the next one kept."""
    ticks = [tick for tick in ticks if tick <= last]
    places = axes.xaxis.get_transform().transform(np.array([*ticks, last], dtype=float))
    places = places / (places[-1] or 1.0)
    kept = [len(ticks) - 1]
    for i in reversed(range(len(ticks) - 1)):
        if places[kept[-1]] - places[i] >= least:
            kept.append(i)
    return [ticks[i] for i in reversed(kept)]


def accuracy_axis(axes: Axes) -> None:
    """Set the y axis to accuracy, 0 to 100 %."""
    axes.set_ylim(-2, 103)
    axes.set_yticks(range(0, 101, 25))
    axes.set_ylabel("accuracy (%)")
    style.dress(axes)


def names_of(points: pd.DataFrame, by: str) -> list[str]:
    """List the lines: known strategies in their usual order, then the rest as they come."""
    names = [str(name) for name in pd.unique(points[by])]
    known = [name for name in style.STRATEGIES if name in names]
    return known + [name for name in names if name not in known]


def draw_lines(
    axes: Axes, points: pd.DataFrame, by: str, x: str, *, width: float = 1.8
) -> list[End]:
    """Draw each line with its band of one deviation; return where the lines end."""
    ends = []
    for name, line in style.lines_for(names_of(points, by)).items():
        rows = points[points[by].astype(str) == name]
        at, mean, sd = (rows[c].to_numpy(float) for c in (x, "mean", "sd"))
        marks = line.marker if len(at) <= MARKED else None
        axes.plot(
            at, mean, color=line.colour, linestyle=line.dash, marker=marks, markersize=3.5,
            linewidth=width, label=name, clip_on=False, zorder=3,
        )  # fmt: skip
        if sd.any():
            axes.fill_between(at, mean - sd, mean + sd, color=line.colour, alpha=0.2, linewidth=0)
        usual = float(np.mean(mean))
        ends.append(End(float(at[-1]), float(mean[-1]), name, line.colour, usual))
    return ends
