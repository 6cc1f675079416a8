"""Figures of whole commands in few dots and without a layout, which take half of their time.

How figures look is the matter of ``tests/report``, which draws them as they are; here every figure
is drawn, and only the places of its parts and its dots are fewer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from matplotlib.figure import Figure

from speechlrp.report import blocks, style

DOTS = 40


class _Plain(Figure):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"layout": None})


@contextmanager
def plain_figures() -> Iterator[None]:
    """Draw figures so inside the block."""
    changes = ((style, "Figure", _Plain), (style, "DPI", DOTS), (blocks, "DPI", DOTS))
    with ExitStack() as stack:
        for module, name, value in changes:
            stack.enter_context(mock.patch.object(module, name, value))
        yield
