"""CTM files, as recognisers and forced aligners write them: a word or phoneme a line.

A line holds recording, channel, begin and length in s, the word, and perhaps a confidence;
lines that begin with ``;;`` are comments (NIST's sclite, "ctm" format).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from speechlrp.corpora.text import read_text
from speechlrp.corpora.textgrid import Interval, is_silent
from speechlrp.errors import SpeechLRPError


def read_ctm(path: Path) -> Iterator[tuple[str, list[Interval]]]:
    """Read the intervals of each recording, in the file's order, without the silent ones.

    Raises:
        SpeechLRPError: no such file, or a line that is none of a CTM file.
    """
    held: dict[str, list[Interval]] = {}
    text = read_text(path, "a CTM file", "let the aligner make it again")
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split()
        if not cells or line.startswith(";;"):
            continue
        try:
            name, _, begin, length, label = cells[:5]
            interval = Interval(float(begin), float(begin) + float(length), label)
        except ValueError:
            raise SpeechLRPError(
                f"{path}, line {number}: {line[:60]!r} is no `recording channel begin length word`"
            ) from None
        if not is_silent(label):
            held.setdefault(name, []).append(interval)
    yield from held.items()
