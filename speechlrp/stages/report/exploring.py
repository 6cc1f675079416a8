"""The explorer of a run: recordings that were explained, by every explainer that did."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.audio.reading import read_piece
from speechlrp.audio.resampling import mono, resample
from speechlrp.config.schema import Config
from speechlrp.data.conditions import described
from speechlrp.data.dataset import Windows
from speechlrp.pipeline.places import explanation_facts
from speechlrp.pipeline.run import RunFiles
from speechlrp.report.explorer import Explanation, Explorer, Recording

HEARD_HZ = 16_000
"""Sounds of higher rates are resampled: speech has its cues below 8 kHz."""


def explorer_of(config: Config, files: RunFiles, examples: Windows) -> Explorer | None:
    """Recordings explained with the configured weights and subset; None where none are.

    Of each class alike `explored` of them are chosen, those that were misclassified first.
    """
    asked = explanation_facts(config)
    wheres = [
        where
        for where in files.of("explain")
        if all(files.facts(where)[name] == asked[name] for name in ("weights", "subset"))
    ]
    if not wheres:
        return None
    paths = {files.facts(where)["explainer"]: files.path(where, "relevance.h5") for where in wheres}
    first = asked["explainer"] if asked["explainer"] in paths else next(iter(paths))
    paths = {first: paths[first], **paths}
    with h5py.File(paths[first]) as file:
        table, probability = read_table(file), file["probability"][:]
    rows = chosen(table, probability.argmax(1), config.explored)
    maps = {name: _maps(path, name, table.id.iloc[rows], examples) for name, path in paths.items()}
    recordings = []
    with examples.features() as features:
        for row in rows:
            one = table.loc[row]
            values = features[examples.row_of[one.id]][0]
            explained = [maps[name][one.id] for name in maps if one.id in maps[name]]
            recordings.append(_recording(one, values, probability[row], explained, examples))
    return Explorer(examples.classes, examples.frequency, examples.time, examples.units, recordings)


def chosen(table: pd.DataFrame, predicted: np.ndarray, count: int) -> list[int]:
    """Rows to explore: classes and speakers in turn, of each the misclassified first.

    Args:
        table: with labels and speakers.
        predicted: the network's classes `[N]`.
        count: how many.
    """
    wrong = table.label.to_numpy() != predicted
    order = table[["label", "speaker"]].assign(wrong=wrong)
    order = order.sort_values("wrong", ascending=False, kind="stable")
    turn = order.groupby(["label", "speaker"], sort=False).cumcount()
    return sorted(turn.sort_values(kind="stable").index[:count])


def _maps(path: Path, name: str, ids: pd.Series, examples: Windows) -> dict[str, Explanation]:
    """The explanations of some recordings, by their id."""
    with h5py.File(path) as file:
        held = {id_: row for row, id_ in enumerate(read_table(file).id)}
        units, target = file["relevance"].attrs["units"], file["target"][:]
        return {
            id_: Explanation(
                name, examples.classes[target[held[id_]]], file["relevance"][held[id_]][0], units
            )
            for id_ in ids
            if id_ in held
        }


def _recording(
    one: pd.Series,
    features: np.ndarray,
    probability: np.ndarray,
    maps: list[Explanation],
    examples: Windows,
) -> Recording:
    facts = {"speaker": one.speaker, "file": Path(one.path).name}
    if one.get("condition", ""):
        facts["mixed in"] = f"{described(one)}, not in the sound"
    if one.start_s > 0:
        facts["from"] = f"{one.start_s:.2f} s of its recording"
    samples, rate = sound_of(one, examples)
    return Recording(
        id=one.id,
        name=one.source if not one.start_s else f"{one.source}, {one.start_s:.1f} s",
        features=features,
        probabilities=probability,
        maps=maps,
        label=examples.classes[one.label],
        speaker=one.speaker,
        condition=one.get("condition", ""),
        samples=samples,
        rate=rate,
        onset_s=one.onset_s,
        facts=facts,
    )


def sound_of(one: pd.Series, examples: Windows) -> tuple[np.ndarray, int]:
    """The part of its recording that an example is of, at `HEARD_HZ` at most, and its rate."""
    wave, rate = read_piece(one.path, one.start_s, one.duration_s)
    heard = mono(wave, examples.settings.get("channel"))
    if rate > HEARD_HZ:
        heard, rate = resample(heard, rate, HEARD_HZ), HEARD_HZ
    return heard.numpy(), rate
