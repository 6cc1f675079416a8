"""preprocess: recordings -> features.h5, with labels and a split by speaker.

Where training reads the recordings themselves (``features.train_from=audio``), the training
split's features are not kept; `recordings.csv` says where its recordings are. Where conditions
are configured, copies of the test recordings are subsets of their own.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import created, describe, label_axes, open_artifact
from speechlrp.artifacts.relevance import FEATURES
from speechlrp.artifacts.shards import Shards
from speechlrp.audio import extract
from speechlrp.config.schema import Config, options
from speechlrp.corpora import Recording, tasks
from speechlrp.corpora.labels import alike
from speechlrp.corpora.text import composed
from speechlrp.data.conditions import COPIED, additions_on_disk, configured, subset_of
from speechlrp.data.crops import from_audio
from speechlrp.data.dataset import feature_settings
from speechlrp.data.network import make_model
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
from speechlrp.data.shortcut import COLUMN, artefacts, known
from speechlrp.errors import SpeechLRPError
from speechlrp.measures.localisation import ALSO, TRUTH, widened
from speechlrp.models.custom import own_code
from speechlrp.pipeline.inputs import own_features
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.stages.preprocess.left_out import (
    add_sums,
    note_dropped,
    put_recordings,
    put_sums,
    split_off,
    without_training,
)
from speechlrp.stages.train.foreign import model_options

log = logging.getLogger(__name__)
TRAINED_ON = "features of the network"
"""The input that there is where another corpus than the run's own is asked about."""
UNIT = 64
"""Recordings in a unit of work."""
MOST_CLASSES = 30
"""Beyond so many, classes are counted and not listed."""


def work(context: Context) -> None:
    """Write `features.h5`, `recordings.csv`, and what was left out and why."""
    config = context.config
    labelled, classes = _labelled(config)
    subset = split_of(config, labelled, config.task.name)
    outside, classes = split_off(config, labelled, subset, classes)
    recordings = [r for r in labelled if r.id in subset and r.label(config.task.name) in classes]
    units, shards = in_units(context, recordings, UNIT)
    settings = feature_settings(config)
    if own_code(config.model) and not config.model.get("weights"):  # before hours of features
        make_model(config, model_options(config), len(classes), (1, *settings.shape))
    having = known(config, recordings, subset, classes)
    _extract(context, settings, units, shards, subset, classes, having)
    note_rejected(context, len(recordings), all_rejected(shards))
    listed = note_dropped(context, shards, outside)
    described = options(config.features, "train_from")
    with created(context.folder / "features.h5") as file:
        table = _merge(file, shards, settings, context.inputs.get(TRAINED_ON))
        describe(file, {"kind": FEATURES.kind, "classes": classes, "settings": described})
        describe(file, {"silence": float(settings.silence), "task": config.task.name})
    shards.remove()
    without_training(context, listed, classes)
    counts = table.groupby(["subset", "label"]).size().unstack(fill_value=0)
    counts.columns = [classes[label] for label in counts.columns]
    training = listed[listed.subset == "train"].label.value_counts()
    if "train" not in counts.index and len(training):  # windows are drawn of them in every epoch
        counts = pd.concat([training.to_frame("train").T, counts]).fillna(0).astype(int)
    context.note("apart", _apart(listed))
    context.note("examples", json.loads(counts.to_json(orient="index")))
    for name, row in counts.iterrows():
        context.say(f"{name}: {in_words(row)}")


def _apart(recordings: pd.DataFrame) -> str:
    """What is in one subset alone: a speaker, or a recording where they are shared or not known."""
    by_speaker = recordings.groupby("speaker").subset
    is_known = len(by_speaker) < len(recordings)
    return "speaker" if is_known and (by_speaker.nunique() == 1).all() else "recording"


def in_words(counts: pd.Series) -> str:
    """How many examples each class has; of many classes, the least and the most."""
    if len(counts) <= MOST_CLASSES:
        return ", ".join(f"{n} {c}" for c, n in counts.items())
    few, most = counts.min(), counts.max()
    each = f"{few}" if few == most else f"{few} to {most}"
    return f"{counts.sum():,} examples of {len(counts):,} classes, {each} each"


def _labelled(config: Config) -> tuple[list[Recording], list[str]]:
    """The recordings that know the task's label, and the classes."""
    section, task = config.dataset, config.task
    corpus = read_corpus(config)
    labels = {name for r in corpus if (name := r.label(task.name)) is not None}
    if not labels:
        raise SpeechLRPError(
            f"no recording in {section['root']} has a label {task.name!r}; "
            f"labels there: {', '.join(tasks(corpus))}"
        )
    classes = [composed(name) for name in task.classes] if task.classes else sorted(labels)
    if labels - set(classes):
        raise SpeechLRPError(
            f"{task.name} {', '.join(sorted(labels - set(classes)))} in {section['root']} is not "
            f"among task.classes: {', '.join(classes)}"
        )
    for words in alike(classes):
        log.warning(words)
    return [r for r in corpus if r.label(task.name) is not None], classes


def _extract(context, settings, units, shards: Shards, subset, classes, having) -> None:
    task = context.config.task.name
    todo = shards.missing()
    work = [[(r.id, r.path) for r in units[unit]] for unit in todo]
    copied = {name for name, split in subset.items() if split == COPIED}
    copies = configured(context.config, copied, settings.rate)
    change = artefacts(context.config, having or {}, settings.rate)
    common = {"seed": context.config.data_seed, "workers": context.workers}
    batches = extract(work, settings, copies=copies, change=change, **common)
    for unit, batch in zip(todo, progress(batches, "preprocess", len(todo)), strict=True):
        of_id = {r.id: r for r in units[unit]}
        rows = [of_id[name] for name in batch.segments["id"]]
        table = batch.segments.rename(columns={"id": "source"}).assign(
            path=[str(r.path) for r in rows],
            speaker=[r.speaker for r in rows],
            label=np.array([classes.index(r.label(task)) for r in rows], dtype=np.int64),
            **_known_by(rows, batch.segments, subset),
            **({COLUMN: np.array([having[r.id] for r in rows], np.int64)} if having else {}),
            **truth(units[unit], rows, batch.segments, settings),
        )
        reject(shards, unit, batch.rejected)
        put_recordings(shards, unit, batch.recordings, of_id, subset, task)
        features = batch.features
        if from_audio(context.config):
            training = (table["subset"] == "train").to_numpy(bool)
            put_sums(shards, unit, features[training])
            features, table = features[~training], table[~training]
        shards.put(unit, {"features": features}, table)


def _known_by(rows: list[Recording], segments: pd.DataFrame, subset: Mapping[str, str]) -> dict:
    """Id and subset of each row; a copy's id is such as ``recording@2.02+music``."""
    under = segments.get("condition", pd.Series("", index=segments.index))
    ids = segments.id.astype(str) + "@" + segments.start_s.map("{:.2f}".format)
    subsets = [subset_of(c) if c else subset[r.id] for r, c in zip(rows, under, strict=True)]
    return {"id": ids.where(under == "", ids + "+" + under), "subset": subsets}


def truth(
    unit: list[Recording], rows: list[Recording], segments: pd.DataFrame, settings
) -> dict[str, np.ndarray]:
    """Where the label's cue can be seen in each window, if the unit's corpus knows: s and Hz."""
    known: dict[str, np.ndarray] = {}
    shift = (segments.onset_s - segments.start_s).to_numpy()
    for names in (TRUTH, ALSO):
        if all(name in r.extra for r in unit for name in names):
            box = {name: np.array([float(r.extra[name]) for r in rows]) for name in names}
            box |= {name: box[name] + shift for name in names[:2]}
            known |= widened(box, settings.half_window)
    return known


def _merge(file: h5py.File, shards: Shards, settings, trained_on: Path | None) -> pd.DataFrame:
    """Put the units together; the mean is the training split's, or that of all without one."""
    sums: dict[bool, Any] = {True: 0.0, False: 0.0}  # of the training split, and of the rest
    counts = {True: 0, False: 0}

    def add(arrays: dict, table: pd.DataFrame) -> dict:
        training = (table["subset"] == "train").to_numpy(bool)
        for part in sums if len(table) else ():
            chosen = arrays["features"][training == part]
            if len(chosen):
                sums[part] = sums[part] + chosen.sum(axis=0, dtype=np.float64)
                counts[part] += len(chosen)
        return arrays

    table = shards.merge(file, add)
    total, count = add_sums(shards, sums[True], counts[True])
    if not len(table):
        raise SpeechLRPError(
            "every recording was left out; see the reasons above"
            if not count
            else "no recording to validate on or to test; see the reasons above"
        )
    total, count = (total, count) if count else (sums[False], counts[False])
    mean = total / max(count, 1)
    if trained_on is not None:  # the network's, which another corpus does not change
        with open_artifact(trained_on, FEATURES, "speechlrp preprocess") as known:
            mean = known["train_mean"][:]
    file["train_mean"] = np.asarray(mean, dtype=np.float32)
    axes = (("frequency", settings.frequencies(), "Hz"), ("time", settings.times(), "s"))
    for axis, values, unit in axes:
        if axis in settings.axes:
            file[axis] = values
            label_axes(file[axis], (axis,), unit)
    label_axes(file["features"], ("recording", *settings.axes), settings.units)
    label_axes(file["train_mean"], settings.axes, settings.units)
    return table


STAGE = Stage(
    name="preprocess",
    keys=KEYS,
    inputs=lambda config: {TRAINED_ON: own_features(config)} if config.on else {},
    work=work,
    sources=lambda config: recordings_on_disk(config) | additions_on_disk(config),
)
