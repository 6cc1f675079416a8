"""Progress: a bar on a terminal, plain lines elsewhere."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import Progress, track

T = TypeVar("T")
EVERY_S = 15.0


def say(message: str) -> None:
    """Print one line; where its reader is gone, the work goes on without a word."""
    try:
        print(message, flush=True)
    except BrokenPipeError:
        # Not only this stream: what Python writes when it ends would meet the same pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UnicodeEncodeError:
        print(message.encode("ascii", "backslashreplace").decode(), flush=True)


@contextmanager
def steps() -> Iterator[Callable[[int, int, int], None]]:
    """A bar over the steps of an epoch: called with epoch, step and steps an epoch."""
    if not sys.stderr.isatty():
        yield lambda epoch, step, total: None
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("train")
        yield lambda epoch, step, total: bar.update(
            task, completed=step, total=total, description=f"epoch {epoch}"
        )


def progress(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Pass items of the work `what` on, `total` in all, and show how many have gone by."""
    if sys.stderr.isatty():
        yield from track(items, what, total, console=Console(stderr=True), transient=True)
        return
    last = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        if time.monotonic() - last > EVERY_S:
            last = time.monotonic()
            print(f"{what}: {done} of {total}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """A time in the units that one thinks in: 3.1 s, 4 min 5 s, 2 h 3 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
