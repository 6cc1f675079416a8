"""Relevance over spectrograms (T Figures 6.1, 6.2, 6.4, 6.7 and 6.8).

Shapes: F frequency bins, T time frames. Row 0 is the lowest frequency; figures
show frequency upwards in Hz and time to the right in s.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from speechlrp.report import style
from speechlrp.report.panels import (
    Panel,
    colour_bar,
    image,
    key,
    sheet,
    spectrogram,
    value_range,
)


def heatmap(
    panels: Panel | Sequence[Panel],
    frequency: np.ndarray,
    time: np.ndarray,
    *,
    units: str = "dB",
    relevance_units: str = "share of the logit",
    clip: float = 0.995,
) -> Figure:
    """Draw relevance (red positive, blue negative) over grey spectrograms.

    All panels share both scales. A strip above each says where the recording is
    (solid) and where it was padded (hatched).

    `frequency` [F] is that of the rows in Hz (uneven spacing, as mel's, is drawn row by row),
    `time` [T] that of the columns in s, `units` are the features'. Colour is full at the quantile
    `clip` of |relevance|, so that a few extreme bins do not leave the rest white.
    """
    panels = [panels] if isinstance(panels, Panel) else list(panels)
    maps = [panel.relevance for panel in panels if panel.relevance is not None]
    bound = relevance_bound(maps, clip)
    fig, axes = sheet(panels)
    for ax, panel, shown in zip(axes, panels, maps, strict=True):
        grey = spectrogram(ax, panel, panel.features, frequency, time, value_range(panels))
        colour = image(ax, shown, frequency, time, style.relevance_colours(), (-bound, bound))
    colour_bar(fig, axes, colour, f"relevance|{relevance_units}", extend=clip < 1)
    if grey:
        colour_bar(fig, axes, grey, f"level|{units}")
    key(fig, panels)
    return fig


def top_bins(
    panels: Panel | Sequence[Panel],
    frequency: np.ndarray,
    time: np.ndarray,
    *,
    share: float = 0.01,
    least: bool = False,
    fill: float | None = None,
    units: str = "dB",
) -> Figure:
    """Draw spectrograms with a share of their bins marked in red, or set to a value.

    Panels have an ``order``. `share` (0 to 1) is that of the most positive bins (T Fig. 6.2: 0.01)
    or of the `least` (T Fig. 6.4: 0.95), which become `fill`; without it they are marked in red.
    """
    panels = [panels] if isinstance(panels, Panel) else list(panels)
    orders = [panel.order for panel in panels if panel.order is not None]
    fig, axes = sheet(panels)
    limits = value_range(panels, fill)
    for ax, panel, order in zip(axes, panels, orders, strict=True):
        mask = bin_mask(order, panel.features.shape, share, least=least)
        shown = panel.features if fill is None else np.where(mask, fill, panel.features)
        grey = spectrogram(ax, panel, shown, frequency, time, limits)
        if fill is None:
            red = ListedColormap([(0, 0, 0, 0), style.POSITIVE])
            image(ax, mask.astype(float), frequency, time, red, (0, 1))
    if grey:
        colour_bar(fig, axes, grey, f"level|{units}")
    key(fig, panels)
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
    return float(np.quantile(values, clip) or values.max() or 1.0) if values.size else 1.0
