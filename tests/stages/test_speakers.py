"""task=speaker through the real command line: windows of recordings, mixtures, trials."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
from toy_speakers import PITCHES, RATE, TOY, refused, spoilt_corpus

from speechlrp.pipeline.record import read_record


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return spoilt_corpus(tmp_path_factory.mktemp("speakers"))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory, project_class):
    project = project_class(data, tmp_path_factory.mktemp("run") / "outputs", TOY)
    said = []
    for verb in ("preprocess", "train"):
        done = project.speechlrp(verb, settings=("mixing=synthesised",) if verb == "train" else ())
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    return project, said


def test_training_recordings_are_listed_and_not_stored(trained):
    project, _ = trained
    about = pd.read_csv(project.features / "recordings.csv")
    assert about.subset.value_counts().to_dict() == {"train": 18, "validate": 6, "test": 6}
    with h5py.File(project.features / "features.h5") as file:
        kept = about[about.subset != "train"].segments.sum()
        assert file["features"].shape == (kept, 1, 16, 24)
        assert set(file["table/subset"].asstr()[:]) == {"validate", "test"}
        assert np.abs(file["train_mean"][:]).max() > 0.01
        assert json.loads(file.attrs["classes"]) == list(PITCHES)
    weights = json.loads((project.run / "train/best.json").read_text())
    assert weights["classes"] == list(PITCHES)


def test_the_mean_of_what_is_not_stored_is_the_same(trained, project_class, tmp_path):
    project, _ = trained
    stored = project_class(project.data, tmp_path / "outputs", TOY)
    assert stored.speechlrp("preprocess", settings=("features.train_from=features",)).stderr == ""
    with (
        h5py.File(project.features / "features.h5") as ours,
        h5py.File(stored.features / "features.h5") as other,
    ):
        np.testing.assert_allclose(ours["train_mean"][:], other["train_mean"][:], atol=1e-5)
        assert len(other["features"]) > len(ours["features"])


def test_what_is_left_out_is_counted_listed_and_said(trained):
    project, (said, _) = trained
    left = pd.read_csv(project.features / "left_out.csv")
    assert left.to_dict("records") == [
        {"class": "id10004", "recordings": 1, "reason": "not in the split"}
    ]
    assert "1 recordings of 1 speaker classes left out" in said
    about = pd.read_csv(project.features / "recordings.csv").set_index("id")
    assert about.quiet["id10001/video1/00001"] == 2
    assert about.padded_s["id10002/video1/00001"] == pytest.approx((4080 - 3000) / RATE)
    notes = read_record(project.features).notes
    assert notes["dropped_segments"] == about[["short", "quiet", "surplus"]].sum().to_dict()
    assert notes["padded_recordings"] == 1
    assert notes["apart"] == "recording"
    assert set(notes["examples"]) == {"train", "validate", "test"}
    assert "2 quiet" in said
    assert "1 recordings are shorter than a segment" in said


def test_unseen_speakers_are_kept_apart_listed_and_said(trained, project_class, tmp_path):
    project, _ = trained
    other = project_class(project.data, tmp_path / "outputs", TOY)
    done = other.speechlrp("preprocess", settings=("split.unseen=[id10002]",))
    assert done.returncode == 0, done.stderr
    assert "10 recordings of 1 unseen speakers kept for trials, see left_out.csv" in done.stdout
    left = pd.read_csv(other.features / "left_out.csv")
    assert left.to_dict("records") == [
        {"class": "id10002", "recordings": 10, "reason": "unseen speaker"},
        {"class": "id10004", "recordings": 1, "reason": "not in the split"},
    ]
    assert set(pd.read_csv(other.features / "recordings.csv").speaker) == {"id10001", "id10003"}
    with h5py.File(other.features / "features.h5") as file:
        assert json.loads(file.attrs["classes"]) == ["id10001", "id10003"]
    assert pd.read_csv(other.features / "rejected.csv").empty
    path = tmp_path / "veri.txt"
    path.write_text("0 id10003/video1/00001.wav id10004/video1/00001.wav")
    listed = (f"split.unseen={path}",)
    assert "10 recordings" not in (first := other.speechlrp("preprocess", settings=listed)).stdout
    assert "11 recordings of 2 unseen speakers" in first.stdout
    path.write_text("0 id10002/video1/00001.wav id10004/video1/00001.wav")
    assert "split.unseen changed; running again" in other.speechlrp(
        "preprocess", settings=listed
    ).stdout  # fmt: skip


def test_another_mixture_is_another_training(trained):
    project, _ = trained
    runs = [json.loads(p.read_text())["network"] for p in project.outputs.glob("*/run.json")]
    assert any(settings.get("mixing.name") == "synthesised" for settings in runs)
    done = project.speechlrp("train", settings=("mixing=synthesised",))
    assert "complete, nothing to do" in done.stdout


def test_trials_are_scored_and_what_is_missing_is_listed(trained, tmp_path):
    project, _ = trained
    about = pd.read_csv(project.features / "recordings.csv")
    test = about[about.subset == "test"].sort_values("id")
    lines = [
        f"{int(a.speaker == b.speaker)} {a.id}.wav {b.id}.wav"
        for i, a in enumerate(test.itertuples())
        for b in test.iloc[i + 1 :].itertuples()
    ]
    path = tmp_path / "veri-toy.txt"
    path.write_text("\n".join([*lines, f"0 {test.id.iloc[0]}.wav id19999/v/00001.wav"]))
    settings = ("mixing=synthesised", f"evaluate.trials={path}")
    done = project.speechlrp("evaluate", settings=settings)
    assert done.returncode == 0, done.stderr
    (folder,) = project.run.glob("evaluate/train-test-veri_toy.*")
    scored = pd.read_csv(folder / "trials.csv")
    assert len(scored) == 15
    assert scored.score.between(-1, 1).all()
    assert scored.same.sum() == 3
    found = json.loads((folder / "verification.json").read_text())
    assert found["trials"] == 15
    assert 0 <= found["equal_error_rate"] <= 1
    missing = pd.read_csv(folder / "trials_left_out.csv")
    assert missing[["recording", "reason"]].to_numpy().tolist() == [
        ["id19999/v/00001.wav", "not in the corpus"]
    ]
    assert "equal error rate" in done.stdout
    assert json.loads((folder / "evaluation.json").read_text())["n"] > 0


def test_without_unseen_speakers_the_subsets_recordings_are_paired(trained):
    project, _ = trained
    settings = ("mixing=synthesised", "evaluate.trials=all", "subset=validate")
    done = project.speechlrp("evaluate", settings=settings)
    assert done.returncode == 0, done.stderr
    assert "6 recordings of the split validate: 15 pairs, see trials.txt" in done.stdout
    assert "the network was trained on 3 of these 3 speakers" in done.stdout


def test_speeds_make_speakers_of_their_own_and_margins_are_trained(trained, project_class):
    project, _ = trained
    other = project_class(project.data, project.outputs, TOY)
    settings = (
        "model=resnet34_small_aam", "trainer=speaker_aam", "trainer.margin_warmup=3",
        "mixing=synthesised", "mixing.speeds=[0.9,1.1]", "mixing.speed_classes=true",
        "trainer.precision=bf16", "trainer.accumulate=2",
    )  # fmt: skip
    done = other.speechlrp("train", settings=settings)
    assert done.returncode == 0, done.stderr
    metas = [json.loads(p.read_text()) for p in project.outputs.glob("*/train/last.json")]
    assert [m["kwargs"]["extra_classes"] for m in metas if m["loss"] == "aam"] == [6]
    assert other.speechlrp("evaluate", settings=settings).returncode == 0
    assert other.speechlrp(
        "explain", "explainer=lrp_resnet_eps_gamma", settings=settings
    ).returncode == 0  # fmt: skip


def test_two_processes_explain_and_flip_as_one(trained):
    """Each does every second unit; what comes out is the same."""
    project, _ = trained
    settings = (
        "mixing=synthesised", "explainer=lrp_resnet_eps", "explainer.batch_size=2",
        "flipping.batch_size=2", "flipping.repeats=2", "flipping.grids.table.percent=[0,10,50]",
    )  # fmt: skip
    found = {}
    for ranks in (1, 2):
        for verb in ("explain", "flip"):
            done = (
                project.speechlrp(verb, settings=settings)
                if ranks == 1
                else project.speechlrp(verb, "--force", settings=settings, ranks=2)
            )
            assert done.returncode == 0, done.stderr
        (relevance,) = project.outputs.glob("*/explain/train-lrp_resnet_eps-test/relevance.h5")
        (curve,) = project.outputs.glob("*/flip/train-lrp_resnet_eps-test-*/curve.csv")
        with h5py.File(relevance) as file:
            arrays = {name: file[name][:] for name in ("relevance", "output")}
            found[ranks] = arrays, list(file["table/id"].asstr()[:]), curve.read_text()
        assert not list(project.outputs.rglob("*.partial"))
    for name, values in found[1][0].items():
        np.testing.assert_array_equal(values, found[2][0][name])
    assert found[1][1:] == found[2][1:]
    assert len(found[1][1]) > 4  # units of two


@pytest.mark.parametrize(("settings", "message"), [
    (("mixing=musan", "mixing.root=/nowhere"), "no music, noise or speech to mix in /nowhere"),
    (("mixing=synthesised", "mixing.rirs=/nowhere"), "no impulse responses"),
    (("mixing=synthesised", "mixing.noise_db=[5]"), "mixing.noise_db is [5]"),
    (("mixing=synthesised", "mixing.speed_classes=true"), "there are no mixing.speeds"),
    (("mixing=synthesised", "features.train_from=features"), "features.train_from=audio"),
    (("features.train_from=tape",), "features.train_from"),
    (("trainer=speaker_aam",), "use model=resnet34_aam"),
])  # fmt: skip
def test_what_cannot_be_is_one_line(trained, settings, message):
    project, _ = trained
    done = project.speechlrp("train", settings=settings)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: ")
    assert message in line


@pytest.mark.parametrize("inside", ["noise", "noise/free-sound"])
def test_an_empty_folder_of_noise_is_one_line(trained, tmp_path, inside):
    (tmp_path / inside).mkdir(parents=True)
    line = refused(trained[0], "train", "mixing=musan", f"mixing.root={tmp_path}")
    assert line.startswith(f"error: no music, noise or speech to mix in {tmp_path}: ")
    assert "speechlrp download musan" in line


@pytest.mark.parametrize("verb", ["augment", "retrain"])
def test_what_needs_stored_training_features_says_how_to_store_them(trained, verb):
    line = refused(trained[0], verb)
    assert line == (
        f"error: {verb} works on stored training features, and features.train_from=audio stores "
        "none; use features.train_from=features mixing=none, from preprocess on"
    )


def test_evaluate_runs_in_one_process(trained):
    done = trained[0].speechlrp("evaluate", settings=("mixing=synthesised",), ranks=2)
    assert done.returncode != 0
    assert "error: evaluate runs in one process; start it without torchrun" in done.stderr
