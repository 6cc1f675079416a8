"""Spectrogram panels: axes in s and Hz, the padding strip, colour bars.

Shapes: F frequency bins, T time frames; row 0 is the lowest frequency. A map of one row is of
samples, and is drawn behind their line.
"""

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter

from speechlrp.report import style

RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
STRIP = (1.015, 0.03)
PADDING = {"facecolor": "white", "edgecolor": style.FAINT, "hatch": "//////", "linewidth": 0.5}
LETTERS = 48  # of a title's line, before it reaches the next panel
COLUMNS = 400  # of a map of samples
FEW = 8  # panels that are drawn two in a row; more are drawn four in a row
RECORDING = {"facecolor": style.INK, "edgecolor": style.INK, "linewidth": 0.5}


@dataclass(frozen=True)
class Panel:
    """One recording in a figure."""

    features: np.ndarray  # spectrogram, [F, T]
    relevance: np.ndarray | None = None  # relevance of every bin, [F, T]; for heat maps
    order: np.ndarray | None = None
    """Flat bin indices by falling relevance, [F * T]; for marked bins."""
    title: str = ""  # above the panel, such as ``"female, speaker 12: true female, said female"``
    onset_s: float | None = None  # start of the recording inside the window, s; None: not marked
    duration_s: float | None = None  # its length inside the window, s; what is beside it is padding

    @property
    def timed(self) -> bool:
        """Whether it is known where the recording lies inside the window."""
        return all(s is not None and math.isfinite(s) for s in (self.onset_s, self.duration_s))


def sheet(panels: Sequence[Panel]) -> tuple[Figure, list[Axes]]:
    """Make a figure with one axes a panel, labelled at the left and at the bottom.

    There are two beside each other, or four of more than `FEW` panels.
    """
    columns = min(2 if len(panels) <= FEW else 4, len(panels))
    rows = -(-len(panels) // columns)
    width = 2.95 * columns + 1.9
    fig = style.figure(width=width, height=2.75 * rows + 0.1)
    grid = fig.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    axes = list(grid.flat)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    for i, ax in enumerate(axes[: len(panels)]):
        if i + columns >= len(panels):
            ax.set_xlabel("time (s)")
            ax.tick_params(labelbottom=True)
        if i % columns == 0:
            ax.set_ylabel("frequency (Hz)" if len(panels[0].features) > 1 else "amplitude")
    return fig, axes[: len(panels)]


def spectrogram(
    axes: Axes,
    panel: Panel,
    shown: np.ndarray,
    frequency: np.ndarray,
    time: np.ndarray,
    limits: tuple[float, float],
) -> AxesImage | None:
    """Draw a grey spectrogram ``shown`` ([F, T]), with the panel's title and padding strip."""
    grey = backdrop(axes, shown, frequency, time, limits)
    style.dress(axes, grid=None)
    title = textwrap.fill(panel.title, LETTERS)
    style.heading(axes, title, size=style.TEXT, pad=11 if panel.timed else 6)
    _mark_padding(axes, panel)
    return grey


def backdrop(
    axes: Axes,
    shown: np.ndarray,
    frequency: np.ndarray,
    time: np.ndarray,
    limits: tuple[float, float],
) -> AxesImage | None:
    """Draw what a map lies over: a grey spectrogram [F, T], or the line of samples [1, T]."""
    if len(shown) > 1:
        return image(axes, shown, frequency, time, style.spectrogram_colours(), limits)
    axes.plot(time, shown[0], color=style.INK, linewidth=0.3, alpha=0.5, zorder=3)
    peak = 1.05 * max(map(abs, limits))
    axes.set_xlim(edges(time))
    axes.set_ylim(-peak, peak)
    return None


def image(
    axes: Axes,
    values: np.ndarray,
    frequency: np.ndarray,
    time: np.ndarray,
    colours: ListedColormap,
    limits: tuple[float, float],
) -> AxesImage:
    """Draw a map [F, T] in Hz and s; uneven frequencies (mel) row by row. NaN stays bare."""
    if len(values) == 1:
        return _columns(axes, values[0], time, colours, limits)
    bottom, top = edges(frequency)
    if not _even(frequency):
        bottom, top = -0.5, len(frequency) - 0.5
        label = FuncFormatter(
            lambda y, _: f"{np.interp(y, np.arange(len(frequency)), frequency):.0f}"
        )
        axes.yaxis.set_major_formatter(label)
    drawn = bare(axes, values, (*edges(time), bottom, top), colours, limits)
    axes.set_ylim(max(bottom, 0.0) if _even(frequency) else bottom, top)
    return drawn


def bare(
    axes: Axes,
    values: np.ndarray,
    extent: tuple[float, float, float, float],
    colours: Colormap | str,
    limits: tuple[float | None, float | None],
) -> AxesImage:
    """Draw a map over a rectangle, row 0 at the bottom; NaN stays bare."""
    return axes.imshow(
        np.ma.masked_invalid(values), origin="lower", aspect="auto", interpolation="nearest",
        extent=extent, cmap=colours, norm=Normalize(*limits),
    )  # fmt: skip


def _columns(
    axes: Axes,
    values: np.ndarray,
    time: np.ndarray,
    colours: ListedColormap,
    limits: tuple[float, float],
) -> AxesImage:
    """Draw samples [T] over the whole height, of those that share a column the largest."""
    parts = np.array_split(values, min(COLUMNS, len(values)))
    row = np.array([part[np.abs(part).argmax()] for part in parts])
    (left, right), (bottom, top) = edges(time), axes.get_ylim()
    drawn = bare(axes, row[None], (left, right, bottom, top), colours, limits)
    axes.set_ylim(bottom, top)
    return drawn


def _even(axis: np.ndarray) -> bool:
    steps = np.diff(axis)
    return bool(len(steps) == 0 or np.allclose(steps, steps[0], rtol=1e-3))


def edges(axis: np.ndarray) -> tuple[float, float]:
    """Where evenly spaced points begin and end, half a step beyond the first and the last."""
    axis = np.asarray(axis, dtype=float)
    half = (axis[-1] - axis[0]) / max(len(axis) - 1, 1) / 2 or 0.5
    return float(axis[0] - half), float(axis[-1] + half)


def value_range(panels: Sequence[Panel], *extra: float | None) -> tuple[float, float]:
    """Smallest and largest finite feature over all panels, and over the extra values."""
    values = np.concatenate([np.ravel(p.features) for p in panels]).astype(float)
    values = np.append(values[np.isfinite(values)], [e for e in extra if e is not None])
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    return (low, high) if high > low else (low, low + 1.0)


def _mark_padding(axes: Axes, panel: Panel) -> None:
    """Draw the strip: solid where the recording is, hatched where it was padded."""
    onset_s, duration_s = panel.onset_s, panel.duration_s
    if not panel.timed or onset_s is None or duration_s is None:
        return
    left, right = axes.get_xlim()
    begin, end = (float(np.clip(s, left, right)) for s in (onset_s, onset_s + duration_s))
    where = {"transform": axes.get_xaxis_transform(), "clip_on": False}
    for name, first, last, looks in (("padding", left, right, PADDING),
                                     ("recording", begin, end, RECORDING)):  # fmt: skip
        corner, size = (first, STRIP[0]), (last - first, STRIP[1])
        axes.add_patch(Rectangle(corner, *size, label=name, **where, **looks))
    for at in (begin, end):
        if left < at < right:
            axes.axvline(at, color=style.INK, linewidth=0.7, linestyle=(0, (3, 2)))


def colour_bar(
    fig: Figure, axes: list[Axes], image: AxesImage, label: str, *, extend: bool = False
) -> None:
    """Add a colour bar beside all axes; a power of ten goes into its label, as ``10^-4``."""
    bound = max(map(abs, image.get_clim()))
    power = math.floor(math.log10(bound)) if bound > 0 else 0
    power = power if abs(power) > 2 else 0
    name, _, units = label.partition("|")
    factor = f"10{str(power).translate(RAISED)} × " if power else ""
    style.colour_bar(
        fig, image, f"{name} ({factor}{units})", ax=axes, extend="both" if extend else "neither",
        format=FuncFormatter(lambda value, _: f"{value / 10.0**power:g}"), fraction=0.025,
        aspect=28, pad=0.02,
    )  # fmt: skip


def key(fig: Figure, panels: Sequence[Panel]) -> None:
    """Say below the panels what the strip means, where there is one."""
    if any(panel.timed for panel in panels):
        entries = [Patch(label="recording", **RECORDING), Patch(label="padding", **PADDING)]
        style.legend(fig, entries, ncols=2, handleheight=0.6)
