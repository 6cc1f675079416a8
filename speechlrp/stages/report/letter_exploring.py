"""The explorer of a recogniser: windows that it takes for a letter, by every explainer."""

from __future__ import annotations

import json

import h5py
import numpy as np

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.config.schema import Config
from speechlrp.data.dataset import Spoken
from speechlrp.pipeline.run import RunFiles
from speechlrp.report.explorer import Explorer
from speechlrp.report.recording import Explanation, Recording
from speechlrp.stages.report.exploring import explained, heard


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
    with h5py.File(files.path(wheres[0], "relevance.h5")) as file:
        table = read_table(file)
        time = file["offset_ms"][:] / 1000
        rows = _spread(len(table), config.explored)
        recordings = [_frame(file, row, table.iloc[row], time, maps, spoken) for row in rows]
        symbols = json.loads(file.attrs["classes"])
        units = file["features"].attrs["units"]
    return Explorer(symbols, spoken.frequency, time, units, recordings)


def _spread(count: int, most: int) -> list[int]:
    """Rows evenly over all; the frames come letter by letter."""
    return sorted(set(np.linspace(0, count - 1, min(most, count)).round().astype(int).tolist()))


def _key(one) -> str:
    return f"{one.id}@{one.start}"


def _add_maps(maps: dict[str, list[Explanation]], files: RunFiles, where: str) -> None:
    with h5py.File(files.path(where, "relevance.h5")) as file:
        units, relevance = file["relevance"].attrs["units"], file["relevance"]
        for row, one in enumerate(read_table(file).itertuples()):
            made = Explanation(files.facts(where)["explainer"], one.letter, relevance[row], units)
            maps.setdefault(_key(one), []).append(made)


def _frame(file: h5py.File, row: int, one, time: np.ndarray, maps: dict, spoken: Spoken):
    logits = file["output"][row].astype(np.float64)
    weights = np.exp(logits - logits.max())
    utterance = spoken.table.iloc[spoken.row_of[one.id]]
    step = float(time[1] - time[0])
    begin = max(0.0, float(one.time_s) + float(time[0]) - step / 2)
    samples, rate = heard(utterance.path, begin, len(time) * step, spoken)
    return Recording(
        id=_key(one),
        name=f"'{one.letter}' in {one.id}, {one.time_s:.2f} s",
        features=file["features"][row],
        probabilities=weights / weights.sum(),
        maps=maps[_key(one)],
        speaker=one.speaker,
        samples=samples,
        rate=rate,
        onset_s=begin - float(one.time_s),
        facts={"speaker": one.speaker, "said": utterance.transcript},
    )
