"""Models that went through ``torch.compile`` are explained by the Python they were made from."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

_lock = threading.Lock()
_switched = ExitStack()
_inside = 0


@contextmanager
def eagerly() -> Iterator[None]:
    """Run compiled modules and functions as plain Python, and compile nothing meanwhile.

    The switch is torch's and of the whole process: until the last of our threads leaves,
    compiled code of other threads runs uncompiled too, with the same results. Where
    nothing has been compiled yet, there is nothing to switch.
    """
    dynamo = sys.modules.get("torch._dynamo")
    if dynamo is None:
        yield
        return
    _count(1, dynamo)
    try:
        yield
    finally:
        _count(-1, dynamo)


def _count(change: int, dynamo: Any) -> None:
    """The first to enter switches compilation off, the last to leave puts it back."""
    global _inside
    with _lock:
        if _inside == 0:
            _switched.enter_context(dynamo.set_stance("force_eager"))
        _inside += change
        if _inside == 0:
            _switched.close()
