"""A network of waveforms through all stages: its maps are of samples, or of time x frequency."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
import soundfile

import speechlrp
from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.relevance import Maps
from tests.stages.test_contract import one_line
from tests.toys.toy_project import TOY

SMALL = (
    *(s for s in TOY if not s.startswith(("features.", "model=", "trainer.epochs", "trainer.lr"))),
    "features=waveform", "features.rate=2000", "features.length=2000",
    "model=audionet", "model.length=2000", "model.channels=[8,8,8,8,8]", "model.dense=[16]",
    "model.init=he", "model.input_scale=5", "trainer.epochs=12", "trainer.lr=5e-3",
    "compare.examples=4", "compare.batch_size=4", "compare.sanity_steps=2",
    "+compare.settings.occlusion.patch=[8,8]", "+compare.settings.smoothgrad.samples=3",
    "+compare.settings.integrated_gradients.steps=4",
)  # fmt: skip
LONG = ("explainer.view=stft",)
STFT = (*LONG, "explainer.window_length=128", "explainer.hop=32")
BINS, FRAMES = 65, 64


@pytest.fixture(scope="module")
def seen(corpus, project_class, tmp_path_factory):
    """A trained network, its maps in both forms, flipped."""
    project = project_class(corpus, tmp_path_factory.mktemp("wave") / "outputs", SMALL)
    for verb in ("preprocess", "train", "evaluate"):
        done = project.speechlrp(verb)
        assert done.returncode == 0, done.stderr
    for verb in ("explain", "flip"):
        for settings in ((), STFT):
            done = project.speechlrp(verb, settings=settings)
            assert done.returncode == 0, done.stderr
    return project


def maps(project, name):
    with h5py.File(project.run / f"explain/train-{name}-test/relevance.h5") as file:
        axes = {axis: file[axis][:] for axis in ("frequency", "time")}
        return Maps(file)[:], file["output"][:], axes, read_table(file)


def test_recordings_are_stored_as_samples(seen):
    with h5py.File(seen.features / "features.h5") as file:
        assert file["features"].shape[1:] == (1, 2000)
        assert json.loads(file["features"].attrs["axes"]) == ["recording", "channel", "time"]
        assert "frequency" not in file
        row = 5
        start = round(read_table(file).onset_s[row] * 2000)
        assert not file["features"][row, 0, :start].any()
        assert file["train_mean"].shape == (1, 2000)


def test_the_network_learns_pitch_from_samples(seen):
    accuracy = json.loads((seen.run / "evaluate/train-test/evaluation.json").read_text())
    assert accuracy["accuracy"] > 0.8


def test_both_kinds_of_maps_share_out_the_same_relevance(seen):
    samples, output, axes, _ = maps(seen, "lrp")
    assert samples.shape == (8, 1, 1, 2000)
    assert axes["frequency"].tolist() == [500.0]
    assert axes["time"][1] == pytest.approx(1 / 2000)
    bins, again, axes, _ = maps(seen, "lrp_stft")
    assert bins.shape == (8, 1, BINS, FRAMES)
    assert axes["frequency"][-1] == 1000
    assert axes["time"][1] == pytest.approx(32 / 2000)
    np.testing.assert_allclose(again, output, atol=1e-4)
    totals = samples.sum((1, 2, 3)), bins.sum((1, 2, 3))
    np.testing.assert_allclose(*totals, rtol=1e-3, atol=1e-4 * np.abs(samples).sum())


def test_bands_are_of_time_and_frequency_alone(seen):
    folder = seen.run / "explain"
    regions = pd.read_csv(folder / "train-lrp-test/regions.csv")
    assert set(regions.region) == {"speech", "padding"}
    assert not (folder / "train-lrp-test/bands.png").exists()
    bands = pd.read_csv(folder / "train-lrp_stft-test/bands.csv")
    assert bands.groupby("class").positive_share.sum().to_numpy() == pytest.approx(1, abs=1e-4)
    assert (folder / "train-lrp_stft-test/heatmaps.png").stat().st_size > 5000


def test_flipped_bins_are_sounds_without_those_bins(seen):
    for name in ("lrp", "lrp_stft"):
        curve = pd.read_csv(seen.run / f"flip/train-{name}-test-table-zero-all/curve.csv")
        plain = curve[curve.bins == 0]
        half = curve[curve.percent.round() == 50].groupby("strategy").probability.mean()
        assert plain.accuracy.nunique() == 1
        assert half.lrp < half.lrp_rev


def test_all_explainers_are_compared_in_time_and_frequency(seen):
    done = seen.speechlrp("compare", settings=STFT)
    assert done.returncode == 0, done.stderr
    place = seen.run / "compare/train-test"
    with h5py.File(place / "maps/smoothgrad.h5") as file:
        assert file["relevance"].shape == (4, 1, BINS, FRAMES)
        assert (file["relevance"][:] >= 0).all()
    table = pd.read_csv(place / "explainers.csv").set_index("explainer")
    assert table.completeness_error_share["integrated_gradients"] < 0.2
    assert {"share_0_250_hz", "gini"} & set(pd.read_csv(place / "scores.csv").score)


def test_layers_are_made_random_behind_the_view(seen):
    settings = (*STFT, "compare.sanity=cascading", "compare.explainers=lrp")
    done = seen.speechlrp("compare", settings=settings)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(seen.run / "compare/train-test-cascading/sanity.csv")
    last = table[(table.score == "spearman") & (table.step == 2)]
    assert last["mean"].abs().max() < 0.9


def test_the_page_shows_the_view_that_is_asked_for(seen):
    for settings in ((), STFT):
        done = seen.speechlrp("report", settings=settings)
        assert done.returncode == 0, done.stderr
        page = (seen.run / "report/index.html").read_text()
        frequencies = page.split('"frequency":[')[1].split("]")[0].split(",")
        assert len(frequencies) == (BINS if settings else 1)


def test_bins_are_augmented_through_the_view(seen):
    for verb, settings in (("explain", ("subset=train",)), ("augment", ()), ("retrain", ())):
        done = seen.speechlrp(verb, settings=(*STFT, *settings))
        assert done.returncode == 0, done.stderr
    with (
        h5py.File(seen.run / "augment/mean/features.h5") as file,
        h5py.File(seen.features / "features.h5") as plain,
    ):
        rows = np.flatnonzero(read_table(plain).subset == "train")
        before, after = plain["features"][rows], file["features"][:]
        assert after.shape == before.shape
        changed = np.abs(after - before).max((1, 2))
        assert (changed > 1e-4).all()
        assert np.abs(after).max() < 2 * np.abs(before).max()


def test_a_missing_explanation_names_its_view(seen):
    line = one_line(seen.speechlrp("flip", settings=(*STFT, "subset=validate")))
    assert (
        "--subset validate explainer.view=stft explainer.window_length=128 explainer.hop=32" in line
    )


def test_a_file_is_explained_in_both_forms(seen, tmp_path):
    run = speechlrp.load(seen.run)
    relevance, _, _, table = maps(seen, "lrp_stft")
    row = table.iloc[2]
    answer = run.explain(row.path, target=run.classes[row.label], settings=STFT)
    # Near a maximum of two samples rounding decides who wins.
    assert np.corrcoef(answer.relevance.ravel(), relevance[2, 0].ravel())[0, 1] > 0.999
    samples = run.explain(row.path)
    assert samples.relevance.shape == (1, 2000)
    assert "Hz" not in samples.where
    for suffix in (".png", ".html", ".wav", ".csv", ".TextGrid", ".npz"):
        samples.save(tmp_path / f"samples{suffix}")
        answer.save(tmp_path / f"bins{suffix}")
    heard, _ = soundfile.read(tmp_path / "samples.wav")
    assert np.abs(heard).max() > 0.01


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("explainer.view=wavelet",), "unknown value of explainer.view 'wavelet'"),
        ((*LONG, "explainer.window_length=128", "explainer.hop=100"), "0 < 2 hop <= window_length"),
        ((*LONG, "explainer.window_length=4000"), "must be at most the 2000 samples"),
    ],
)
def test_a_view_that_cannot_be_is_one_line(seen, settings, words):
    assert words in one_line(seen.speechlrp("explain", settings=settings))


def test_spectrograms_have_their_own_axes(finished):
    line = one_line(finished.speechlrp("explain", settings=STFT))
    assert "features=spectrogram_db have frequencies of their own" in line
