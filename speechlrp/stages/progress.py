"""Progress: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

T = TypeVar("T")
EVERY_S = 15.0


def say(message: str) -> None:
    """Print one line."""
    print(message, flush=True)


def progress(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Pass items on and show how many have gone by.

    Args:
        items: what is worked on.
        what: what the work is called.
        total: how many items there will be.
    """
    if sys.stderr.isatty():
        yield from track(items, what, total, console=Console(stderr=True), transient=True)
        return
    last = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        if time.monotonic() - last > EVERY_S:
            last = time.monotonic()
            print(f"{what}: {done} of {total}", file=sys.stderr, flush=True)
