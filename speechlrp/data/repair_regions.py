"""The regions that a repair is told to work on: a file of the user's, or what was found."""

from __future__ import annotations

import pandas as pd

from speechlrp.artifacts.tables import read_csv
from speechlrp.errors import SpeechLRPError
from speechlrp.measures.shares import REGION
from speechlrp.pipeline.places import NAMED
from speechlrp.pipeline.stage import Context


def read_regions(context: Context) -> pd.DataFrame | None:
    """Rows with the columns `REGION`; of what was found, the first. None where none is configured.

    Raises:
        SpeechLRPError: the file is missing or no table of regions, or nothing was found.
    """
    path = context.inputs.get("region")
    if path is None:
        return None
    columns = f"a table has some of the columns {', '.join(REGION)}, and a region a row"
    mend = context.made_by["region"] or columns
    table = read_csv(path, mend)
    there = [name for name in REGION if name in table]
    if not there or table.empty:
        raise SpeechLRPError(f"{path} holds no region; {columns}")
    table = read_csv(path, mend, there).reindex(columns=list(REGION)).astype(float)
    for low, high in (REGION[:2], REGION[2:]):
        wrong = table.index[table[low] >= table[high]]
        if len(wrong):
            raise SpeechLRPError(
                f"{path}, row {wrong[0] + 1}: {low} is {table[low][wrong[0]]:g} and {high} "
                f"{table[high][wrong[0]]:g}; it must be above"
            )
    return table[:1] if context.config.augment.region == NAMED else table
