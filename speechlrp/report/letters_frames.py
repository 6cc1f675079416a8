"""What a letter rests on: single frames beside their explanations (K Fig. 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from speechlrp.errors import SpeechLRPError
from speechlrp.report import style
from speechlrp.report.letters_axes import (
    CLIP,
    band_image,
    bar,
    relevance_over,
    spectrogram_limits,
)
from speechlrp.report.panels import check_shapes

PANEL = (2.45, 1.75)


@dataclass(frozen=True)
class FrameRow:
    """One frame.

    Attributes:
        features: what the network sees ``[F, W]``.
        maps: explainer -> its relevance ``[F, W]``.
        title: such as ``"'a' at 1.23 s of utterance, probability 0.98"``.
    """

    features: np.ndarray
    maps: Mapping[str, np.ndarray]
    title: str


def frames_figure(
    rows: Sequence[FrameRow],
    frequency: np.ndarray,
    offset_ms: np.ndarray,
    *,
    units: str = "",
    title: str = "",
) -> Figure:
    """Draw a row a frame: its spectrogram, and the same under each explanation.

    Args:
        rows: frames with the same explainers, in the order of the columns.
        frequency: of the bands in Hz ``[F]``.
        offset_ms: of the steps from the window's centre in ms ``[W]``.
        units: of the features.
        title: above the figure.

    Raises:
        SpeechLRPError: no frame, other explainers in one row than in another, or shapes that
            differ from the axes.
    """
    names = _checked(rows, (len(frequency), len(offset_ms)))
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


def _checked(rows: Sequence[FrameRow], shape: tuple[int, int]) -> tuple[str, ...]:
    if not rows:
        raise SpeechLRPError("no frame to draw; explain some with `speechlrp explain`")
    names = tuple(rows[0].maps)
    for row in rows:
        if tuple(row.maps) != names or not names:
            raise SpeechLRPError(
                f"frames explained by {', '.join(row.maps) or 'nothing'} and by "
                f"{', '.join(names) or 'nothing'} do not stand in one figure"
            )
        check_shapes((row.features, *row.maps.values()), shape)
    return names
