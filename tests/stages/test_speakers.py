"""task=speaker through the real command line: windows of recordings, mixtures, trials."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
import soundfile

from speechlrp.pipeline.record import read_record

RATE = 16000
PITCHES = {"id10001": 100, "id10002": 140, "id10003": 190}
TOY = (
    "dataset=voxceleb", "task=speaker", "split=recordings", "split.min_recordings=5",
    "features=fbank", "features.length=4080", "features.segment_s=0.255",
    "features.min_segment_s=0.2", "features.bands=16", "features.train_from=audio",
    "model=resnet34_small", "model.bands=16", "model.channels=[4,6]", "model.blocks=[1,1]",
    "model.strides=[1,2]", "model.embedding=6", "trainer=speaker", "trainer.epochs=2",
    "trainer.batch_size=8", "device=cpu", "workers=1",
)  # fmt: skip


UNSEEN = (*(s for s in TOY if s != "trainer.epochs=2"), "trainer.epochs=1",
          "split.unseen=[id10003,id10004]")  # fmt: skip


def write_corpus(root) -> None:
    """Three speakers of ten recordings, and one with a single one."""
    rng = np.random.default_rng(0)
    for name, pitch in {**PITCHES, "id10004": 250}.items():
        for i in range(1 if name == "id10004" else 10):
            folder = root / "wav" / name / f"video{i}"
            folder.mkdir(parents=True)
            time = np.arange(round(RATE * rng.uniform(0.6, 1.0))) / RATE
            wave = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20))
            wave = 0.05 * wave + 0.001 * rng.normal(size=len(time))
            soundfile.write(folder / "00001.wav", wave, RATE)
    (root / "vox1_meta.csv").write_text(
        "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
        + "".join(f"{n}\tx\tm\tx\tdev\n" for n in [*PITCHES, "id10004"])
    )


def spoil(root) -> None:
    """One recording with a silent half, one that is shorter than a window."""
    place = root / "wav/id10001/video1/00001.wav"
    wave, _ = soundfile.read(place)
    soundfile.write(place, np.r_[wave[:8160], np.zeros(8160)], RATE)
    place = root / "wav/id10002/video1/00001.wav"
    wave, _ = soundfile.read(place)
    soundfile.write(place, wave[:3000], RATE)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speakers")
    write_corpus(folder / "voxceleb")
    spoil(folder / "voxceleb")
    return folder


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


@pytest.fixture(scope="module")
def apart(data, tmp_path_factory, project_class):
    """A network that has not seen one of four speakers, or two of them."""
    project = project_class(data, tmp_path_factory.mktemp("apart") / "outputs", UNSEEN)
    for verb in ("preprocess", "train"):
        done = project.speechlrp(verb)
        assert done.returncode == 0, done.stderr
    return project


def test_all_pairs_of_the_unseen_speakers_are_scored_and_listed(apart):
    done = apart.speechlrp("evaluate", settings=("evaluate.trials=all",))
    assert done.returncode == 0, done.stderr
    assert "11 recordings of unseen speakers: 55 pairs, see trials.txt" in done.stdout
    assert "the network was trained on" not in done.stdout
    folder = apart.run / "evaluate/train-test-all"
    scored = pd.read_csv(folder / "trials.csv")
    assert (len(scored), scored.same.sum()) == (55, 45)
    assert set(scored["first"].str[:7]) | set(scored["second"].str[:7]) == {"id10003", "id10004"}
    found = json.loads((folder / "verification.json").read_text())
    assert (found["speakers"], found["speakers_trained_on"]) == (2, 0)
    assert (folder / "det.png").read_bytes().startswith(b"\x89PNG")
    again = apart.speechlrp("evaluate", "--trials", str(folder / "trials.txt"))
    assert again.returncode == 0, again.stderr
    same = pd.read_csv(apart.run / "evaluate/train-test-trials/trials.csv")
    pd.testing.assert_frame_equal(same, scored)
    done = apart.speechlrp("evaluate", settings=("evaluate.trials=all",))
    assert "nothing to do" in done.stdout
    fewer = ("evaluate.trials=all", "evaluate.max_trials=16")
    done = apart.speechlrp("evaluate", settings=fewer)
    assert "running again" in done.stdout
    assert "16 pairs drawn from 55 (evaluate.max_trials)" in done.stdout
    assert pd.read_csv(folder / "trials.csv").same.sum() == 8


def test_without_unseen_speakers_the_subsets_recordings_are_paired(trained):
    project, _ = trained
    settings = ("mixing=synthesised", "evaluate.trials=all", "subset=validate")
    done = project.speechlrp("evaluate", settings=settings)
    assert done.returncode == 0, done.stderr
    assert "6 recordings of the split validate: 15 pairs, see trials.txt" in done.stdout
    assert "the network was trained on 3 of these 3 speakers" in done.stdout


def test_recordings_are_judged_by_all_their_segments(apart):
    assert apart.speechlrp("evaluate", settings=("subset=validate",)).returncode == 0
    folder = apart.run / "evaluate/train-validate"
    found = json.loads((folder / "evaluation.json").read_text())
    whole = pd.read_csv(folder / "per_recording.csv")
    about = pd.read_csv(apart.features / "recordings.csv")
    assert sorted(whole.source) == sorted(about[about.subset == "validate"].id)
    assert found["per_recording"]["n"] == len(whole) < found["n"]
    right = (whole.label == whole.prediction).sum()
    assert found["per_recording"]["correct"] == right
    assert found["per_recording"]["accuracy"] == pytest.approx(right / len(whole))


@pytest.mark.parametrize(("text", "message"), [
    (None, "there is no /"),
    ("", "holds no line"),
    ("1 id10003/video1/00001.wav", "line 1: expected 0|1 and 2 path(s), found '1 id1"),
    ("1 x/y/1.wav x/y/2.wav\n0 x/y/1.wav z/y/2.wav", "none of the 3 recordings of evaluate.trials"),
    ("1 id10003/video1/00001.wav id10003/video2/00001.wav", "1 of the 1 trials of evaluate.trials"),
    ("1 id10003/video1/00001.wav id10003/video2/00001.wav\n0 id10003/video1/00001.wav x/y/1.wav",
     "1 of the 1 trials of evaluate.trials="),
])  # fmt: skip
def test_trials_that_cannot_be_scored_are_one_line(apart, text, message, tmp_path):
    path = tmp_path / "list.txt"
    if text is not None:
        path.write_text(text)
    assert message in refused(apart, "evaluate", f"evaluate.trials={path}")
    assert not list(apart.run.glob("evaluate/train-test-list"))


def test_a_folder_is_no_list_of_trials(apart, tmp_path):
    line = refused(apart, "evaluate", f"evaluate.trials={tmp_path}")
    assert "is a folder; give a file such as" in line


def refused(project, verb, *settings) -> str:
    """The one line with which a command ends that cannot be done."""
    done = project.speechlrp(verb, settings=settings)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = [text for text in done.stderr.splitlines() if text.startswith("error: ")]
    return line


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
