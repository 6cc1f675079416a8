"""How far a long download is: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
from contextlib import AbstractContextManager
from typing import TextIO


class Meter(AbstractContextManager):
    """Counts bytes or files and shows them; may be advanced from several threads."""

    def __init__(
        self,
        what: str,
        total: int | None,
        *,
        show: bool = True,
        size: bool = True,
        stream: TextIO | None = None,
    ) -> None:
        self.what, self.total, self.size = what, total, size
        self.done = 0
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()
        self._bar = self._make_bar() if show and self._stream.isatty() else None
        self._plain = show and self._bar is None
        self._said = 0

    def __enter__(self) -> Meter:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task(self.what, total=self.total)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def expect(self, n: int) -> None:
        """Set the total to what was counted so far and `n` more; 0 for nobody knows."""
        with self._lock:
            self.total = self.done + n if n else None
            self._said = 0

    def advance(self, n: int) -> None:
        """Count `n` more."""
        with self._lock:
            self.done += n
            if self._bar is not None:
                self._bar.update(self._task, completed=self.done, total=self.total)
            elif self._plain:
                self._say()

    def _say(self) -> None:
        """Write a line for every tenth of the total (or every 100 MB where it is unknown)."""
        step = max(1, self.total // 10) if self.total else 100_000_000
        if self.done // step > self._said:
            self._said = self.done // step
            of = f" of {self._text(self.total)}" if self.total else ""
            print(f"{self.what}: {self._text(self.done)}{of}", file=self._stream, flush=True)

    def _text(self, n: int) -> str:
        return f"{n / 1e6:.1f} MB" if self.size else str(n)

    def _make_bar(self):
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        count = DownloadColumn() if self.size else MofNCompleteColumn()
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            count,
            TimeRemainingColumn(),
            console=Console(file=self._stream),
        )
