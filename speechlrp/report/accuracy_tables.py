"""Tables of accuracy, ours beside the thesis', as HTML.

A table is a ``DataFrame`` of text whose index names the rows; numbers are made
into text once, by ``percent``.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from markupsafe import Markup

from speechlrp.report.curve_parts import names_of, statistics
from speechlrp.report.paper import Values

NOTHING = "–"
COLUMN = '<th scope="col" class="{}">{}</th>'
TABLE = Markup("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>")
NEAR = 0.011
"""Percent of bins by which a point may miss the column, or half a bin where that is more."""


def percent(value: float, deviation: float = 0.0) -> str:
    """Format an accuracy in % with two decimals, and its deviation where it has one."""
    if value is None or not np.isfinite(value):
        return NOTHING
    return f"{value:.2f} ± {deviation:.2f}" if deviation >= 0.005 else f"{value:.2f}"


def accuracies(
    frame: pd.DataFrame, percents: Sequence[float], *, by: str = "strategy"
) -> pd.DataFrame:
    """Make the rows of T Table 6.1 (``by="strategy"``) or 6.2 (``by="model"``).

    `frame` is ``curve.csv`` of one baseline. `percents` are the columns, % of bins flipped: a point
    counts for the column within `NEAR` of it, the nearest first.

    Returns:
        Index: row names; columns: ``percents``; accuracy in % as text, with the
        deviation over repeats; a dash where the curve has no such point.

    Raises:
        SpeechLRPError: a column is missing, or no accuracy is finite.
    """
    points = statistics(frame, by)
    lines = {name: points[points[by].astype(str) == name] for name in names_of(points, by)}
    near = max(NEAR, 0.501 * (frame["percent"] / frame["bins"]).max())
    rows = {name: [_at(line, column, near) for column in percents] for name, line in lines.items()}
    return _table(rows, percents, by)


def _at(points: pd.DataFrame, column: float, near: float) -> str:
    distance = (points["percent"].astype(float) - column).abs()
    if distance.empty or distance.min() > near:
        return NOTHING
    row = points.loc[distance.idxmin()]
    return percent(row["mean"], row["sd"])


def _table(rows: dict[str, list[str]], percents: Sequence[float], name: str) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[f"{p:g}" for p in percents])
    table.index.name = name
    return table


def beside(ours: pd.DataFrame, paper: Values) -> pd.DataFrame:
    """Put under each of our rows the thesis' row of that name, where it has one.

    `ours` is from ``accuracies``; `paper` has row name -> percent -> accuracy in %.
    """
    rows, percents = {}, [float(column) for column in ours.columns]
    for name, row in ours.iterrows():
        rows[str(name)] = list(row)
        if name in paper:
            rows[f"{name} (thesis)"] = [percent(paper[name].get(p, np.nan)) for p in percents]
    return _table(rows, percents, str(ours.index.name))


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Turn any table into text: floats with two decimals, whole numbers plain, NaN a dash."""
    return table.map(_cell)


def _cell(value: object) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:z.2f}" if np.isfinite(value) else NOTHING
    return NOTHING if value is None or value is pd.NA else str(value)


def to_html(table: pd.DataFrame, *, index: bool = True) -> Markup:
    """Render a table, its index in bold, as HTML; text is escaped, numbers are right-aligned."""
    table = as_text(table)
    heads = [str(table.index.name or "")] * index + [str(c) for c in table.columns]
    kinds = ["text"] * index + [_kind(table.iloc[:, i]) for i in range(table.shape[1])]
    head = Markup("").join(
        Markup(COLUMN if name else "<td></td>").format(kind, name)
        for kind, name in zip(kinds, heads, strict=True)
    )
    body = Markup("").join(_row(name, row, index) for name, row in table.iterrows())
    return TABLE.format(head, body)


def _row(name: object, row: pd.Series, index: bool) -> Markup:
    kind = ' class="paper"' if str(name).endswith("(thesis)") else ""
    first = Markup('<th scope="row">{}</th>').format(str(name)) if index else Markup("")
    cells = Markup("").join(
        Markup('<td class="{}">{}</td>').format(_kind([cell]), _small(cell)) for cell in row
    )
    return Markup("<tr{}>{}{}</tr>").format(Markup(kind), first, cells)


def _small(cell: str) -> Markup | str:
    """Set the deviation small, below its number, so that a wide table fits the page."""
    value, sign, deviation = cell.partition(" ± ")
    return Markup("{} <small>± {}</small>").format(value, deviation) if sign else cell


def _kind(column: Iterable[str]) -> str:
    numeric = all(cell == NOTHING or set(cell) <= set("0123456789.-+±%e ") for cell in column)
    return "number" if numeric else "text"
