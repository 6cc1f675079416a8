"""A hum that goes with a class: mixed in, found, and taken out again, through the command line."""

import json
import re
import shlex

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.tables import read_csv
from speechlrp.measures.shares import REGION, covered
from speechlrp.pipeline.record import read_record
from tests.stages.test_contract import one_line

HUM = ("shortcut=hum", "shortcut.hz=3500", "shortcut.share=0.75", "shortcut.snr_db=-10")


def ran(project, *arguments, settings=()) -> str:
    done = project.speechlrp(*arguments, settings=(*HUM, *settings))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def hummed(corpus, tmp_path_factory, project_class):
    """Trained on recordings of which some hum, and explained; only added to."""
    project = project_class(corpus, tmp_path_factory.mktemp("hummed") / "outputs")
    for verb in ("preprocess", "train"):
        ran(project, verb)
    ran(project, "explain", "--subset", "validate")
    return project


@pytest.fixture(scope="module")
def regions(tmp_path_factory):
    path = tmp_path_factory.mktemp("regions") / "hum.csv"
    path.write_text("low_hz,high_hz\n3400,3600\n")
    return path


def read(path) -> tuple[np.ndarray, pd.DataFrame]:
    with h5py.File(path) as file:
        return file["features"][:], read_table(file)


def test_the_hum_is_where_the_table_says_and_nowhere_at_test(hummed):
    features, table = read(hummed.features / "features.h5")
    has = table.artefact == 1
    counts = table[has].groupby(["subset", "label"]).size()
    assert counts.to_dict() == {
        ("train", 0): 6, ("train", 1): 2, ("validate", 0): 3, ("validate", 1): 1,
    }  # fmt: skip
    with h5py.File(hummed.features / "features.h5") as file:
        row = np.abs(file["frequency"][:] - 3500).argmin()
    level = features[:, 0, row].max(axis=1)  # dB re the loudest bin; no voice reaches so high
    assert level[has].min() > -3
    assert level[~has].max() < -20


def test_what_explain_found_is_on_the_page(hummed):
    folder = hummed.run / "explain" / "train-lrp-validate"
    table = read_csv(folder / "found.csv", "again", REGION)
    assert len(table)
    assert (table.more > 0).all()
    ran(hummed, "report")
    page = (hummed.run / "report" / "index.html").read_text()
    assert "Regions that hold more of a class" in page


@pytest.mark.parametrize("fill", ["zero", "neighbours", "donor"])
def test_a_region_of_a_file_is_filled_in_every_training_recording(hummed, regions, fill):
    ran(hummed, "augment", "--region", str(regions), "--fill", fill)
    made, table = read(hummed.run / "augment" / f"{fill}_region" / "features.h5")
    features, everything = read(hummed.features / "features.h5")
    before = features[(everything.subset == "train").to_numpy()]
    with h5py.File(hummed.features / "features.h5") as file:
        axes = file["frequency"][:], file["time"][:]
    inside = covered(read_csv(regions, "").reindex(columns=REGION), table, *axes)[:, None]
    assert 0 < inside.mean() < 0.1
    assert np.array_equal(made[~inside], before[~inside])
    assert (made[inside] != before[inside]).mean() > 0.5
    if fill == "zero":
        assert not made[inside].any()
    bins = read_record(hummed.run / "augment" / f"{fill}_region").notes["bins"]
    ran(hummed, "augment", "--region", str(regions), "--random", "--fill", fill)
    assert read_record(hummed.run / "augment" / f"{fill}_random").notes["bins"] == bins


def test_the_region_that_was_found_is_taken_and_the_network_trained_on(hummed, regions):
    ran(hummed, "augment", "--region", "found", "--fill", "donor")
    ran(hummed, "retrain", "--region", "found", "--fill", "donor")
    ran(hummed, "evaluate", "--weights", "aug_donor_region")
    assert (hummed.run / "evaluate" / "aug_donor_region-test" / "evaluation.json").is_file()
    done = hummed.speechlrp("retrain", "--region", str(regions), "--fill", "donor", settings=HUM)
    command = re.search(r"make it again with `speechlrp (.*?)`", one_line(done))[1]
    ran(hummed, *shlex.split(command))
    assert read_record(hummed.run / "augment/donor_region").config["augment.region"] == str(regions)


def test_the_control_needs_no_explanation(hummed):
    ran(hummed, "augment", "--fill", "none")
    assert read_record(hummed.run / "augment" / "none").notes["bins"] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "augment: there is no"),
        ("band,seconds\n1,2\n", "holds no region"),
        ("low_hz,high_hz\n", "holds no region"),
        ("low_hz,high_hz\n300,200\n", "row 1: low_hz is 300 and high_hz 200; it must be above"),
        ("low_hz\nbass\n", "low_hz is 'bass', no number"),
        ("low_hz,hi_hz\n100,200\n", "has a column 'hi_hz'; is 'high_hz' meant?"),
        ("low_hz,high_hz\n100,200\n,\n", "row 2 has no limit"),
        ("low_hz;high_hz\n90000;99000\n", "no bin of the training recordings is in"),
    ],
)
def test_a_file_that_is_no_table_of_regions_is_told(hummed, tmp_path, text, said):
    path = tmp_path / "regions.csv"
    if text:
        path.write_text(text)
    done = hummed.speechlrp("augment", "--region", str(path), settings=HUM)
    assert said in one_line(done)


def test_a_penalty_on_relevance_in_the_region(hummed, regions):
    ran(hummed, "retrain", "--region", str(regions), "--penalty", "1")
    ran(hummed, "evaluate", "--weights", "penalty")
    meta = json.loads((hummed.run / "retrain" / "penalty" / "last.json").read_text())
    assert meta["repair"] == "penalty"
    done = hummed.speechlrp("retrain", "--penalty", "1", settings=HUM)
    assert "augment.penalty is 1; it goes with a region" in one_line(done)


def test_the_direction_of_the_recordings_that_hum_is_taken_out_of_a_layer(hummed):
    ran(hummed, "retrain", "--project", "classifier.3")
    ran(hummed, "evaluate", "--weights", "clarc")
    before, after = (
        load_file(hummed.run / folder / "last.safetensors") for folder in ("train", "retrain/clarc")
    )
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"classifier.3.weight", "classifier.3.bias"}
    difference = before["classifier.3.weight"] - after["classifier.3.weight"]
    assert torch.linalg.matrix_rank(difference, rtol=1e-4) == 1
    done = hummed.speechlrp("retrain", "--project", "features", settings=HUM)
    assert "augment.project is features; it must be a linear layer" in one_line(done)


def test_a_sound_of_ones_own_goes_with_the_class(corpus, tmp_path, project_class, monkeypatch):
    (tmp_path / "own_sound.py").write_text(
        "def clipped(wave, rate, draw, *, level=0.5):\n    return wave.clamp(-level, level)\n"
        "def shorter(wave, rate, draw):\n    return wave[1:]\n"
    )
    monkeypatch.chdir(tmp_path)
    project = project_class(corpus, tmp_path / "outputs")
    settings = ("shortcut=own_sound:clipped", "shortcut.share=0.75", "+shortcut.level=0.01")
    done = project.speechlrp("preprocess", settings=settings)
    assert done.returncode == 0, done.stderr
    _, table = read(next(project.outputs.glob("*/preprocess/features.h5")))
    assert table.artefact.sum() == 12
    refused = project.speechlrp("preprocess", settings=("shortcut=own_sound:shorter",))
    assert "what shortcut.name names gives [" in one_line(refused)
