"""The small text files that corpora come with: lists, tables, transcripts."""

from __future__ import annotations

import codecs
import csv
import io
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from speechlrp.errors import SpeechLRPError

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
        return held.decode("utf-16" if held[:2] in _UTF16 else "utf-8-sig")
    except FileNotFoundError:
        raise SpeechLRPError(f"{path} is missing ({what}): {mend}") from None
    except UnicodeDecodeError as error:
        raise SpeechLRPError(
            f"{path} is not UTF-8 text, nor UTF-16 ({error.reason}); save it as UTF-8, or {mend}"
        ) from None
    except OSError as error:
        raise SpeechLRPError(f"cannot read {path}: {error.strerror}") from None


def composed(text: str) -> str:
    """Text in composed characters (NFC), so that names are equal where they look equal.

    A letter with an accent can be one character or two: macOS writes the two, others the one.
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def read_rows(
    path: Path, what: str, mend: str, marks: Sequence[str] = ",\t;"
) -> Iterator[tuple[int, list[str]]]:
    """Yield number and cells of each line of a table that is not blank, the names first.

    Args:
        path: the file.
        what: it is, for the errors.
        mend: the file, for the errors.
        marks: what may separate the cells, the first that is in the line of names.

    Raises:
        SpeechLRPError: as in `read_text`, or it is no table.
    """
    text = read_text(path, what, mend)
    header = text.partition("\n")[0]
    mark = next((m for m in marks if m in header), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise SpeechLRPError(f"{path}, line {reader.line_num}: {error} ({what}); {mend}") from None
