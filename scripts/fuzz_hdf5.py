"""Valid HDF5 files of each kind, and what reads them as the stages do."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import describe, label_axes, open_artifact, read_table, write_table
from speechlrp.artifacts.layout import attribute
from speechlrp.artifacts.maps import ALONG, AVERAGES, EXAMPLES, STATISTICS, Array, write_maps
from speechlrp.artifacts.maximized import open_maximized, write_maximized
from speechlrp.artifacts.relevance import FACTOR, RELEVANCE, Maps
from speechlrp.artifacts.shards import Shards
from speechlrp.artifacts.utterances import write_utterances
from speechlrp.data.dataset import read_dataset
from speechlrp.data.explaining import order_of

COMMAND = "speechlrp stage"
N, F, T, K = 6, 5, 8, 2
AXES = ("recording", "channel", "frequency", "time")
SETTINGS = {"name": "spectrogram_db", "window": 16, "overlap": 8, "bins": F, "frames": T}


def _table(**more: Any) -> pd.DataFrame:
    subset = ["train", "train", "validate", "validate", "test", "test"]
    known = {
        "id": [f"r{i}@0.00" for i in range(N)],
        "path": ["a.wav"] * N,
        "speaker": list("aabbcc"),
    }
    spans = {"start_s": 0.0, "onset_s": 0.0, "duration_s": 1.0}
    return pd.DataFrame({**known, "subset": subset, **spans, **more})


def features(folder: Path) -> list[Path]:
    values = np.random.default_rng(0).normal(size=(N, 1, F, T)).astype("f4")
    table = _table(source=[f"r{i}" for i in range(N)], label=np.arange(N) % K)
    with h5py.File(folder / "features.h5", "w") as file:
        file.create_dataset("features", data=values, chunks=(1, 1, F, T))
        write_table(file, table)
        file["train_mean"] = values.mean(0)
        file["frequency"], file["time"] = np.arange(F) * 100.0, np.arange(T) * 0.01
        label_axes(file["features"], AXES, "dB")
        describe(file, {"kind": "features", "classes": ["a", "b"], "settings": SETTINGS})
        describe(file, {"silence": -80.0, "task": "gender"})
    return [folder / "features.h5"]


def read_features(folder: Path) -> Any:
    data = read_dataset(folder / "features.h5", COMMAND)
    with data.features() as features:
        held = [features[row] for row in range(len(data.table))]
    batches = data.batches("train", batch_size=2, input_scale=1.0, cache_mb=0)
    names = [data.classes[label] for label in data.labels]
    axes = data.time[-1] + data.frequency[-1] + data.train_mean[0, -1, -1]
    return held, list(batches.epoch(0)), names, axes, data.feature_settings, data.row_of


def relevance(folder: Path) -> list[Path]:
    draw = np.random.default_rng(0)
    with h5py.File(folder / "relevance.h5", "w") as file:
        file["relevance"] = draw.normal(size=(N, 1, F, T)).astype("f4")
        file["output"] = file["probability"] = draw.uniform(size=(N, K)).astype("f4")
        file["target"] = np.arange(N) % K
        file["frequency"], file["time"] = np.arange(F) * 100.0, np.arange(T) * 0.01
        write_table(file, _table(source="r", label=np.arange(N) % K))
        label_axes(file["relevance"], AXES, "logit")
        file["relevance"].attrs[FACTOR] = np.float32(0.5)
        describe(file, {"kind": "relevance", "classes": ["a", "b"], "weights": "x"})
        describe(file, {"explainer": {"name": "lrp", "kind": "lrp"}})
    return [folder / "relevance.h5"]


def read_relevance(folder: Path) -> Any:
    with open_artifact(folder / "relevance.h5", RELEVANCE, COMMAND) as file:
        table, classes = read_table(file), attribute(file, "classes", list)
        maps, order = Maps(file), order_of(file, slice(None)).numpy()
        names = [classes[k] for k in (*table.label, *file["target"][:])]
        said = file["output"][:].argmax(1), file["probability"][:].max(1)
        flipped = [m.reshape(-1)[o] for m, o in zip(maps[:], order, strict=True)]
        return names, said, flipped, table.source, maps.units


def utterances(folder: Path) -> list[Path]:
    frames = np.array([4, 9, 5, 7, 6, 3])
    values = np.random.default_rng(0).normal(size=(frames.sum(), F)).astype("f4")
    spoken = _table(frames=frames, seconds=frames / 125, transcript="a b", part="train")
    attributes = {"classes": ["a", "b"], "task": "letters"}
    settings = {"name": "log_mel", "bands": F, "rate": 8000, "hop": 64, "window": 128}
    write_utterances(
        folder / "utterances.h5",
        [({"features": values}, spoken.assign(mean_db=0.0, deviation_db=1.0))],
        frequencies=np.arange(F) * 100.0,
        attributes={**attributes, "settings": settings},
    )
    return [folder / "utterances.h5"]


def read_utterances(folder: Path) -> Any:
    data = read_dataset(folder / "utterances.h5", COMMAND)
    with data.features() as features:
        held = list(features)
    batches = data.batches("train", max_frames=1000)
    return held, data.texts([0, 1]), data.clock, list(batches.epoch(0)), data.table.mean_db + 1


def averages(folder: Path) -> list[Path]:
    panel, bins = ("class", "alignment"), ("class", "alignment", "frequency", "offset")
    arrays = {
        "pattern": Array(np.zeros((K, 1, F, T)), bins),
        "normaliser": Array(np.ones((1, F, T)), bins[1:]),
        "counts": Array(np.full((K, 1, T), 3), (*panel, "offset")),
        "frequency": Array(np.arange(F) * 100.0, ("frequency",)),
        "offset_ms": Array(np.arange(T) * 8.0, ("offset",)),
    }
    attributes = {"classes": ["a", "b"], "alignments": ["none"], "settings": {}}
    write_maps(folder / "averages.h5", AVERAGES, arrays, attributes=attributes)
    return [folder / "averages.h5"]


def read_averages(folder: Path) -> Any:
    from speechlrp.stages.listen import letters as inverted

    path = folder / "averages.h5"
    with open_artifact(path, AVERAGES, COMMAND) as file:
        for name in AVERAGES.attributes:
            attribute(file, name, list)
    one = inverted._pattern(path, COMMAND, (1, 0), 1.0, (0.0, 1.0))
    return one, inverted._normaliser(path, COMMAND, 0, (0.0, 1.0))


def maximized(folder: Path) -> list[Path]:
    shards = Shards(folder / "units", 1)
    rows = {"layer": "1", "neuron": np.arange(N), "symbol": "a", "chosen_for": "", "first_frame": 1}
    table = pd.DataFrame({**rows, "frames": np.full(N, 4)})
    shards.put(0, {"inputs": np.zeros((N, F, T), "f4"), "history": np.zeros((N, 3), "f4")}, table)
    write_maximized(
        folder / "maximized.h5",
        shards,
        frequency=np.arange(F) * 100.0,
        time_ms=np.arange(T) * 8.0,
        units="dB",
        attributes={"settings": {}, "features": {}},
    )
    return [folder / "maximized.h5"]


def read_maximized(folder: Path) -> Any:
    with open_maximized(folder / "maximized.h5", COMMAND) as file:
        rows = range(len(file.table))
        return [(file.seen(i).sum(), file.time(i)[-1], file.history(i)[-1]) for i in rows]


def letters(folder: Path) -> list[Path]:
    window = ("frame", "frequency", "offset")
    arrays = {n: Array(np.zeros((N, F, T), "f4"), window, "dB") for n in ("features", "relevance")}
    arrays["output"] = Array(np.zeros((N, K), "f4"), ("frame", "symbol"), "logit")
    axes = {"frequency": Array(np.arange(F) * 100.0, ("frequency",), "Hz")}
    axes["offset_ms"] = Array(np.arange(T) * 8.0, ("offset",), "ms")
    rows = {"id": "r", "speaker": "a", "letter": "a", "symbol": 1, "start": np.arange(N)}
    tables = {"table": pd.DataFrame({**rows, "time_s": 0.1, "probability": 0.5})}
    about = {"classes": ["a", "b"], "weights_sha256": "ab"}
    write_maps(folder / "relevance.h5", EXAMPLES, arrays | axes, tables=tables, attributes=about)
    maps = {n: Array(np.zeros((K, F, T), "f4"), ("class", *window[1:])) for n in ("mean", "error")}
    maps["frames"] = Array(np.full(K, 3), ("class",))
    write_maps(folder / "statistics.h5", STATISTICS, maps | axes, attributes=about)
    return [folder / "relevance.h5", folder / "statistics.h5"]


def read_letters(folder: Path) -> Any:
    with open_artifact(folder / "relevance.h5", EXAMPLES, COMMAND) as file:
        table, time = read_table(file), file["offset_ms"][:]
        frames = list(table[["id", "letter", "start"]].itertuples(index=False))
        held = [(file["relevance"][i], file["features"][i], file["output"][i]) for i in range(N)]
        numbers = time[1] - time[0] + table.time_s[0], len(file["frequency"][:])
        words = attribute(file["features"], "units", str), attribute(file, "classes", list)
    with open_artifact(folder / "statistics.h5", STATISTICS, COMMAND) as file:
        maps, counts = file["mean"][:], file["frames"][:]
        names = attribute(file, "classes", list)
        drawn = [(names[k], maps[k] * int(counts[k])) for k in range(K)]
    return frames, held, numbers, words, drawn


def along(folder: Path) -> list[Path]:
    row, total = ("frame", "frequency"), 12
    names = ("features", "relevance", "absolute")
    arrays = {name: Array(np.zeros((total, F), "f4"), row, "dB") for name in names}
    arrays["windows"] = Array(np.ones(total, "i8"), ("frame",))
    arrays["profile"] = Array(np.zeros((4, T), "f4"), ("letter_frame", "offset"))
    arrays["offsets"] = Array(np.array([0, 5, 12]), ("utterance",))
    arrays["frequency"] = Array(np.arange(F) * 100.0, ("frequency",), "Hz")
    arrays["offset_ms"] = Array(np.arange(T) * 8.0, ("offset",), "ms")
    of = pd.DataFrame({"id": ["r0", "r1"], "transcript": "a", "recognised": "a", "frames": [5, 7]})
    letters = pd.DataFrame({"utterance": [0, 0, 1, 1], "letter": "a", "frame": [1, 2, 1, 2]})
    tables = {"table": of, "letters": letters}
    write_maps(folder / "utterances.h5", ALONG, arrays, tables=tables, attributes={"x": "y"})
    return [folder / "utterances.h5"]


def read_along(folder: Path) -> Any:
    with open_artifact(folder / "utterances.h5", ALONG, COMMAND) as file:
        table, letters, offsets = read_table(file), read_table(file, "letters"), file["offsets"][:]
        profile = [file["profile"][i] for i in range(len(letters))]
        names = ("features", "relevance", "windows")
        held = [[file[n][a:b].sum() for n in names] for a, b in pairwise(map(int, offsets))]
    said = [(one.id, one.transcript, one.recognised, one.frames) for one in table.itertuples()]
    return held, said, profile
