"""preprocess, task=letters: recordings and transcripts -> utterances.h5, and a split."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from speechlrp.artifacts.shards import Shards
from speechlrp.artifacts.utterances import write_utterances
from speechlrp.audio import LogMelSettings, extract_utterances
from speechlrp.corpora import Recording
from speechlrp.data.dataset import feature_settings
from speechlrp.data.recordings import (
    KEYS,
    all_rejected,
    in_units,
    note_rejected,
    read_corpus,
    recordings_on_disk,
    reject,
    split_of,
)
from speechlrp.data.shortcut import need_windows
from speechlrp.errors import SpeechLRPError
from speechlrp.letters.vocabulary import SYMBOLS, normalise
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context, Stage

UNIT = 32
"""Recordings in a unit of work."""


def work(context: Context) -> None:
    """Write `utterances.h5`, and `rejected.csv` with what was left out and why."""
    config = context.config
    wanted = "whole utterances, such as features=log_mel"
    settings = feature_settings(config, LogMelSettings, wanted)
    if config.conditions.get("name"):
        raise SpeechLRPError(
            f"conditions={config.conditions['name']} makes copies of windows of one length; "
            f"task={config.task.name} has whole utterances: use conditions=none"
        )
    need_windows(config)
    corpus = read_corpus(config)
    recordings, without = transcribed(corpus)
    if not recordings:
        raise SpeechLRPError(
            f"none of the {len(corpus)} recordings in {config.dataset['root']} has a transcript "
            f"that can be used; the first: {without[0][0]} ({without[0][1]})"
        )
    subset = split_of(config, recordings, None)
    recordings = [r for r in recordings if r.id in subset]
    units, shards = in_units(context, recordings, UNIT)
    _extract(context, settings, units, shards, subset)
    first = pd.DataFrame(without, columns=["id", "reason"])
    rejected = pd.concat([first, all_rejected(shards)], ignore_index=True)
    note_rejected(context, len(recordings) + len(without), rejected)
    facts = {"settings": config.features, "task": config.task.name, "classes": list(SYMBOLS)}
    table = write_utterances(
        context.folder / "utterances.h5",
        shards,
        frequencies=settings.frequencies(),
        units=settings.units,
        attributes=facts,
    )
    shards.remove()
    _say(context, table)


def transcribed(recordings: Sequence[Recording]) -> tuple[list[Recording], list[tuple[str, str]]]:
    """The recordings with normalised transcripts, and of the others id and reason."""
    kept, without = [], []
    for recording in recordings:
        text, reason = "", "no transcript"
        if recording.transcript is not None:
            try:
                text, reason = normalise(recording.transcript), "an empty transcript"
            except SpeechLRPError as error:
                reason = str(error)
        if text:
            kept.append(replace(recording, transcript=text))
        else:
            without.append((recording.id, reason))
    return kept, without


def _extract(
    context: Context, settings: LogMelSettings, units, shards: Shards, subset: dict[str, str]
) -> None:
    todo = shards.missing()
    files = [[(r.id, Path(r.path)) for r in units[unit]] for unit in todo]
    batches = extract_utterances(files, settings, workers=context.workers)
    for unit, batch in zip(todo, progress(batches, "preprocess", len(todo)), strict=True):
        known = {r.id: r for r in units[unit]}
        rows = [known[name] for name in batch.table["id"]]
        reject(shards, unit, batch.rejected)
        known_as = ("path", "speaker", "gender", "transcript")
        columns = {name: [str(getattr(r, name) or "") for r in rows] for name in known_as}
        columns["subset"] = [subset[r.id] for r in rows]
        columns["part"] = [r.extra.get("subset", "") for r in rows]
        texts = {name: np.array(values, dtype=str) for name, values in columns.items()}
        shards.put(unit, {"features": batch.features}, batch.table.assign(**texts))


def _say(context: Context, table: pd.DataFrame) -> None:
    groups = table.groupby("subset")
    sums = groups.agg(utterances=("id", "size"), speakers=("speaker", "nunique"))
    sums = sums.assign(minutes=(groups.seconds.sum() / 60).round(2))
    context.note("examples", json.loads(sums.to_json(orient="index")))
    for name, row in sums.iterrows():
        context.say(
            f"{name}: {row.utterances:.0f} utterances of {row.speakers:.0f} speakers, "
            f"{row.minutes:.1f} minutes"
        )


STAGE = Stage(
    name="preprocess", keys=KEYS, inputs=lambda config: {}, work=work, sources=recordings_on_disk
)
