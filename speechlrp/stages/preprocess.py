"""preprocess: recordings -> features.h5, with labels and a split by speaker."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.atomic import whole, write_csv
from speechlrp.artifacts.hdf5 import describe, label_axes
from speechlrp.artifacts.shards import Shards
from speechlrp.audio import FEATURES, extract
from speechlrp.config.schema import Config, call, options
from speechlrp.corpora import CORPORA, SPLITS, Recording, tasks
from speechlrp.errors import SpeechLRPError
from speechlrp.stages.progress import progress
from speechlrp.stages.stage import Context, Stage

UNIT = 64
"""Recordings in a unit of work."""


def work(context: Context) -> None:
    """Write `features.h5`, and `rejected.csv` with what was left out and why."""
    config = context.config
    recordings, classes = _labelled(config)
    subset = _split(config, recordings)
    recordings = [r for r in recordings if r.id in subset]
    if not recordings:
        raise SpeechLRPError(f"split {config.split['name']} leaves no recording")
    context.say(f"{len(recordings)} recordings, {len({r.speaker for r in recordings})} speakers")
    settings = feature_settings(config)
    units = [recordings[i : i + UNIT] for i in range(0, len(recordings), UNIT)]
    shards = Shards(context.folder / ".units", len(units))
    _extract(context, settings, units, shards, subset, classes)
    rejected = _rejected(shards)
    write_csv(context.folder / "rejected.csv", rejected)
    _note(context, len(recordings), rejected)
    with whole(context.folder / "features.h5") as path, h5py.File(path, "w") as file:
        table = _merge(file, shards, settings)
        describe(file, {"kind": "features", "classes": classes, "settings": config.features})
        describe(file, {"silence": float(settings.silence), "task": config.task.name})
    shards.remove()
    counts = table.groupby(["subset", "label"]).size().unstack(fill_value=0)
    counts.columns = [classes[label] for label in counts.columns]
    context.note("examples", json.loads(counts.to_json(orient="index")))
    for name, row in counts.iterrows():
        context.say(f"{name}: " + ", ".join(f"{n} {c}" for c, n in row.items()))


def feature_settings(config: Config):
    """The settings object of the configured features."""
    kind = FEATURES[config.features["name"]]
    return call(f"features {config.features['name']}", kind, options(config.features, "name"))


def _read_corpus(config: Config) -> list[Recording]:
    section = config.dataset
    name, root = section["name"], Path(section["root"])
    return call(f"dataset {name}", CORPORA[name], options(section, "name", "root"), root)


def _labelled(config: Config) -> tuple[list[Recording], list[str]]:
    """The recordings that know the task's label, and the classes."""
    section, task = config.dataset, config.task
    found = _read_corpus(config)
    labels = {r.label(task.name) for r in found} - {None}
    if not labels:
        raise SpeechLRPError(
            f"no recording in {section['root']} has a label {task.name!r}; "
            f"labels there: {', '.join(tasks(found))}"
        )
    classes = list(task.classes or sorted(labels))
    if labels - set(classes):
        raise SpeechLRPError(
            f"{task.name} {', '.join(sorted(labels - set(classes)))} in {section['root']} is not "
            f"among task.classes: {', '.join(classes)}"
        )
    return [r for r in found if r.label(task.name) is not None], classes


def _split(config: Config, recordings: list[Recording]) -> dict[str, str]:
    name = config.split["name"]
    return call(
        f"split {name}", SPLITS[name], options(config.split, "name"), recordings,
        label=config.task.name,
    )  # fmt: skip


def _extract(context, settings, units, shards: Shards, subset, classes) -> None:
    task = context.config.task.name
    todo = shards.missing()
    work = [[(r.id, r.path) for r in units[unit]] for unit in todo]
    batches = extract(work, settings, seed=context.config.data_seed, workers=context.workers)
    for unit, batch in zip(todo, progress(batches, "preprocess", len(todo)), strict=True):
        known = {r.id: r for r in units[unit]}
        rows = [known[name] for name in batch.segments["id"]]
        table = batch.segments.rename(columns={"id": "source"}).assign(
            id=[
                f"{n}@{s:.2f}"
                for n, s in zip(batch.segments["id"], batch.segments.start_s, strict=True)
            ],
            path=[str(r.path) for r in rows],
            speaker=[r.speaker for r in rows],
            label=np.array([classes.index(r.label(task)) for r in rows], dtype=np.int64),
            subset=[subset[r.id] for r in rows],
        )
        write_csv(
            _rejected_file(shards, unit), pd.DataFrame(batch.rejected, columns=["id", "reason"])
        )
        shards.put(unit, {"features": batch.features}, table)


def _rejected_file(shards: Shards, unit: int) -> Path:
    return shards.path(unit).with_suffix(".rejected.csv")


def _rejected(shards: Shards) -> pd.DataFrame:
    files = (_rejected_file(shards, unit) for unit in range(shards.count))
    return pd.concat([pd.read_csv(f, dtype=str) for f in files], ignore_index=True)


def _note(context: Context, total: int, rejected: pd.DataFrame) -> None:
    left_out = rejected.id.nunique()
    context.note("recordings", total)
    context.note("rejected", left_out)
    context.note("reasons", dict(Counter(rejected.reason).most_common(20)))
    context.note("rejected_files", rejected.head(1000).to_dict(orient="records"))
    if left_out:
        first = rejected.iloc[0]
        context.say(
            f"{left_out} of {total} recordings left out, see rejected.csv; "
            f"the first: {first.id} ({first.reason})"
        )


def _merge(file: h5py.File, shards: Shards, settings) -> pd.DataFrame:
    total, count = 0.0, 0

    def add(arrays: dict, table: pd.DataFrame) -> None:
        nonlocal total, count
        chosen = arrays["features"][(table["subset"] == "train").to_numpy()] if len(table) else []
        if len(chosen):
            total, count = total + chosen.sum(axis=0, dtype=np.float64), count + len(chosen)

    table = shards.merge(file, add)
    if not len(table):
        raise SpeechLRPError("every recording was left out; see the reasons above")
    file["train_mean"] = np.asarray(total / max(count, 1), dtype=np.float32)
    file["frequency"] = settings.frequencies()
    file["time"] = settings.times()
    axes = ("channel", "frequency", "time")
    label_axes(file["features"], ("recording", *axes), settings.units)
    label_axes(file["train_mean"], axes, settings.units)
    label_axes(file["frequency"], ("frequency",), "Hz")
    label_axes(file["time"], ("time",), "s")
    return table


def _recordings_on_disk(config: Config) -> dict[str, dict]:
    """How many recordings there are, and a digest of their names, sizes and times."""
    digest = hashlib.sha256()
    found = _read_corpus(config)
    for recording in found:
        about = recording.path.stat()
        digest.update(f"{recording.id} {about.st_size} {about.st_mtime_ns}\n".encode())
    return {"recordings": {"count": len(found), "sha256": digest.hexdigest()}}


STAGE = Stage(
    name="preprocess",
    folder=lambda config: "preprocess",
    keys=("dataset", "task", "split", "features", "data_seed"),
    inputs=lambda config: {},
    work=work,
    sources=_recordings_on_disk,
)
