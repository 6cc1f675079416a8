"""Maps of mel bands over time, and what a letter rests on: frames beside explanations (K Fig. 2).

Shapes: ``F`` bands, row 0 the lowest; ``X`` steps in time, ``W`` of a window.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from speechlrp.report import style
from speechlrp.report.heatmap import relevance_bound
from speechlrp.report.panels import bare, edges

HZ = (250, 700, 1500, 2700, 5000)
CLIP = 0.998
"""Quantile of |relevance| in a panel at which colour is full."""
LONGEST = 30
"""Letters of a line beside a colour bar."""


def band_image(
    axes: Axes,
    values: np.ndarray,
    frequency: np.ndarray,
    time: np.ndarray,
    colours: Colormap | str,
    limits: tuple[float, float],
) -> AxesImage:
    """Draw a map ``[F, X]`` band by band, with ticks in Hz; NaN stays bare.

    Args:
        axes: where.
        values: the map.
        frequency: of the bands in Hz, rising ``[F]``.
        time: of the steps, evenly spaced, in the axes' unit ``[X]``.
        colours: of the values.
        limits: values of the first and the last colour.
    """
    extent = (*edges(time), -0.5, len(frequency) - 0.5)
    image = bare(axes, values, extent, colours, limits)
    ticks = [hz for hz in HZ if frequency[0] <= hz <= frequency[-1]]
    axes.set_yticks(np.interp(ticks, frequency, np.arange(len(frequency))), map(str, ticks))
    style.dress(axes, grid=None)
    axes.tick_params(labelsize=style.SMALL - 1, length=2.5, pad=2)
    return image


def spectrogram_limits(features: Sequence[np.ndarray]) -> tuple[float, float]:
    """Values of white and of the darkest grey: 1 % and 99.9 % of all there are."""
    values = np.concatenate([np.ravel(one) for one in features]).astype(float)
    low, high = (float(np.quantile(values, q)) for q in (0.01, 0.999)) if values.size else (0, 1)
    return (low, high) if high > low else (low, low + 1.0)


def relevance_over(
    axes: Axes,
    features: np.ndarray,
    relevance: np.ndarray,
    frequency: np.ndarray,
    time: np.ndarray,
    limits: tuple[float, float],
) -> AxesImage:
    """Draw relevance, scaled to its own `CLIP`, over a grey spectrogram, both ``[F, X]``."""
    band_image(axes, features, frequency, time, style.spectrogram_colours(), limits)
    scaled = relevance / relevance_bound([relevance], CLIP)
    return band_image(axes, scaled, frequency, time, style.relevance_colours(), (-1, 1))


def bar(fig: Figure, axes: Sequence[Axes], image: AxesImage, label: str) -> None:
    """A colour bar beside all axes; a long label is broken."""
    options = {"ax": list(axes), "fraction": 0.03, "aspect": 30, "pad": 0.015}
    style.colour_bar(fig, image, textwrap.fill(label, LONGEST), **options)


PANEL = (2.45, 1.75)


@dataclass(frozen=True)
class FrameRow:
    """One frame."""

    features: np.ndarray  # what the network sees ``[F, W]``
    maps: Mapping[str, np.ndarray]  # explainer -> its relevance ``[F, W]``
    title: str  # such as ``"'a' at 1.23 s of utterance, probability 0.98"``


def frames_figure(
    rows: Sequence[FrameRow],
    frequency: np.ndarray,
    offset_ms: np.ndarray,
    *,
    units: str = "",
    title: str = "",
) -> Figure:
    """Draw a row a frame: its spectrogram, and the same under each explanation.

    The rows have the same explainers, in the order of the columns. `frequency` is that of the bands
    in Hz ``[F]``, `offset_ms` that of the steps from the window's centre ``[W]``.
    """
    names = tuple(rows[0].maps)
    width = PANEL[0] * (1 + len(names)) + 1.6
    fig = style.figure(width=width, height=PANEL[1] * len(rows) + 1.1)
    grid = fig.subplots(len(rows), 1 + len(names), squeeze=False, sharex=True, sharey=True)
    limits = spectrogram_limits([row.features for row in rows])
    for place, (row, axes) in enumerate(zip(rows, grid, strict=True)):
        grey = band_image(
            axes[0], row.features, frequency, offset_ms, style.spectrogram_colours(), limits
        )
        axes[0].set_ylabel("frequency (Hz)", fontsize=style.SMALL)
        for name, ax in zip(names, axes[1:], strict=True):
            colour = relevance_over(ax, row.features, row.maps[name], frequency, offset_ms, limits)
        for name, ax in zip(("spectrogram", *names), axes, strict=True):
            ax.axvline(0, color=style.INK, linewidth=0.6, linestyle=(0, (2, 2)))
            if place == 0:
                style.heading(ax, name, size=style.TEXT, pad=18)
            if place == len(rows) - 1:
                ax.set_xlabel("time from the centre (ms)", fontsize=style.SMALL)
        axes[0].text(
            0, 1.03, row.title, transform=axes[0].transAxes, va="bottom",
            fontsize=style.SMALL - 0.5, color=style.INK,
        )  # fmt: skip
    bar(fig, grid.flat, colour, "relevance (scaled)")
    bar(fig, grid.flat, grey, units)
    note = (
        f"Each panel has its own scale: {CLIP:.1%} of its bins lie within -1 and 1.\n"
        "Sensitivity: red, where more energy raises the letter's score; relevance: red, what "
        "speaks for it."
    )
    style.titled(fig, title, note)
    return fig
