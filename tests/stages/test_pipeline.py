"""Every stage on a toy corpus, through the real command line."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.relevance import Maps
from speechlrp.audio.regions import with_gains
from speechlrp.data.explaining import order_of
from speechlrp.explainers.masks import most_relevant
from speechlrp.pipeline.record import read_record
from speechlrp.stages.explain import classes as explain


def test_every_stage_leaves_a_complete_record(finished):
    places = [p.parent for p in finished.outputs.rglob("stage.json")]
    stages = {read_record(place).stage for place in places}
    assert stages == {
        "preprocess", "train", "evaluate", "explain", "flip", "augment", "retrain", "report",
        "listen",
    }  # fmt: skip
    for place in places:
        record = read_record(place)
        assert record.status == "complete"
        assert record.command.startswith("speechlrp run")
        assert record.versions["torch"]
        assert record.outputs
        for name, facts in record.outputs.items():
            assert (place / name).stat().st_size == facts["size"]
    assert not list(finished.outputs.rglob("*.partial"))


def test_features_have_axes_units_and_a_table(finished):
    with h5py.File(finished.features / "features.h5") as file:
        assert file["features"].shape == (32, 1, 64, 64)
        assert file["features"].chunks == (1, 1, 64, 64)
        assert [d.label for d in file["features"].dims] == [
            "recording", "channel", "frequency", "time",
        ]  # fmt: skip
        assert file["features"].attrs["units"] == "dB re maximum"
        assert json.loads(file.attrs["classes"]) == ["male", "female"]
        table = read_table(file)
        train = (table.subset == "train").to_numpy()
        mean = file["features"][:][train].astype(float).mean(axis=0)
        np.testing.assert_allclose(file["train_mean"][:], mean, atol=1e-4)
    assert (table.groupby("speaker").subset.nunique() == 1).all()
    assert (table.groupby("subset").label.mean() == 0.5).all()


def test_relevance_belongs_to_its_order_and_output(finished):
    with h5py.File(finished.run / "explain/train-lrp-test/relevance.h5") as file:
        relevance = Maps(file)[:].reshape(8, -1)
        order = order_of(file, slice(None)).numpy()
        ranked = np.take_along_axis(relevance, order, axis=1)
        assert (np.diff(ranked, axis=1) <= 0).all()
        assert all(len(set(one)) == 64 * 64 for one in order)
        assert file["output"].shape == (8, 2)
        np.testing.assert_array_equal(file["target"][:], read_table(file).label)


def test_measured_from_a_reference_a_bin_at_the_reference_has_no_relevance(finished):
    place = finished.run / "explain/train-lrp_silence-test/relevance.h5"
    with h5py.File(place) as file, h5py.File(finished.features / "features.h5") as features:
        rows = np.flatnonzero(read_table(features).subset == "test")
        silent = features["features"][rows] == features.attrs["silence"]
        assert silent.any()
        assert not file["relevance"][:][silent].any()
        assert file["relevance"][:].any()


def test_flipping_agrees_with_the_evaluation_at_zero_bins(finished):
    curve = pd.read_csv(finished.run / "flip/train-lrp-test-table-all-all/curve.csv")
    found = json.loads((finished.run / "evaluate/train-test/evaluation.json").read_text())
    start = curve[curve.bins == 0]
    assert (start.accuracy == found["accuracy"]).all()
    assert set(curve.baseline) == {"zero", "silence", "mean"}
    assert curve[curve.strategy == "random"].repeat.nunique() == 2
    assert (curve.n == 8).all()


def test_all_bins_flipped_gives_the_answer_to_the_baseline(finished):
    curve = pd.read_csv(finished.run / "flip/train-lrp-test-full-zero-all/curve.csv")
    assert (curve[curve.percent == 100].accuracy == 0.5).all()


@pytest.mark.parametrize("fill", ["zero", "mean"])
def test_augmentation_changes_the_most_relevant_bins_alone(finished, fill):
    run = finished.run
    with (
        h5py.File(run / f"augment/{fill}/features.h5") as augmented,
        h5py.File(finished.features / "features.h5") as features,
        h5py.File(run / "explain/train-lrp-train/relevance.h5") as relevance,
    ):
        rows = np.flatnonzero(read_table(features).subset == "train")
        before = features["features"][rows].reshape(len(rows), -1)
        after = augmented["features"][:].reshape(len(rows), -1)
        bins = round(0.01 * before.shape[1])
        top = order_of(relevance, slice(None))[:, :bins].numpy()
        changed = np.zeros(before.shape, dtype=bool)
        np.put_along_axis(changed, top, True, axis=1)
        np.testing.assert_array_equal(after[~changed], before[~changed])
        if fill == "zero":
            assert not after[changed].any()
        else:
            moved = (after[changed] != before[changed]).mean()
            assert 0 < moved <= 1
            notes = read_record(run / "augment/mean").notes
            assert notes["changed_share"] == pytest.approx(moved)


def test_retraining_begins_with_the_trained_weights(finished):
    record = read_record(finished.run / "retrain/mean")
    weights = read_record(finished.run / "train").outputs["last.safetensors"]
    assert record.inputs["weights"]["sha256"] == weights["sha256"]
    meta = json.loads((finished.run / "retrain/mean/last.json").read_text())
    assert meta["repair"] == "mean"


def test_the_report_shows_what_there_is(finished):
    page = (finished.run / "report/index.html").read_text()
    for words in (
        "Accuracy in % of",
        "Accuracy in % when flipped by lrp",
        "Accuracy against the number of bins flipped",
        "over speakers says so with 95 % confidence",
        "What was found",
        "data-explorer",
        "LRP from silence",
        "Conservation of",
        "ZkxhQ",  # a sound, FLAC
    ):
        assert words in page
    tables = [p.name for p in (finished.run / "report/tables").iterdir()]
    assert any("accuracy-in-of" in name and "baseline-zero" in name for name in tables)


def test_the_explored_recordings_are_told_what_the_network_says_of_them_flipped(finished):
    folder = next(finished.run.glob("flip/train-lrp-test-table-*"))
    answers = pd.read_csv(folder / "answers.csv", dtype={"id": str})
    areas = pd.read_csv(folder / "areas.csv")
    with h5py.File(finished.run / "explain/train-lrp-test/relevance.h5") as file:
        table, probability = read_table(file), file["probability"][:]
    whole = answers[(answers.bins == 0) & (answers.baseline == "zero")].set_index("id")
    assert set(whole.index) == set(table.id)
    for row, one in table.iterrows():
        assert whole.probability[one.id] == pytest.approx(probability[row, one.label], rel=1e-4)
    assert set(areas.strategy) == {"lrp", "random", "lrp_rev"}


def test_shares_cover_all_relevance(finished):
    folder = finished.run / "explain/train-lrp-test"
    regions = pd.read_csv(folder / "regions.csv").set_index(["class", "region"])
    for name in ("male", "female"):
        both = regions.loc[[(name, "speech"), (name, "padding")]].sum()
        np.testing.assert_allclose(both, 1)


def test_conservation_is_told_of_the_shown(finished):
    folder = finished.run / "explain/train-lrp-test"
    table = pd.read_csv(folder / "conservation.csv")
    with h5py.File(folder / "relevance.h5") as file:
        output, target, held = file["output"][:], file["target"][:], read_table(file)
        rows = explain.pick(held, output.argmax(1), 2)
        found = Maps(file)[:][rows].sum(axis=(1, 2, 3)).mean()
    whole = table.iloc[-1]
    assert (whole.operation, whole.n) == ("all", len(rows))
    assert whole.received == pytest.approx(output[rows, target[rows]].mean(), rel=1e-4)
    assert whole.passed == pytest.approx(found, rel=1e-2)  # half precision
    lost = whole.received - whole.passed
    assert whole.bias + whole.stabiliser == pytest.approx(lost, rel=1e-3)


def test_what_speaks_for_a_class_is_heard_alone_and_asked_about(finished):
    folder = finished.run / "listen/train-lrp-test"
    index = pd.read_csv(folder / "sounds.csv", dtype={"place": str})
    assert set(index.what) == {"whole", "for", "against"}
    with h5py.File(finished.run / "explain/train-lrp-test/relevance.h5") as file:
        table, probability, target = read_table(file), file["probability"][:], file["target"][:]
        relevance, axes = Maps(file)[:], [file["frequency"][:], file["time"][:]]
    assert index.place.nunique() == len(table)  # fewer than listen.examples
    by_what = index.set_index(["place", "what"])
    for row, one in table.iterrows():
        whole = by_what.loc[one.source, "whole"]
        expected = probability[row]
        assert whole.score == pytest.approx(expected[target[row]], abs=0.02)
        assert whole.letter == ["male", "female"][target[row]]
    one, samples = table.iloc[0], {}
    for what in ("whole", "for", "against"):
        samples[what], rate = soundfile.read(
            folder / by_what.file[one.source, what], dtype="float32"
        )
        assert np.abs(samples[what]).max() == pytest.approx(0.5, abs=1e-3)
    assert len(samples["whole"]) == round(one.duration_s * rate)
    axes[1] -= one.onset_s
    for what, sign in (("for", 1), ("against", -1)):
        strength = sign * relevance[0, 0]
        gains = np.where(most_relevant(strength, 0.1), 1, 10 ** (-30 / 20))
        expected = with_gains(torch.from_numpy(samples["whole"]), rate, gains, *axes).numpy()
        expected *= 0.5 / np.abs(expected).max()
        np.testing.assert_allclose(samples[what], expected, atol=1e-3)
