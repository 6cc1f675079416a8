"""What is written in figures is text: never mathematics, and in a script that some font has.

Labels, speakers and file names come from recordings. ``$10-$20`` would be typeset as a formula,
and a script that matplotlib's own font lacks would be drawn as empty boxes, with a warning each.
"""

import unicodedata
from functools import cache

from matplotlib import font_manager
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import Formatter

OWN = "DejaVu Sans"
LAST_RESORT = "Last Resort"
"""Matplotlib's font of boxes that say which block a character is of, not which character."""

LATIN = frozenset(map(chr, range(0x250)))
"""Letters and signs that the own font has."""

NOTE = "written as U+…: characters that no font on this machine has"


def literal(fig: Figure) -> None:
    """Make every text of a figure literal and legible; called once, before it is drawn.

    Characters come in NFC, so that one word looks the same however it was typed. Those that
    the own font lacks are drawn with an installed font that has them; where there is none they
    are written as ``U+0E17``, and a line below the figure says so.
    """
    lacking = [_tick_labels(axis) for axes in fig.axes for axis in (axes.xaxis, axes.yaxis)]
    for text in fig.findobj(Text):
        text.set_parse_math(False)
        families, missing = _families(frozenset(_composed(text.get_text())) - LATIN)
        if len(families) > 1:
            text.set_fontfamily(families)
        text.set_text(_legible(text.get_text(), missing))
        lacking.append(missing)
    if any(lacking):
        fig.supxlabel(NOTE, x=0.99, ha="right", fontsize=6, color="#52606d", parse_math=False)


def _tick_labels(axis: Axis) -> frozenset[str]:
    """Make the labels of ticks legible, which matplotlib writes while it draws."""
    names = axis.get_major_formatter().format_ticks(axis.get_majorticklocs())
    families, lacking = _families(frozenset(_composed("".join(names))) - LATIN)
    if len(families) > 1:
        axis.set_tick_params(labelfontfamily=families)
    if lacking:
        axis.set_major_formatter(_Legible(axis.get_major_formatter(), lacking))
    return lacking


class _Legible(Formatter):
    """Another formatter's labels, with the characters spelt out that no font has."""

    def __init__(self, names: Formatter, lacking: frozenset[str]) -> None:
        self.names = names
        self.lacking = lacking

    def __call__(self, x: float, pos: int | None = None) -> str:
        """The label of a tick."""
        return _legible(self.names(x, pos), self.lacking)


def _legible(words: str, lacking: frozenset[str]) -> str:
    return "".join(f" U+{ord(c):04X}" if c in lacking else c for c in _composed(words)).lstrip()


def _composed(words: str) -> str:
    """In NFC, and a space for every control character but the line break: fonts have none."""
    words = unicodedata.normalize("NFC", words)
    return "".join(" " if unicodedata.category(c) == "Cc" and c != "\n" else c for c in words)


@cache
def _families(characters: frozenset[str]) -> tuple[list[str], frozenset[str]]:
    """Fonts that have some characters, the own one first, and the characters that none has."""
    ours = font_manager.findfont(OWN)
    lacking, families = _without(characters, ours), [OWN]
    for font in font_manager.fontManager.ttflist:
        if not lacking:
            break
        if font.name.startswith(LAST_RESORT):
            continue
        rest = lacking if font.name in families else _without(lacking, font.fname)
        if rest != lacking:
            lacking, families = rest, [*families, font.name]
    return families, lacking


def _without(characters: frozenset[str], path: str) -> frozenset[str]:
    return frozenset(c for c in characters if ord(c) >= 32 and ord(c) not in _glyphs(path))


@cache
def _glyphs(path: str) -> frozenset[int]:
    try:
        return frozenset(font_manager.get_font(path).get_charmap())
    except (OSError, RuntimeError):  # bitmap fonts (emoji), and files gone since the list was made
        return frozenset()
