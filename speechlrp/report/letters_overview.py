"""Explanations of all frames of each letter: mean maps, and where relevance lies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from speechlrp.errors import SpeechLRPError
from speechlrp.report import style
from speechlrp.report.letters_axes import band_image, bar
from speechlrp.report.panels import edges

COLUMNS = 7
PANEL = (1.6, 1.35)


def letters_figure(
    maps: np.ndarray,
    frames: np.ndarray,
    classes: Sequence[str],
    frequency: np.ndarray,
    offset_ms: np.ndarray,
    *,
    title: str = "",
) -> Figure:
    """Draw the mean relevance of each letter's frames, a panel each.

    Args:
        maps: means ``[C, F, W]``; NaN where there is no frame.
        frames: how many there are ``[C]``.
        classes: names of the ``C``.
        frequency: of the bands in Hz ``[F]``.
        offset_ms: of the steps from the window's centre in ms ``[W]``.
        title: above the figure.

    Raises:
        SpeechLRPError: no letter, or shapes that differ from the axes.
    """
    shape = len(classes), len(frequency), len(offset_ms)
    if 0 in shape or maps.shape != shape or len(frames) != shape[0]:
        raise SpeechLRPError(f"mean maps of {list(maps.shape)} do not fit axes of {list(shape)}")
    columns = min(COLUMNS, len(classes))
    rows = -(-len(classes) // columns)
    fig = style.figure(width=PANEL[0] * columns + 1.3, height=PANEL[1] * rows + 1.1)
    grid = fig.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for place, ax in enumerate(grid.flat):
        if place >= len(classes):
            ax.set_visible(False)
            continue
        image = _panel(ax, maps[place], frequency, offset_ms)
        style.heading(ax, f"{classes[place]}   {int(frames[place]):,}", size=style.TEXT, pad=3)
        if place + columns >= len(classes):
            ax.tick_params(labelbottom=True)
        if place % columns == 0:
            ax.set_ylabel("frequency (Hz)", fontsize=style.SMALL - 1)
    bar(fig, grid.flat, image, "mean relevance (scaled to each panel's largest)")
    note = (
        "Across: time from the window's centre (ms). Mean over the letter's frames, whose number "
        "stands beside it; each panel is scaled to an absolute maximum of 1."
    )
    style.titled(fig, title, note)
    return fig


def _panel(axes, values: np.ndarray, frequency: np.ndarray, offset_ms: np.ndarray):
    known = np.isfinite(values)
    largest = np.abs(values[known]).max() if known.any() else 0.0
    scaled = values / largest if largest > 0 else values
    colours = style.relevance_colours()
    image = band_image(axes, scaled, frequency, offset_ms, colours, (-1, 1))
    if known.any():
        axes.axvline(0, color=style.FAINT, linewidth=0.5)
    else:
        axes.text(
            0.5, 0.5, "no frame", transform=axes.transAxes, ha="center", va="center",
            fontsize=style.SMALL, color=style.FAINT,
        )  # fmt: skip
    return image


def where_figure(lags: pd.DataFrame, bands: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw where the absolute relevance of each letter lies, in time and in frequency.

    Args:
        lags: columns class, offset_ms, share.
        bands: columns class, band_low_hz, band_high_hz, share_of_bins, share.
        title: above the figure.
    """
    time = lags.pivot(index="class", columns="offset_ms", values="share")
    bands = bands.assign(times=bands.share / bands.share_of_bins.where(bands.share_of_bins > 0))
    frequency = bands.pivot(index="class", columns="band_low_hz", values="times")
    fig = style.figure(width=9.2, height=0.19 * len(time) + 1.6)
    left, right = fig.subplots(1, 2, gridspec_kw={"width_ratios": (1.5, 1)})
    offsets = time.columns.to_numpy()
    times = time.to_numpy() * len(offsets)
    extent = (*edges(offsets), len(time) - 0.5, -0.5)
    looks = {"aspect": "auto", "interpolation": "nearest", "cmap": "viridis", "vmin": 0}
    images = left.imshow(times, extent=extent, **looks), right.imshow(frequency, **looks)
    left.axvline(0, color="white", linewidth=0.6, linestyle=(0, (2, 2)))
    left.set_xlabel("time from the window's centre (ms)")
    right.set_xlabel("frequency from (Hz)")
    right.set_xticks(range(frequency.shape[1]), [f"{hz:g}" for hz in frequency.columns])
    for ax, names in ((left, time.index), (right, frequency.index)):
        ax.set_yticks(range(len(names)), names)
        style.dress(ax, grid=None)
        ax.tick_params(labelsize=style.SMALL - 1)
    for ax, image in zip((left, right), images, strict=True):
        bar(fig, (ax,), image, "times the share of an even spread")
    left.set_ylabel("letter")
    note = "Mean over frames of the shares of their absolute relevance; bare: no frame."
    style.titled(fig, title, note)
    return fig
