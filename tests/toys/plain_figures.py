"""Figures of whole commands in few dots, without a layout and ticks, which take half of their time.

How figures look is the matter of ``tests/report``, which draws them as they are; here every figure
is drawn, and only the places of its parts, its ticks and its dots are fewer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from speechlrp.report import blocks, style
from speechlrp.report.lettering import literal

DOTS = 40


class _Plain(Figure):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"layout": None})


def _without_ticks(fig: Figure) -> None:
    """Name the ticks, which may fail, and draw none: each is three artists, made anew."""
    for axis in (axis for axes in fig.axes for axis in (axes.xaxis, axes.yaxis)):
        axis.get_major_formatter().format_ticks(axis.get_majorticklocs())
        axis.set_major_locator(NullLocator())
        axis.set_minor_locator(NullLocator())
    literal(fig)


@contextmanager
def plain_figures() -> Iterator[None]:
    """Draw figures so inside the block."""
    changes = (
        (style, "Figure", _Plain), (style, "literal", _without_ticks),
        (style, "DPI", DOTS), (blocks, "DPI", DOTS),
    )  # fmt: skip
    with ExitStack() as stack:
        for module, name, value in changes:
            stack.enter_context(mock.patch.object(module, name, value))
        yield
