"""Reading the tables that stages, `speechlrp synth` and people write, each column as what it is."""

import codecs
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from speechlrp.errors import SpeechLRPError

TEXT = frozenset(
    (
        *("id", "recording", "source", "path", "speaker", "part", "subset", "reason", "mixed_in"),
        *("class", "label", "prediction", "said", "recognised", "transcript", "first", "second"),
        *("letter", "phoneme", "word", "condition", "region", "explainer", "alignment", "layer"),
        *("operation", "module", "rule", "strategy", "baseline", "file", "name", "other"),
        *("what", "place", "beside", "tier", "heard"),
    )
)
"""Columns of names and words: ``NA``, ``nan``, ``01`` and ``1e3`` are names in them."""
_NUMBER = r"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|inf|nan)"
_MOST_DIGITS = 18  # of what a 64-bit integer holds for certain


def read_csv(path: Path, mend: str, needed: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table; pandas alone would take names such as ``NA`` and ``01`` for no name and 1.

    Columns of ``TEXT`` are text, and an empty cell in them is the empty text. Others are
    numbers, or True and False; an empty cell is NaN. Cells are separated by what is most often in
    the line of names, commas, semicolons or tabs; a file with the mark of UTF-16 is in that. Every
    row has as many cells as there are columns, also where the last ones are empty.

    `mend` is what makes it again, for the errors. Columns that are `needed` and not of ``TEXT``
    hold numbers alone.

    Raises:
        SpeechLRPError: the file is missing or no such table.
    """
    if not path.is_file():
        raise SpeechLRPError(f"{path} is missing: {mend}")
    try:
        with path.open("rb") as file:
            head = file.readline()
        code = "utf-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
        mark = max(",;\t", key=lambda mark: head.count(mark.encode()))
        with path.open(encoding=code, newline="") as file:
            names, rows = _cells(csv.reader(file, delimiter=mark, strict=True))
    except (ValueError, csv.Error, OSError) as error:
        raise SpeechLRPError(f"{path} is no table ({error}): {mend}") from error
    table = pd.DataFrame(rows, columns=names, dtype=str)
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise SpeechLRPError(f"{path} has two columns {twice[0]}: {mend}")
    missing = [name for name in needed if name not in table]
    if missing:
        raise SpeechLRPError(f"{path} has no column {', '.join(missing)}: {mend}")
    return pd.DataFrame({name: _typed(path, table[name], needed, mend) for name in table})


def _cells(lines: Any) -> tuple[list[str], list[list[str]]]:
    """Names and rows of a table; a row that was cut short would pass for one of empty cells."""
    filled = filter(None, lines)
    names, rows = [name.strip() for name in next(filled, [])], []
    if not names:
        raise ValueError("it names no columns")
    for cells in filled:
        if len(cells) != len(names):
            raise ValueError(f"line {lines.line_num}: {len(cells)} cells for {len(names)} columns")
        rows.append(cells)
    return names, rows


def _typed(path: Path, column: pd.Series, needed: Sequence[str], mend: str) -> pd.Series:
    if column.name in TEXT:
        return column
    column = column.str.strip()
    if len(column) and column.isin(("True", "False")).all():
        return column == "True"
    is_number = column.str.fullmatch(_NUMBER) | (column == "")
    if not is_number.all():
        if column.name not in needed:
            return column
        row = int((~is_number).to_numpy().argmax())
        raise SpeechLRPError(
            f"{path}, row {row + 1}: {column.name} is {column[row][:40]!r}, no number: {mend}"
        )
    if column.str.fullmatch(rf"[-+]?\d{{1,{_MOST_DIGITS}}}").all():
        return column.astype("int64")
    return column.where(column != "", "nan").astype("float64")
