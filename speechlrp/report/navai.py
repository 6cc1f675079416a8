"""NAvAI's patterns: what the frames of a letter share (K Fig. 3 and A.1 to A.3)."""

from collections.abc import Sequence
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from speechlrp.report import style
from speechlrp.report.letters_frames import band_image

PANEL = (1.5, 0.95)
LEFT, RIGHT, TOP, BOTTOM = 0.95, 1.0, 0.65, 0.8
LONGEST = 13
LEAST = 0.1
VEIL = 0.72
LETTERS_AN_INCH = 15


def pattern_figure(
    pattern: np.ndarray,
    counts: np.ndarray,
    classes: Sequence[str],
    alignments: Sequence[str],
    frequency: np.ndarray,
    offset_ms: np.ndarray,
    *,
    differs: np.ndarray | None = None,
    rate: float = 0.0,
    title: str = "What the frames of a letter share",
) -> Figure:
    """Draw one panel a class (rows) and alignment (columns); many classes in two blocks.

    Each panel is scaled to an absolute maximum of 1, as K's. Offsets that fewer than a tenth
    of the class's frames reach are left bare: of few frames the mean is noise, which would
    otherwise set the scale.

    `pattern` is ``[C, A, F, D]``, NaN stays bare; `counts` are the frames that reach an offset
    ``[C, A, D]``; `frequency` that of the bands in Hz, rising, ``[F]``, `offset_ms` from the key
    step ``[D]``. What `differs` ``[C, A, F, D]``, at the false-discovery `rate`, is no chance; the
    rest is drawn pale.
    """
    blocks = -(-len(classes) // LONGEST)
    rows = -(-len(classes) // blocks)
    fig, place = _sheet(blocks, rows, len(alignments), title, None if differs is None else rate)
    for c, name in enumerate(classes):
        block, row = divmod(c, rows)
        last = row == rows - 1 or c == len(classes) - 1
        for a, alignment in enumerate(alignments):
            axes = place(block, row, a)
            shown = clear(pattern[c, a], counts[c, a])
            sure = None if differs is None else differs[c, a]
            image = _panel(axes, shown, frequency, offset_ms, sure)
            _count(axes, int(counts[c, a].max()), int(counts[c].max()))
            axes.tick_params(labelbottom=last, labelleft=a == 0)
            if row == 0:
                style.heading(axes, alignment, size=style.TEXT, pad=5)
            if a == 0:
                _name(axes, name)
    _colour_bar(fig, image)
    return fig


def clear(pattern: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Blank (NaN) what few frames reach, and scale the rest to an absolute maximum of 1.

    Of a pattern ``[F, D]`` and counts ``[D]``.
    """
    reached = (counts > 0) & (counts >= LEAST * counts.max())
    shown = np.where(reached, pattern, np.nan)
    size = np.nan_to_num(np.abs(shown)).max()
    return shown / size if size > 0 else shown


def _sheet(blocks: int, rows: int, columns: int, title: str, rate: float | None):
    """A figure and a function that makes the axes of block, row and column, in inches."""
    block_width = columns * PANEL[0] + LEFT
    width = blocks * block_width + RIGHT
    height = TOP + rows * PANEL[1] + BOTTOM
    fig = style.figure(width=width, height=height)
    fig.set_layout_engine("none")
    said = (
        "Mean of the class minus mean over all classes, each panel scaled to an absolute maximum "
        f"of 1. Bare: reached by no frame, or by less than {LEAST:.0%} of the class's. n: frames."
    )
    if rate is not None:
        said += f" Pale: not different from 0 at a false-discovery rate of {rate:g}."
    said, small = fill(said, round(width * LETTERS_AN_INCH)), style.SMALL - 0.5
    fig.text(0.15 / width, 1 - 0.3 / height, title, fontsize=style.TITLE, color=style.INK)
    fig.text(0.15 / width, 0.12 / height, said, fontsize=small, color=style.FAINT)

    def place(block: int, row: int, column: int) -> Axes:
        left = block * block_width + LEFT + column * PANEL[0]
        bottom = BOTTOM + (rows - 1 - row) * PANEL[1]
        size = (PANEL[0] - 0.12) / width, (PANEL[1] - 0.12) / height
        return fig.add_axes((left / width, bottom / height, *size))

    return fig, place


def _panel(
    axes: Axes,
    shown: np.ndarray,
    frequency: np.ndarray,
    offset_ms: np.ndarray,
    differs: np.ndarray | None,
):
    image = band_image(axes, shown, frequency, offset_ms, style.relevance_colours(), (-1, 1))
    if differs is not None:
        veil = np.ones((*differs.shape, 4))
        veil[..., 3] = np.where(differs, 0, VEIL)
        axes.imshow(
            veil, origin="lower", aspect="auto", interpolation="nearest", extent=image.get_extent()
        )
    reach = max(100 * round(offset_ms[-1] / 150), 10)
    axes.set_xticks([-reach, 0, reach])
    axes.tick_params(labelsize=style.SMALL - 1.5, length=2, pad=1.5)
    if np.isfinite(shown).any():
        axes.axvline(0, color=style.FAINT, linewidth=0.5)
    return image


def _name(axes: Axes, name: str) -> None:
    axes.annotate(
        name, (-0.42, 0.5), fontsize=style.TITLE + (2 if len(name) < 3 else 0), color=style.INK,
        xycoords="axes fraction", annotation_clip=False, ha="right", va="center",
    )  # fmt: skip


def _count(axes: Axes, frames: int, most: int) -> None:
    """Write how many frames a panel is of, or why it is empty."""
    if frames:
        axes.text(
            0.985, 0.96, f"n {frames:,}", transform=axes.transAxes, ha="right", va="top",
            fontsize=style.SMALL - 2, color=style.INK,
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8},
        )  # fmt: skip
    else:
        axes.text(
            0.5, 0.5, "no key step" if most else "never occurs", transform=axes.transAxes,
            ha="center", va="center", fontsize=style.SMALL - 0.5, color=style.FAINT,
        )  # fmt: skip


def _colour_bar(fig: Figure, image) -> None:
    width, height = fig.get_size_inches()
    tall = min(2.0, height - TOP - BOTTOM)
    bar_axes = fig.add_axes(
        (1 - 0.75 / width, 1 - (TOP + tall) / height, 0.12 / width, tall / height)
    )
    style.colour_bar(fig, image, "pattern (scaled)", cax=bar_axes, ticks=[-1, 0, 1])
    fig.text(
        0.5, (BOTTOM - 0.33) / height, "time from the key step (ms); up: frequency (Hz)",
        ha="center", fontsize=style.SMALL, color=style.INK,
    )  # fmt: skip
