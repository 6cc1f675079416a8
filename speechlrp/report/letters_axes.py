"""Maps of mel bands over time, as the figures of letters draw them.

Shapes: ``F`` bands, row 0 the lowest; ``X`` steps in time.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

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
