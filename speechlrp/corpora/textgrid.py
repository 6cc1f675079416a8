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

from speechlrp.corpora.text import composed, read_lines, read_text
from speechlrp.errors import SpeechLRPError

SILENT = frozenset(
    (*("", "sil", "sp", "spn", "<eps>", "<p:>", "<unk>", "<sil>", "[sil]"), *("pau", "h#", "epi"))
)
"""Labels that aligners give to what is no phoneme and no word, in lower case."""

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
        Intervals by tier, the empty ones included; those of tiers of one name one after the other.

    Raises:
        SpeechLRPError: no such file; it is no TextGrid, or not a whole one.
    """
    tokens = _Tokens(path, read_text(path, "a TextGrid", MEND))
    if not tokens.string().startswith("ooTextFile") or tokens.string() != "TextGrid":
        raise tokens.damaged("it does not begin as one in Praat's long or short text format")
    tokens.number()
    tokens.number()
    if tokens.flag() != "<exists>":
        return {}
    tiers: dict[str, list[Interval]] = {}
    for _ in range(tokens.count()):
        name, intervals = _tier(tokens)
        if intervals is not None:
            tiers.setdefault(name, []).extend(intervals)
    tokens.end()
    return tiers


def intervals_of(path: Path, tier: str) -> list[Interval]:
    """The intervals of one tier, in order of time; none where there is no such tier.

    Raises:
        SpeechLRPError: as `read_textgrid`, or an interval that ends before it begins, or begins
            before 0 or before the one before it has ended.
    """
    held, after = read_textgrid(path).get(composed(tier), []), 0.0
    for interval in held:
        if interval.end_s < interval.start_s or interval.start_s < after - 1e-6:
            raise SpeechLRPError(
                f"{path}: in its tier {tier!r} the interval from {interval.start_s:g} to "
                f"{interval.end_s:g} s is out of order, or two tiers have this name; {MEND}"
            )
        after = interval.end_s
    return held


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

    def end(self) -> None:
        """Check that nothing is behind what was counted."""
        kind, text = next(self._found, ("end", ""))
        if kind != "end":
            raise self.damaged(f"a count is too small, behind the last tier is {text[:30]!r}")

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


def _tier(tokens: _Tokens) -> tuple[str, list[Interval] | None]:
    """Its name and intervals; None of a tier of points."""
    kind, name = tokens.string(), tokens.string()
    if kind not in _CLASSES:
        raise tokens.damaged(f"a tier of class {kind!r}")
    tokens.number()
    tokens.number()
    if kind == "TextTier":
        for _ in range(tokens.count()):
            tokens.number()
            tokens.string()
        return name, None
    count = tokens.count()
    return name, [Interval(tokens.number(), tokens.number(), tokens.string()) for _ in range(count)]


def read_ctm(path: Path) -> Iterator[tuple[str, list[Interval]]]:
    """Read the intervals of each recording, in the file's order.

    Raises:
        SpeechLRPError: no such file, a line that is none of a CTM file, a time below 0, or a
            recording of two channels, which is heard as one.
    """
    held: dict[str, list[Interval]] = {}
    channels: dict[str, str] = {}
    for number, line in read_lines(path, "a CTM file", MEND):
        cells = line.split()
        if cells[0].startswith(";;"):
            continue
        try:
            name, channel, begin, length, label = cells[:5]
            interval = Interval(float(begin), float(begin) + float(length), label)
        except ValueError:
            raise SpeechLRPError(
                f"{path}, line {number}: {line[:60]!r} is no `recording channel begin length word`"
            ) from None
        if not 0 <= interval.start_s <= interval.end_s < math.inf:
            raise SpeechLRPError(f"{path}, line {number}: {line[:60]!r} is from no time to another")
        if channels.setdefault(name, channel) != channel:
            raise SpeechLRPError(
                f"{path}, line {number}: {name} has the channels {channels[name]} and {channel}; "
                "take out the lines of one"
            )
        held.setdefault(name, []).append(interval)
    yield from held.items()
