"""The small text files that corpora come with: lists, tables, transcripts."""

import codecs
import csv
import io
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from speechlrp.artifacts.unexpected import kind
from speechlrp.errors import SpeechLRPError

_INVISIBLE = "\u200b\u200e\u200f\u2060\ufeff"
"""Characters without a width, which copying from pages and tables leaves at a name's ends."""
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: Path, what: str, mend: str) -> str:
    """Read a text file of a corpus, in UTF-8 or, with its mark, UTF-16.

    Raises:
        SpeechLRPError: it is missing, no regular file (a pipe would never end), unreadable,
            or not text of these codes.
    """
    try:
        if not (path.is_dir() or stat.S_ISREG(path.stat().st_mode)):
            raise SpeechLRPError(f"{path} is not a file ({what}): {mend}")
        held = path.read_bytes()
        is_marked = held[:2] in _UTF16
        if b"\0" in held and not is_marked:
            instead = kind(path) or "not UTF-8 text, nor UTF-16 with its mark"
            raise SpeechLRPError(f"{path} is {instead} ({what}); save it as UTF-8, or {mend}")
        return held.decode("utf-16" if is_marked else "utf-8-sig")
    except FileNotFoundError:
        raise SpeechLRPError(f"{path} is missing ({what}): {mend}") from None
    except UnicodeDecodeError as error:
        instead = kind(path) or f"not UTF-8 text, nor UTF-16 ({error.reason})"
        raise SpeechLRPError(f"{path} is {instead}; save it as UTF-8, or {mend}") from None
    except OSError as error:
        raise SpeechLRPError(f"cannot read {path}: {error.strerror}") from None


def read_lines(path: Path, what: str, mend: str) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is not blank, in composed characters.

    Lines end as on any system, and nowhere else: what separates lines in Unicode alone may stand
    in a name. Arguments and errors as in `read_text`.
    """
    lines = io.StringIO(composed(read_text(path, what, mend)), newline=None)
    return ((number, line.strip()) for number, line in enumerate(lines, 1) if line.strip())


def composed(text: str) -> str:
    """Text in composed characters (NFC), so that names are equal where they look equal.

    A letter with an accent can be one character or two: macOS writes the two, others the one.
    What has no width is taken from both ends.
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text).strip(_INVISIBLE)


def read_rows(
    path: Path, what: str, mend: str, marks: Sequence[str] = ",\t;"
) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of each line of a table that is not blank, the names first.

    A line ``sep=;`` before the names, as Excel has it, is understood. Where tabs separate the
    cells, and quotes enclose none, a quote is a character as any other.

    What it is and what mends it are for the errors; of the `marks` that may separate cells the one
    that is in the line of names most often does.

    Raises:
        SpeechLRPError: as in `read_text`, or it is no table.
    """
    text = read_text(path, what, mend)
    header = text.lstrip().partition("\n")[0]
    has_mark = header.startswith("sep=") and len(header) > len("sep=")
    mark = header[len("sep=")] if has_mark else max(marks, key=header.count)
    rows, fault = _parsed(text, mark, csv.QUOTE_MINIMAL)
    if mark == "\t" and (fault or any("\n" in cell for _, cells in rows for cell in cells)):
        rows, fault = _parsed(text, mark, csv.QUOTE_NONE)
    if fault:
        raise SpeechLRPError(f"{path}, {fault}; is a quote not closed? ({what}); {mend}")
    yield from rows[has_mark:]


def _parsed(text: str, mark: str, quoting: int) -> tuple[list[tuple[int, list[str]]], str]:
    """Number and cells of the lines that are not blank, and what is wrong with those behind."""
    rows, source = [], io.StringIO(text, newline="")
    reader = csv.reader(
        source,
        delimiter=mark,
        strict=True,
        quoting=quoting,  # type: ignore[arg-type]
        skipinitialspace=mark != "\t",
    )
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, [_bare(cell) for cell in cells]))
    except csv.Error as error:
        return rows, f"line {reader.line_num}: {error}"
    return rows, ""


def _bare(cell: str) -> str:
    return cell.strip() if cell.isascii() else cell.strip().strip(_INVISIBLE).strip()
