"""How far key steps are from the phonemes of their letters."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from speechlrp.report import style

SHOWN_MS = 500
FEW = 20
"""Letters of fewer frames are drawn faintly."""
_COLUMNS = ("alignment", "letter", "n", "median_ms", "iqr_ms", "bias_ms", "within_50")
_WHOLE = ("all", "all centred")


def truth_figure(table: pd.DataFrame, errors: pd.DataFrame, *, title: str = "") -> Figure:
    """Draw the errors of each alignment: all letters together, then letter by letter.

    `table` has a row an alignment and letter: n, bias_ms, median_ms, iqr_ms, q25_ms, q75_ms,
    within_50 and uniform_within_50 (shares 0 to 1), letters ``"all"`` and ``"all centred"``
    included; `errors` has alignment, letter, error_ms (middle of an even bin), frames.

    Raises:
        SpeechLRPError: a column is missing, or there is no row.
    """
    for needed, columns in ((table, (*_COLUMNS, "q25_ms", "q75_ms")), (errors, ())):
        mend = "make it with `speechlrp navai --force`"
        style.need(needed, columns, "the table of errors of key steps holds", mend, "row")
    lines = style.lines_for(list(pd.unique(table.alignment)))
    names = list(lines)
    fig = style.figure(height=2.6 + 1.15 * len(names) + 0.3)
    grid = fig.add_gridspec(1 + len(names), 1, height_ratios=[2.2, *[1] * len(names)])
    _distributions(fig.add_subplot(grid[0]), table, errors, lines)
    rows = [fig.add_subplot(grid[1 + place]) for place in range(len(names))]
    letters = [name for name in sorted(set(table.letter)) if name not in _WHOLE]
    single = table[~table.letter.isin(_WHOLE) & (table.n >= FEW)]
    single = table if single.empty else single  # a range of letters with enough frames, ms
    reach = max(100.0, 1.1 * float(np.nanmax(np.abs(single[["q25_ms", "q75_ms"]]))))
    for axes, name in zip(rows, names, strict=True):
        _by_letter(axes, table[table.alignment == name], letters, reach, lines[name].colour)
        axes.set_ylabel(f"{name}\nerror (ms)")
        axes.tick_params(labelbottom=axes is rows[-1])
    rows[-1].set_xlabel(
        f"letter\ndot: median; bar: quartiles, cut at the axis; cross: mean; faint: < {FEW} frames",
        linespacing=1.5,
    )
    style.titled(fig, title)
    return fig


def _distributions(
    axes: Axes, table: pd.DataFrame, errors: pd.DataFrame, lines: dict[str, style.Line]
) -> None:
    """Share of the frames per bin of the error, a line an alignment."""
    whole = table[table.letter == "all"].set_index("alignment")
    width = np.diff(np.unique(errors.error_ms)).min() if errors.error_ms.nunique() > 1 else 1
    bins = np.arange(-SHOWN_MS, SHOWN_MS + width, width)
    for name, line in lines.items():
        counts = errors[errors.alignment == name].groupby("error_ms").frames.sum()
        share = counts.reindex(bins, fill_value=0) / max(counts.sum(), 1)
        row = whole.loc[name]
        said = f"{name}: median {row.median_ms:+.0f} ms, quartiles {row.iqr_ms:.0f} ms apart,"
        said += f" {row.within_50:.0%} within 50 ms (chance {row.uniform_within_50:.0%})"
        axes.plot(bins, share, color=line.colour, linestyle=line.dash, linewidth=1.3, label=said)
    room = 1.15 + 0.16 * len(lines)
    axes.axvline(0, ymax=1 / room, color=style.FAINT, linewidth=0.6)
    axes.set_xlim(-SHOWN_MS, SHOWN_MS)
    axes.set_ylim(0, axes.get_ylim()[1] * room)
    shares = FuncFormatter(lambda value, _: f"{100 * value:g}%" if value <= 1 else "")
    axes.yaxis.set_major_formatter(shares)  # above 1 is the legend's room alone
    axes.set_xlabel("key step minus the phoneme's middle (ms); negative: too early")
    axes.set_ylabel(f"frames per {width:g} ms")
    axes.legend(loc="upper left", fontsize=style.SMALL, frameon=False)
    style.dress(axes)


def _by_letter(
    axes: Axes, table: pd.DataFrame, letters: list[str], reach: float, colour: str
) -> None:
    """Median and quartiles of each letter, its mean as a cross."""
    letters_rows = table.set_index("letter").reindex(letters)
    for few in (True, False):
        at = np.flatnonzero((letters_rows.n < FEW) == few)
        if not len(at):
            continue
        rows = letters_rows.iloc[at]
        looks = {"color": colour, "alpha": 0.3 if few else 1.0}
        axes.vlines(at, rows.q25_ms, rows.q75_ms, linewidth=3, **looks)
        axes.plot(at, rows.median_ms, "o", markersize=4.5, markeredgecolor="white", **looks)
        axes.plot(at, rows.bias_ms, "x", markersize=4, **looks)
    axes.axhline(0, color=style.FAINT, linewidth=0.6)
    axes.set_ylim(-reach, reach)
    axes.set_xlim(-0.7, len(letters) - 0.3)
    axes.set_xticks(range(len(letters)), letters)
    style.dress(axes)
