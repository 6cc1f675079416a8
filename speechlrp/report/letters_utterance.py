"""An utterance with what its predicted letters rest on, along time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from speechlrp.errors import SpeechLRPError
from speechlrp.report import style
from speechlrp.report.letters_axes import (
    band_image,
    bar,
    relevance_over,
    spectrogram_limits,
)
from speechlrp.report.line_labels import spread
from speechlrp.report.panels import edges


@dataclass(frozen=True)
class Along:
    """One utterance.

    Attributes:
        features: ``[T, F]``.
        relevance: of all letter frames, laid where they are and added up ``[T, F]``.
        time: of the frames in s ``[T]``.
        letters: a row a letter frame: letter, run, start (its first frame), time_s (its centre).
        profile: of each letter frame, its absolute relevance along its window ``[L, W]``.
        title: above the figure.
    """

    features: np.ndarray
    relevance: np.ndarray
    time: np.ndarray
    letters: pd.DataFrame
    profile: np.ndarray
    title: str = ""


def utterance_figure(one: Along, frequency: np.ndarray, *, units: str = "") -> Figure:
    """Draw the spectrogram with the letters at their times, relevance over it, and each letter's.

    The greedy letters stand where the centres of their windows are, a run of frames once.
    The lowest panel has a row a letter: where in time its absolute relevance lies.

    Args:
        one: the utterance.
        frequency: of the bands in Hz ``[F]``.
        units: of the features.

    Raises:
        SpeechLRPError: arrays that do not fit each other.
    """
    shape = len(one.time), len(frequency)
    fits = one.features.shape == shape == one.relevance.shape
    if not fits or len(one.letters) != len(one.profile) or not len(one.letters):
        raise SpeechLRPError(
            f"relevance of {list(one.relevance.shape)} with {len(one.letters)} letter frames and "
            f"{len(one.profile)} profiles does not fit an utterance of {list(shape)}"
        )
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
