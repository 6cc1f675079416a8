"""What neurons want: the inputs that activate them most (K Fig. 1), and how they got there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from speechlrp.report import style
from speechlrp.report.letters_frames import band_image

COLUMNS = 4
PANEL = (2.3, 2.0)
LABELLED = 12


@dataclass(frozen=True)
class Wanted:
    """The input that one neuron wants."""

    inputs: np.ndarray  # of the frames it sees, ``[F, T]``; 0 is the mean level of an utterance
    time_ms: np.ndarray  # of these frames, ``[T]``
    title: str  # such as ``"layer 8, neuron 17"``
    history: np.ndarray  # activation before the first and after each step


def wanted_figure(
    wanted: Sequence[Wanted], frequency: np.ndarray, *, title: str = "What neurons want"
) -> Figure:
    """Draw one panel a neuron: what it wants more of (red) and less of (blue) than the mean.

    Each panel is scaled to an absolute maximum of 1 and shows no more than the frames that
    the neuron sees, on a time axis of its own.

    `frequency` is that of the bands in Hz, rising, ``[F]``, drawn band by band.
    """
    columns = min(COLUMNS if len(wanted) != 4 else 2, len(wanted))
    rows = -(-len(wanted) // columns)
    fig = style.figure(columns * PANEL[0] + 1.2, rows * PANEL[1] + 0.75)
    grid = fig.subplots(rows, columns, squeeze=False)
    for ax in grid.flat[len(wanted) :]:
        ax.set_visible(False)
    for place, one in enumerate(wanted):
        row, column = divmod(place, columns)
        ax = grid[row, column]
        image = _panel(ax, one, frequency)
        ax.tick_params(labelleft=column == 0)
        if column == 0:
            ax.set_ylabel("frequency (Hz)")
        if place + columns >= len(wanted):
            ax.set_xlabel("time (ms)")
    style.titled(fig, title)
    few = {"shrink": min(1.0, 2 / rows), "anchor": (0.0, 1.0), "aspect": 28}
    words = "input (z-normalised level, scaled)"
    style.colour_bar(fig, image, words, ax=list(grid.flat), ticks=[-1, 0, 1], **few)
    return fig


def _panel(axes: Axes, one: Wanted, frequency: np.ndarray):
    size = float(np.abs(one.inputs).max()) or 1.0
    colours = style.relevance_colours()
    image = band_image(axes, one.inputs / size, frequency, one.time_ms, colours, (-1, 1))
    before, after = one.history[0], one.history[-1]
    text = f"{one.title}\n{before:.2f} to {after:.2f}, largest {size:.2g}"
    style.heading(axes, text, size=style.SMALL, pad=4)
    return image


def history_figure(wanted: Sequence[Wanted]) -> Figure:
    """Draw each neuron's activation over the steps, as a share of what was gained in all."""
    fig = style.figure(height=3.4)
    axes = style.dress(fig.subplots())
    few = len(wanted) <= LABELLED
    lines = style.lines_for([str(number) for number in range(len(wanted))]).values()
    for one, line in zip(wanted, lines, strict=True):
        gained = one.history[-1] - one.history[0]
        share = (one.history - one.history[0]) / (gained if gained else 1)
        label = one.title if few else None
        axes.plot(share, color=line.colour, linestyle=line.dash, linewidth=1.2, label=label)
    axes.set_xlabel("step")
    axes.set_ylabel("activation gained (share)")
    style.heading(axes, "How the inputs were reached")
    if few:
        style.legend(fig, loc="outside right upper", ncols=1)
    return fig
