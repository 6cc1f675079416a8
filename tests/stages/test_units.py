"""The figures of an explanation: what the values are, and which recordings are shown."""

from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import describe, label_axes, write_table
from speechlrp.data.dataset import read_dataset
from speechlrp.stages.explain import classes as explain
from speechlrp.stages.preprocess import classes as preprocess

SETTINGS = {"name": "spectrogram_db"}
UNITS = "ln energy re band mean"


def _write(folder):
    """Features and relevance of two recordings."""
    texts = {name: ["x", "y"] for name in ("id", "path", "source", "speaker", "subset")}
    times = {name: [0.0, 0.0] for name in ("start_s", "onset_s")}
    table = pd.DataFrame({**texts, "label": [0, 1], **times, "duration_s": [0.1, 0.1]})
    values = np.random.default_rng(0).normal(size=(2, 1, 4, 5)).astype(np.float32)
    for name, units in (("features", UNITS), ("relevance", "probability")):
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file[name], file["frequency"], file["time"] = values, np.arange(4.0), np.arange(5.0)
            label_axes(file[name], ("recording", "channel", "frequency", "time"), units)
            write_table(file, table)
            describe(file, {"kind": name, "classes": ["1", "2"], "settings": SETTINGS})
            if name == "features":
                file["train_mean"] = values.mean(0)
                describe(file, {"silence": 0.0, "task": "speaker"})
            else:
                file["output"], file["probability"], file["target"] = np.eye(2), np.eye(2), [0, 1]
                describe(file, {"explainer": {}})


def test_every_level_bar_has_the_units_of_the_file(tmp_path, monkeypatch):
    _write(tmp_path)
    examples = read_dataset(tmp_path / "features.h5", "speechlrp preprocess")
    assert examples.units == UNITS
    drawn = {}
    for name in ("band_shares", "region_shares"):
        monkeypatch.setattr(explain, name, lambda table: None)
    explain._figures(
        SimpleNamespace(folder=tmp_path, command="speechlrp {}".format, write=drawn.update),
        examples,
        [0, 1],
        None,
        None,
    )
    for name in ("heatmaps", "least_95_percent", "top_1_percent"):
        labels = [ax.get_ylabel() for ax in drawn[name].axes]
        assert any(UNITS in label for label in labels)
        assert not any("dB" in label for label in labels)
    labels = [ax.get_ylabel() for ax in drawn["heatmaps"].axes]
    assert any(label.startswith("relevance (") and "probability" in label for label in labels)


def test_shown_are_right_ones_of_each_class_and_no_more_than_fit():
    most = explain.MOST_PANELS
    label = np.repeat(np.arange(most + 6), 3)
    table = pd.DataFrame({"label": label, "speaker": [f"s{i}" for i in range(len(label))]})
    predicted = label.copy()
    predicted[::3] = -1  # the first of every class is taken for another
    assert explain.pick(table[:6], predicted[:6], 2) == [1, 2, 4, 5]
    assert explain.pick(table[:6].assign(speaker="s"), predicted[:6], 2) == [1, 4]
    assert explain.pick(table, predicted, 1) == [3 * k + 1 for k in range(most)]
    assert len(explain.pick(table, predicted, 5)) == most


def test_many_classes_are_counted_and_not_listed():
    few = pd.Series([3, 4], index=["a", "b"])
    assert preprocess.in_words(few) == "3 a, 4 b"
    many = pd.Series([2] * preprocess.MOST_CLASSES + [5])
    assert preprocess.in_words(many) == "65 examples of 31 classes, 2 to 5 each"
    assert preprocess.in_words(many.clip(upper=2)) == "62 examples of 31 classes, 2 each"
