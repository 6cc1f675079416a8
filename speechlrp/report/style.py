"""How every figure looks: colours, sizes, axes and encoding.

Figures are made with matplotlib's object interface (``Figure()``, no pyplot), so
nothing global is read or left behind, and the same table gives the same bytes.
The colours are Okabe and Ito's, which people with any colour blindness can tell
apart; every line also has its own dash and marker, so that print in grey works.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from speechlrp.errors import SpeechLRPError
from speechlrp.report.lettering import literal

INK = "#1f2933"
FAINT = "#7b8794"
GRID = "#e4e7eb"
TINT = "#e8f3ec"
POSITIVE = "#b2182b"
NEGATIVE = "#2166ac"
GREEN = "#00664b"
RED = "#a13d00"

LITERAL = {"text.parse_math": False}
"""Of the texts that matplotlib makes while it draws, such as ticks."""

WIDTH = 7.2
DPI = 170
SMALL, TEXT, TITLE = 8.0, 9.0, 10.5


@dataclass(frozen=True)
class Line:
    """How one line is drawn: colour, dash, marker, and what it is in plain words."""

    colour: str
    dash: str | tuple[float, tuple[float, ...]]
    marker: str
    words: str = ""

    def entry(self, label: str) -> Line2D:
        """The line in a legend."""
        looks = {"color": self.colour, "linestyle": self.dash, "marker": self.marker}
        return Line2D([], [], markersize=4, label=label, **looks)

    def named(self, name: str) -> str:
        """Its name with the plain words, where it has any."""
        return f"{name}: {self.words}" if self.words else name


STRATEGIES = {
    "lrp": Line("#d55e00", "-", "o", "most relevant bins first"),
    "random": Line("#5f6b76", (0, (5, 2)), "s", "bins in random order"),
    "lrp_rev": Line("#0072b2", (0, (6, 1.5, 1.2, 1.5)), "^", "most negative bins first"),
}
OTHERS = (
    Line("#1f2933", "-", "o"),
    Line("#cc79a7", (0, (5, 2)), "s"),
    Line("#009e73", (0, (6, 1.5, 1.2, 1.5)), "^"),
    Line("#e69f00", (0, (1.2, 1.2)), "D"),
    Line("#56b4e9", (0, (8, 2)), "v"),
    Line("#8c564b", (0, (3, 1, 1, 1, 1, 1)), "P"),
    Line("#7a5195", "-", "X"),
    Line("#b5a300", (0, (5, 2)), "*"),
    Line("#004488", (0, (1.2, 1.2)), "<"),
    Line("#ee3377", (0, (8, 2)), ">"),
    Line("#4b8b00", (0, (3, 1, 1, 1, 1, 1)), "p"),
)


def lines_for(names: Sequence[str]) -> dict[str, Line]:
    """Give each name its line: a strategy its own, anything else by its place in the list."""
    return {n: STRATEGIES.get(n, OTHERS[i % len(OTHERS)]) for i, n in enumerate(names)}


def figure(width: float = WIDTH, height: float = 3.6) -> Figure:
    """Make an empty figure; width and height in inches."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor="white")


def dress(axes: Axes, *, grid: str | None = "y") -> Axes:
    """Give axes the common look: open frame, fine grid, legible ticks."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(labelsize=SMALL, colors=INK, color=FAINT)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_fontsize(TEXT)
        axis.label.set_color(INK)
    axes.set_axisbelow(True)
    if grid:
        axes.grid(axis=grid, color=GRID, linewidth=0.8)
    return axes


def heading(axes: Axes, text: str, *, size: float = TITLE, **options: object) -> None:
    """Put a left-aligned title above axes."""
    axes.set_title(text, loc="left", fontsize=size, color=INK, **options)


def titled(fig: Figure, title: str, note: str = "") -> None:
    """A title above the figure, and what must be known to read it below."""
    if title:
        fig.suptitle(title, x=0.01, ha="left", fontsize=TITLE, color=INK)
    if note:
        fig.supxlabel(note, x=0.01, ha="left", fontsize=SMALL - 0.5, color=FAINT)


def legend(fig: Figure, handles: Sequence[Artist] | None = None, **looks: Any) -> None:
    """A legend below the figure; None: of all that has a label."""
    usual = {"loc": "outside lower left", "ncols": 3, "frameon": False, "fontsize": SMALL}
    usual |= {"labelcolor": INK, "title_fontsize": SMALL, "alignment": "left"}
    fig.legend(handles=handles, **usual | looks)


def colour_bar(fig: Figure, image: Any, label: str, **options: Any) -> None:
    """A colour bar; options as of matplotlib's."""
    bar = fig.colorbar(image, **options)
    bar.set_label(label, fontsize=SMALL, color=INK)
    bar.ax.tick_params(labelsize=SMALL, color=FAINT)
    bar.outline.set_edgecolor(FAINT)


def chance_line(axes: Axes, height: float, **looks: Any) -> None:
    """A dotted line at what guessing reaches."""
    axes.axhline(height, color=FAINT, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1, **looks)


def need(table: pd.DataFrame, columns: Iterable[str], holds: str, mend: str, row: str) -> None:
    """Check what a figure is drawn from.

    `holds` is what the table is, with its verb, `mend` what makes it again, `row` what one row is.

    Raises:
        SpeechLRPError: a column is missing, or there is no row.
    """
    missing = [name for name in columns if name not in table]
    if missing or table.empty:
        what = f"no column {missing[0]!r}" if missing else f"no {row}"
        raise SpeechLRPError(f"{holds} {what}; {mend}")


def relevance_colours() -> ListedColormap:
    """Blue for negative, red for positive, and nothing at all at zero.

    The colours grow opaque with the value's size, so that a map drawn over a
    spectrogram hides it only where there is relevance.
    """
    value = np.linspace(-1, 1, 257)
    colours = np.empty((value.size, 4))
    colours[:, :3] = np.where(value[:, None] >= 0, to_rgb(POSITIVE), to_rgb(NEGATIVE))
    colours[:, 3] = np.abs(value) ** 0.7
    return ListedColormap(colours, name="relevance").with_extremes(bad=(0, 0, 0, 0))


def spectrogram_colours() -> ListedColormap:
    """Grey, loud is dark but never black, so that red and blue stand out on it."""
    grey = np.linspace(1.0, 0.32, 256)
    colours = np.column_stack([grey, grey, grey, np.ones_like(grey)])
    return ListedColormap(colours, name="spectrogram").with_extremes(bad="#fff3c4")


def figure_png(fig: Figure) -> bytes:
    """Encode a figure as PNG; the same figure gives the same bytes."""
    buffer = BytesIO()
    literal(fig)
    with matplotlib.rc_context(LITERAL):
        fig.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()
