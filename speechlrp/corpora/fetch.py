"""Downloads corpora into the data folder, verified and ready for their readers."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from speechlrp.corpora import DOWNLOADS
from speechlrp.corpora.fetch_http import check_address


@dataclass(frozen=True)
class DownloadReport:
    """What a download did."""

    corpus: str  # the corpus's name
    root: Path  # the corpus's folder, which its reader takes as `root`
    downloaded: int  # files (AudioMNIST) or archives that were fetched now
    kept: int  # those that were there already, whole and right
    received: int  # bytes received from the network

    def __str__(self) -> str:
        unit = "files" if self.corpus == "audiomnist" else "archives"
        return (
            f"{self.corpus}: {self.downloaded} {unit} downloaded "
            f"({self.received / 1e6:.1f} MB), {self.kept} were there already: {self.root}"
        )


def fetch(
    corpus: str,
    root: Path,
    *,
    subsets: Sequence[str] = (),
    base_url: str | None = None,
    progress: bool = True,
) -> DownloadReport:
    """Download a corpus, or go on with a download that was interrupted.

    What is there and verifies is kept; run again, it downloads nothing. A file appears
    under its name only when its checksum is right. Until then it is a ``.part`` beside
    it, from which the next run goes on where the server allows that.

    Args:
        corpus: a name in `DOWNLOADS`.
        root: the data folder (``paths.data``); the corpus gets its own folder in it,
            ``audiomnist``, ``LibriSpeech`` or ``musan``.
        subsets: LibriSpeech: which subsets (needed). AudioMNIST: two-digit speakers,
            all by default. MUSAN: must be empty.
        base_url: a mirror, in place of the public address.
        progress: show how far it is, on stderr.

    Raises:
        SpeechLRPError: the address is none, the corpus or a subset is not known or needs a
            licence, the network or the disk failed, or what came has a wrong checksum.
    """
    if base_url is not None:
        check_address(base_url)
    return DOWNLOADS[corpus](Path(root), subsets=subsets, base_url=base_url, progress=progress)


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
        from rich import progress
        from rich.console import Console

        count = progress.DownloadColumn() if self.size else progress.MofNCompleteColumn()
        columns = progress.TextColumn("{task.description}"), progress.BarColumn(), count
        console = Console(file=self._stream)
        return progress.Progress(*columns, progress.TimeRemainingColumn(), console=console)
