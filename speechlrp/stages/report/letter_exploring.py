"""The explorer of a recogniser: windows that it takes for a letter, by every explainer."""

from typing import Any

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.layout import attribute
from speechlrp.artifacts.maps import AVERAGES, EXAMPLES
from speechlrp.config.schema import Config
from speechlrp.data.dataset import Spoken
from speechlrp.data.times import TIERS, read_times, spoken_in
from speechlrp.letters.vocabulary import BLANK, THRICE, TWICE
from speechlrp.pipeline.contents import RunFiles
from speechlrp.report.explorer import Explorer
from speechlrp.report.packing import Explanation, Recording
from speechlrp.stages.report.exploring import explained, heard

SAID = {
    " ": "space",
    TWICE: "twice (the letter before, again)",
    THRICE: "thrice (it, two times more)",
    BLANK: "blank (no letter here)",
}
"""Symbols that are no letter, in words."""


def letters_explorer(config: Config, files: RunFiles, spoken: Spoken) -> Explorer | None:
    """Letter frames explained with the configured weights and subset; None where none are.

    The time axis is that of the window, 0 its centre.
    """
    wheres = explained(config, files)
    if not wheres:
        return None
    maps: dict[str, list[Explanation]] = {}
    for where in wheres:
        _add_maps(maps, files, where)
    with files.open(wheres[0], "relevance.h5", EXAMPLES) as file:
        table = read_table(file)
        time = file["offset_ms"][:] / 1000
        # Evenly over all, which come letter by letter.
        spread = np.linspace(0, len(table) - 1, min(config.explored, len(table))).round()
        rows = np.unique(spread.astype(int)).tolist()
        shown = spoken.table[spoken.table.id.isin(table.id.iloc[rows])]
        said = [read_times(config, kind, shown) for kind in TIERS]
        recordings = [_frame(file, row, table.iloc[row], time, maps, spoken, said) for row in rows]
        symbols = [SAID.get(name, name) for name in attribute(file, "classes", list)]
        units = attribute(file["features"], "units", str)
    return Explorer(symbols, spoken.frequency, time, units, recordings)


def _key(one) -> str:
    return f"{one.id}@{one.start}"


def _add_maps(maps: dict[str, list[Explanation]], files: RunFiles, where: str) -> None:
    with files.open(where, "relevance.h5", EXAMPLES) as file:
        relevance = file["relevance"]
        units = attribute(relevance, "units", str)
        for row, one in enumerate(read_table(file).itertuples()):
            made = Explanation(files.facts(where)["explainer"], one.letter, relevance[row], units)
            maps.setdefault(_key(one), []).append(made)


def _frame(
    file: h5py.File,
    row: int,
    one: Any,
    time: np.ndarray,
    maps: dict[str, list[Explanation]],
    spoken: Spoken,
    said: list[pd.DataFrame],
) -> Recording:
    """A letter frame; `said`: when the phonemes and words of the utterances were."""
    logits = file["output"][row].astype(np.float64)
    weights = np.exp(logits - logits.max())
    utterance = spoken.table.iloc[spoken.row_of[one.id]]
    step = float(time[1] - time[0])
    begin = max(0.0, float(one.time_s) + float(time[0]) - step / 2)
    seconds = len(time) * step
    samples, rate = heard(utterance.path, begin, seconds, spoken)
    onset = begin - float(one.time_s)
    piece = {"source": one.id, "start_s": begin, "duration_s": seconds, "onset_s": onset}
    return Recording(
        id=_key(one),
        name=f"'{one.letter}' in {one.id}, {one.time_s:.2f} s",
        features=file["features"][row],
        probabilities=weights / weights.sum(),
        maps=maps[_key(one)],
        speaker=one.speaker,
        samples=samples,
        rate=rate,
        onset_s=onset,
        marks=[spoken_in(times, pd.Series(piece)) for times in said],
        facts={"speaker": one.speaker, "said": utterance.transcript},
    )


def patterns_explorer(files: RunFiles, where: str) -> Explorer:
    """What the frames of each letter share, alignments beside each other; time 0 is the key step.

    A pattern is a difference from the mean of all letters, so there is nothing below it.
    """
    with files.open(where, "averages.h5", AVERAGES) as file:
        names, alignments = (attribute(file, name, list) for name in AVERAGES.attributes)
        frames = file["counts"][:].max(-1)
        recordings = [
            Recording(
                id=name,
                name=f"'{name}'",
                features=np.full(file["pattern"].shape[2:], np.nan, np.float32),
                probabilities=(),
                maps=[
                    Explanation(by, "", np.nan_to_num(file["pattern"][place, at]), "deviations")
                    for at, by in enumerate(alignments)
                ],
                facts={
                    by: f"{n:,} frames" for by, n in zip(alignments, frames[place], strict=True)
                },
            )
            for place, name in enumerate(names)
            if frames[place].any()
        ]
        axes = file["frequency"][:], file["offset_ms"][:] / 1000
    return Explorer(
        (), *axes, "", recordings, name=where.replace("/", "-"), one="letter", by="alignment",
        opening={"beside": ",".join(alignments[1:])},
    )  # fmt: skip
