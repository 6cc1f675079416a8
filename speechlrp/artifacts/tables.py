"""Reading the tables that stages, `speechlrp synth` and people write, each column as what it is."""

import codecs
from collections.abc import Sequence
from pathlib import Path

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
    the line of names, commas, semicolons or tabs; a file with the mark of UTF-16 is in that.

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
        code = "utf-16" if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8"
        mark = max(",;\t", key=lambda mark: head.count(mark.encode()))
        plain = {"dtype": str, "keep_default_na": False, "na_filter": False}
        table = pd.read_csv(path, sep=mark, encoding=code, **plain)
    except (ValueError, OSError) as error:  # pandas' parser errors are values' errors
        raise SpeechLRPError(
            f"{path} is no table ({str(error).splitlines()[0]}): {mend}"
        ) from error
    if not isinstance(table.index, pd.RangeIndex):  # pandas takes the first of them for names
        raise SpeechLRPError(f"{path} is no table (rows have more cells than its header): {mend}")
    table.columns = names = table.columns.str.strip()
    again = (f"{name}.1" in names for name in names)  # as pandas tells two of one name apart
    twice = names[names.duplicated() | list(again)]
    if len(twice):
        raise SpeechLRPError(f"{path} has two columns {twice[0]}: {mend}")
    missing = [name for name in needed if name not in table]
    if missing:
        raise SpeechLRPError(f"{path} has no column {', '.join(missing)}: {mend}")
    return pd.DataFrame({name: _typed(path, table[name], needed, mend) for name in table})


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
