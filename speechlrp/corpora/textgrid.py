"""TextGrid and CTM files, as Praat, recognisers and forced aligners write them: labelled times.

The long and the short text format of TextGrids are one: what is not a number, a quoted string
or a flag standing free is a label for the eye, and is passed over (Praat's manual, "TextGrid file
formats"). A line of a CTM file holds recording, channel, begin and length in s, the word or
phoneme, and perhaps a confidence; those that begin with ``;;`` are comments (NIST's sclite, "ctm"
format).
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from speechlrp.corpora.text import composed, read_text
from speechlrp.errors import SpeechLRPError

SILENT = frozenset(("", "sil", "sp", "spn", "<eps>", "silence", "<p:>"))
"""Labels that aligners give to what is no phoneme, in lower case."""

_TOKEN = re.compile(r'"((?:[^"]++|"")*+)"|(<[^>\s]*+>)|![^\n]*+|(\S++)')
_NUMBER = re.compile(r"[-+]?+(?:\d++\.?+\d*+|\.\d++)(?:[eE][-+]?+\d++)?+%?+")
_MOST_DIGITS = 40  # longer words are no numbers
_CLASSES = ("IntervalTier", "TextTier")
MEND = "let the aligner make it again"


class Interval(NamedTuple):
    """From `start_s` to `end_s`, in seconds of the recording."""

    start_s: float
    end_s: float
    text: str


def read_textgrid(path: Path) -> dict[str, list[Interval]]:
    """Read the tiers of intervals of a file, in UTF-8 or with its mark UTF-16; not those of points.

    Returns:
        Intervals by tier, in order of time, the empty ones included.

    Raises:
        SpeechLRPError: no such file; it is no TextGrid, or not a whole one; an interval
            that ends before it begins or before the one before it has ended.
    """
    tokens = _Tokens(path, read_text(path, "a TextGrid", MEND))
    if not tokens.string().startswith("ooTextFile") or tokens.string() != "TextGrid":
        raise tokens.damaged("it does not begin as one")
    tokens.number()
    tokens.number()
    if tokens.flag() != "<exists>":
        return {}
    tiers = [tier for tier in (_tier(tokens) for _ in range(tokens.count())) if tier]
    names = [name for name, _ in tiers]
    if len(set(names)) < len(names):
        raise tokens.damaged(f"two tiers have one name: {', '.join(names)}")
    return dict(tiers)


def intervals_of(path: Path, tier: str) -> list[Interval]:
    """The intervals of one tier that hold a word or phoneme; none where there is no such tier.

    Raises:
        SpeechLRPError: as `read_textgrid`.
    """
    held = read_textgrid(path).get(composed(tier), [])
    return [interval for interval in held if not is_silent(interval.text)]


def is_silent(label: str) -> bool:
    """Whether an aligner's label is no phoneme or word, but silence or what it did not know."""
    label = label.strip().lower()
    return label in SILENT or label == "<unk>"


class _Tokens:
    """The numbers, strings and flags of a file, one after the other."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self._found = path, _tokens(composed(text))

    def damaged(self, reason: str) -> SpeechLRPError:
        return SpeechLRPError(f"{self.path} is no whole TextGrid: {reason}; make it again")

    def string(self) -> str:
        return self._next("string")

    def number(self) -> float:
        value = float(self._next("number").rstrip("%"))
        if not math.isfinite(value):
            raise self.damaged(f"a number is {value:g}")
        return value

    def flag(self) -> str:
        return self._next("flag")

    def count(self) -> int:
        value = self.number()
        if value < 0 or value != int(value):
            raise self.damaged(f"a count is {value:g}")
        return int(value)

    def _next(self, expected: str) -> str:
        kind, text = next(self._found, ("end", ""))
        if kind != expected:
            where = "the file ends" if kind == "end" else f"there is the {kind} {text[:30]!r}"
            raise self.damaged(f"where a {expected} should be, {where}")
        return text


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(text):
        quoted, flag, word = match.groups()
        if quoted is not None:
            yield "string", quoted.replace('""', '"')
        elif flag is not None:
            yield "flag", flag
        elif word is not None and word.startswith('"'):
            yield "quote that is not closed", word
        elif word is not None and len(word) <= _MOST_DIGITS and _NUMBER.fullmatch(word):
            yield "number", word


def _tier(tokens: _Tokens) -> tuple[str, list[Interval]] | None:
    kind, name = tokens.string(), tokens.string()
    if kind not in _CLASSES:
        raise tokens.damaged(f"a tier of class {kind!r}")
    tokens.number()
    tokens.number()
    if kind == "TextTier":
        for _ in range(tokens.count()):
            tokens.number()
            tokens.string()
        return None
    intervals: list[Interval] = []
    for _ in range(tokens.count()):
        interval = Interval(tokens.number(), tokens.number(), tokens.string())
        _check(tokens, name, interval, intervals[-1].end_s if intervals else 0.0)
        intervals.append(interval)
    return name, intervals


def _check(tokens: _Tokens, name: str, interval: Interval, after: float) -> None:
    if interval.end_s < interval.start_s or interval.start_s < after - 1e-6:
        raise tokens.damaged(
            f"in its tier {name!r} the interval from {interval.start_s:g} to "
            f"{interval.end_s:g} s is out of order"
        )


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
