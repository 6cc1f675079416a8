"""Relevance over spectrograms (T Figures 6.1, 6.2, 6.4, 6.7 and 6.8).

Shapes: F frequency bins, T time frames. Row 0 is the lowest frequency; figures
show frequency upwards in Hz and time to the right in s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter

from speechlrp.errors import SpeechLRPError
from speechlrp.report import style

STRIP = (1.015, 0.03)


@dataclass(frozen=True)
class Panel:
    """One recording in a figure.

    Attributes:
        features: spectrogram, [F, T].
        relevance: relevance of every bin, [F, T]; for heat maps.
        order: flat bin indices by falling relevance, [F * T]; for marked bins.
        title: above the panel, such as ``"female, speaker 12: true female, said female"``.
        onset_s: start of the recording inside the window, s; None: not marked.
        duration_s: its length inside the window, s; what is beside it is padding.
    """

    features: np.ndarray
    relevance: np.ndarray | None = None
    order: np.ndarray | None = None
    title: str = ""
    onset_s: float | None = None
    duration_s: float | None = None


def heatmap(
    panels: Panel | Sequence[Panel],
    frequency: np.ndarray,
    time: np.ndarray,
    *,
    title: str = "",
    units: str = "dB",
    relevance_units: str = "share of the logit",
    clip: float = 0.995,
    columns: int = 2,
) -> Figure:
    """Draw relevance (red positive, blue negative) over grey spectrograms.

    All panels share both scales. A strip above each says where the recording is
    (solid) and where it was padded (hatched).

    Args:
        panels: one recording or several, each with ``relevance``.
        frequency: of the rows, Hz, [F]; uneven spacing (mel) is drawn row by row.
        time: of the columns, s, [T].
        title: above the figure.
        units: of the features.
        relevance_units: of the relevance.
        clip: quantile of |relevance| at which colour is full, so that a few extreme
            bins do not leave the rest white; 1 clips nothing.
        columns: panels side by side.

    Raises:
        SpeechLRPError: no panel, no relevance, or shapes that differ from the axes.
    """
    panels = _checked(panels, frequency, time)
    if any(panel.relevance is None for panel in panels):
        raise SpeechLRPError("a heat map needs relevance; make it with `speechlrp explain`")
    bound = relevance_bound([p.relevance for p in panels], clip)
    fig, axes = _sheet(panels, columns, title)
    for ax, panel in zip(axes, panels, strict=True):
        grey = _spectrogram(ax, panel, panel.features, frequency, time, _range(panels))
        colour = _image(
            ax, panel.relevance, frequency, time, style.relevance_colours(), (-bound, bound)
        )
    _colour_bar(fig, axes, colour, f"relevance ({relevance_units})", extend=clip < 1)
    _colour_bar(fig, axes, grey, f"level ({units})")
    return fig


def top_bins(
    panels: Panel | Sequence[Panel],
    frequency: np.ndarray,
    time: np.ndarray,
    *,
    share: float = 0.01,
    least: bool = False,
    fill: float | None = None,
    title: str = "",
    units: str = "dB",
    columns: int = 2,
) -> Figure:
    """Draw spectrograms with a share of their bins marked in red, or set to a value.

    Args:
        panels: one recording or several, each with ``order``.
        frequency: of the rows, Hz, [F].
        time: of the columns, s, [T].
        share: share of the bins, 0 to 1 (T Fig. 6.2: 0.01; Fig. 6.4: 0.95).
        least: take the least positive bins instead of the most (T Fig. 6.4).
        fill: the value that the bins are set to; None: they are marked in red.
        title: above the figure.
        units: of the features.
        columns: panels side by side.

    Raises:
        SpeechLRPError: no panel, no order, or shapes that differ from the axes.
    """
    panels = _checked(panels, frequency, time)
    if any(panel.order is None for panel in panels):
        raise SpeechLRPError("marked bins need their order; make it with `speechlrp explain`")
    fig, axes = _sheet(panels, columns, title)
    limits = _range(panels, fill)
    for ax, panel in zip(axes, panels, strict=True):
        mask = bin_mask(panel.order, panel.features.shape, share, least=least)
        shown = panel.features if fill is None else np.where(mask, fill, panel.features)
        grey = _spectrogram(ax, panel, shown, frequency, time, limits)
        if fill is None:
            red = ListedColormap([(0, 0, 0, 0), style.POSITIVE])
            _image(ax, mask.astype(float), frequency, time, red, (0, 1))
    _colour_bar(fig, axes, grey, f"level ({units})")
    return fig


def bin_mask(
    order: np.ndarray, shape: tuple[int, int], share: float, *, least: bool = False
) -> np.ndarray:
    """Mark the first (or with ``least`` the last) share of the bins of an order, bool [F, T]."""
    count = round(share * order.size)
    chosen = order[order.size - count :] if least else order[:count]
    mask = np.zeros(shape[0] * shape[1], dtype=bool)
    mask[chosen.astype(np.int64)] = True
    return mask.reshape(shape)


def relevance_bound(maps: Sequence[np.ndarray], clip: float) -> float:
    """The |relevance| at which colour is full, over all maps; 1 where there is none at all."""
    values = np.abs(np.concatenate([np.ravel(m) for m in maps]).astype(float))
    values = values[np.isfinite(values)]
    bound = float(np.quantile(values, clip)) if values.size else 0.0
    return bound or (float(values.max()) if values.size else 0.0) or 1.0


def _checked(
    panels: Panel | Sequence[Panel], frequency: np.ndarray, time: np.ndarray
) -> list[Panel]:
    panels = [panels] if isinstance(panels, Panel) else list(panels)
    if not panels:
        raise SpeechLRPError("no recording to draw; explain some with `speechlrp explain`")
    shape = (len(frequency), len(time))
    for panel in panels:
        for found in (panel.features, panel.relevance):
            if found is not None and found.shape != shape:
                raise SpeechLRPError(f"a map of shape {found.shape} does not fit axes of {shape}")
    return panels


def _sheet(panels: Sequence[Panel], columns: int, title: str) -> tuple[Figure, list[Axes]]:
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    width = 2.95 * columns + 1.9
    fig = style.figure(width=width, height=2.75 * rows + (0.35 if title else 0.1))
    grid = fig.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    axes = list(grid.flat)
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    for i, ax in enumerate(axes[: len(panels)]):
        if i + columns >= len(panels):
            ax.set_xlabel("time (s)")
            ax.tick_params(labelbottom=True)
        if i % columns == 0:
            ax.set_ylabel("frequency (Hz)")
    if title:
        fig.suptitle(title, x=0.01, ha="left", fontsize=style.TITLE, color=style.INK)
    return fig, axes[: len(panels)]


def _spectrogram(
    axes: Axes,
    panel: Panel,
    shown: np.ndarray,
    frequency: np.ndarray,
    time: np.ndarray,
    limits: tuple[float, float],
) -> AxesImage:
    image = _image(axes, shown, frequency, time, style.spectrogram_colours(), limits)
    style.dress(axes, grid=None)
    style.heading(axes, panel.title, size=style.TEXT, pad=11 if panel.onset_s is not None else 6)
    _mark_padding(axes, panel)
    return image


def _image(
    axes: Axes,
    values: np.ndarray,
    frequency: np.ndarray,
    time: np.ndarray,
    colours: ListedColormap,
    limits: tuple[float, float],
) -> AxesImage:
    bottom, top = _edges(frequency)
    if not _even(frequency):
        bottom, top = -0.5, len(frequency) - 0.5
        label = FuncFormatter(
            lambda y, _: f"{np.interp(y, np.arange(len(frequency)), frequency):.0f}"
        )
        axes.yaxis.set_major_formatter(label)
    return axes.imshow(
        np.ma.masked_invalid(values), origin="lower", aspect="auto", interpolation="nearest",
        extent=(*_edges(time), bottom, top), cmap=colours, norm=Normalize(*limits),
    )  # fmt: skip


def _even(axis: np.ndarray) -> bool:
    steps = np.diff(axis)
    return bool(len(steps) == 0 or np.allclose(steps, steps[0], rtol=1e-3))


def _edges(axis: np.ndarray) -> tuple[float, float]:
    axis = np.asarray(axis, dtype=float)
    half = (axis[-1] - axis[0]) / max(len(axis) - 1, 1) / 2 or 0.5
    return max(0.0, float(axis[0] - half)), float(axis[-1] + half)


def _range(panels: Sequence[Panel], *extra: float | None) -> tuple[float, float]:
    values = np.concatenate([np.ravel(p.features) for p in panels]).astype(float)
    values = np.append(values[np.isfinite(values)], [e for e in extra if e is not None])
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    return (low, high) if high > low else (low, low + 1.0)


def _mark_padding(axes: Axes, panel: Panel) -> None:
    """Draw the strip: solid where the recording is, hatched where it was padded."""
    if panel.onset_s is None or panel.duration_s is None:
        return
    left, right = axes.get_xlim()
    begin, end = (
        float(np.clip(s, left, right)) for s in (panel.onset_s, panel.onset_s + panel.duration_s)
    )
    looks = {"facecolor": "white", "edgecolor": style.FAINT, "hatch": "//////", "linewidth": 0.5}
    _strip(axes, left, right, "padding", **looks)
    _strip(axes, begin, end, "recording", facecolor=style.INK, edgecolor=style.INK, linewidth=0.5)
    for at in (begin, end):
        if left < at < right:
            axes.axvline(at, color=style.INK, linewidth=0.7, linestyle=(0, (3, 2)))


def _strip(axes: Axes, begin: float, end: float, label: str, **looks: object) -> None:
    bottom, height = STRIP
    axes.add_patch(
        Rectangle((begin, bottom), end - begin, height, transform=axes.get_xaxis_transform(),
                  clip_on=False, label=label, **looks)
    )  # fmt: skip


def _colour_bar(
    fig: Figure, axes: list[Axes], image: AxesImage, label: str, *, extend: bool = False
) -> None:
    bar = fig.colorbar(
        image, ax=axes, label=label, extend="both" if extend else "neither", fraction=0.05,
        aspect=28, pad=0.02,
    )  # fmt: skip
    bar.ax.tick_params(labelsize=style.SMALL, color=style.FAINT)
    bar.ax.yaxis.label.set_fontsize(style.SMALL)
    bar.outline.set_edgecolor(style.FAINT)
    bar.formatter.set_powerlimits((-3, 4))
    bar.ax.yaxis.offsetText.set_fontsize(style.SMALL)
