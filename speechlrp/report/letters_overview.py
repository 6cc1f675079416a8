"""Explanations of all frames of each letter, and of an utterance's letters along time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from speechlrp.report import style
from speechlrp.report.curve_parts import spread
from speechlrp.report.letters_frames import band_image, bar, relevance_over, spectrogram_limits
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

    `maps` are means ``[C, F, W]``, NaN where there is no frame, `frames` their counts ``[C]``;
    `frequency` is that of the bands in Hz ``[F]``, `offset_ms` from the window's centre ``[W]``.
    """
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

    `lags` has the columns class, offset_ms, share; `bands` class, band_low_hz, band_high_hz,
    share_of_bins, share.
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


@dataclass(frozen=True)
class Along:
    """One utterance."""

    features: np.ndarray  # ``[T, F]``
    relevance: np.ndarray  # of all letter frames, laid where they are and added up ``[T, F]``
    time: np.ndarray  # of the frames in s ``[T]``
    letters: pd.DataFrame
    """A row a letter frame: letter, run, start (its first frame), time_s (its centre)."""
    profile: np.ndarray  # of each letter frame, its absolute relevance along its window ``[L, W]``
    title: str = ""  # above the figure


def utterance_figure(one: Along, frequency: np.ndarray, *, units: str = "") -> Figure:
    """Draw the spectrogram with the letters at their times, relevance over it, and each letter's.

    The greedy letters stand where the centres of their windows are, a run of frames once.
    The lowest panel has a row a letter: where in time its absolute relevance lies.
    """
    runs = one.letters.groupby("run").agg(letter=("letter", "first"), time_s=("time_s", "mean"))
    tall = max(1.6, 0.13 * len(runs))
    fig = style.figure(width=9.5, height=4.6 + tall)
    top, middle, low = fig.subplots(3, 1, sharex=True, height_ratios=(1.6, 1.6, tall))
    limits = spectrogram_limits([one.features])
    grey = band_image(top, one.features.T, frequency, one.time, style.spectrogram_colours(), limits)
    colour = relevance_over(middle, one.features.T, one.relevance.T, frequency, one.time, limits)
    for ax in (top, middle):
        ax.set_ylabel("frequency (Hz)")
    _letters(top, runs)
    for ax in (top, middle):
        ax.vlines(runs.time_s, *ax.get_ylim(), color=style.INK, linewidth=0.4, alpha=0.5)
    image = _rows(low, one, runs)
    bar(fig, [top], grey, units)
    bar(fig, [middle], colour, "relevance (scaled)")
    bar(fig, [low], image, "share of a letter's (%)")
    note = (
        "Letters stand at the centres of the windows that are taken for them. Middle: the "
        "relevance of all letter frames, each as shares, added up.\nBelow: a row a letter, the "
        "mean of its frames: where in time its absolute relevance lies; the mark is the centre."
    )
    style.titled(fig, one.title, note)
    return fig


def _letters(axes: Axes, runs: pd.DataFrame) -> None:
    """Write the letters above the axes, moved apart where they would overlap."""
    low, high = axes.get_xlim()
    places = spread(runs.time_s.tolist(), 0.011 * (high - low), low, high)
    for place, letter in zip(places, runs.letter, strict=True):
        axes.text(
            place, 1.02, letter, transform=axes.get_xaxis_transform(), ha="center",
            va="bottom", fontsize=style.TEXT, color=style.INK,
        )  # fmt: skip


def _rows(axes: Axes, one: Along, runs: pd.DataFrame):
    """Draw a row a run of letter frames."""
    shares = np.full((len(runs), len(one.time)), np.nan)
    for row, number in enumerate(runs.index):
        frames = np.flatnonzero(one.letters.run == number)
        total = np.zeros(len(one.time))
        covered = np.zeros(len(one.time), bool)
        for frame in frames:
            place = slice(one.letters.start.iloc[frame], None)
            width = one.profile.shape[1]
            total[place][:width] += one.profile[frame] / len(frames)
            covered[place][:width] = True
        shares[row, covered] = 100 * total[covered]
    image = axes.imshow(
        np.ma.masked_invalid(shares), aspect="auto", interpolation="nearest", cmap="viridis",
        vmin=0, extent=(*edges(one.time), len(runs) - 0.5, -0.5),
    )  # fmt: skip
    axes.plot(runs.time_s, range(len(runs)), linestyle="", marker="|", color="white", ms=5)
    axes.set_yticks(range(len(runs)), runs.letter)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("predicted letter")
    style.dress(axes, grid=None)
    axes.tick_params(axis="y", labelsize=style.SMALL - 1.5, length=0)
    return image
