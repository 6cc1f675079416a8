"""The stage contract: skip, run again, go on, and fail in one line."""

import json
import re
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
import pytest

from speechlrp.pipeline.record import read_record

STAGES = {
    "preprocess": ("speechlrp.artifacts.shards:Shards.put", 1),
    "train": ("speechlrp.training.loop:_Run.validate_epoch", 3),
    "explain": ("speechlrp.artifacts.shards:Shards.put", 2),
    "flip": ("speechlrp.artifacts.shards:Shards.put", 2),
}

NEEDED = ("preprocess", "train", "explain/train-lrp-test")


def one_line(done, status=1):
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith(("error: ", "Error: "))
    return lines[-1]


def test_a_complete_stage_does_nothing_and_force_runs_it(copied):
    before = (copied.run / "train/stage.json").read_text()
    done = copied.speechlrp("train")
    assert "complete, nothing to do" in done.stdout
    assert (copied.run / "train/stage.json").read_text() == before
    assert "done in" in copied.speechlrp("evaluate", "--force").stdout


def test_augment_asks_for_its_space_before_it_writes(copied):
    little = "shutil._ntuple_diskusage(10**9, 10**9, 1000)"
    before = f"import shutil; shutil.disk_usage = lambda path: {little}\n"
    done = copied.speechlrp("augment", "--fill", "mean", "--force", before=before)
    assert re.search(r"needs about .* MB more, and its disk has 0.001 MB free", one_line(done))
    assert read_record(copied.run / "augment/mean").status == "complete"


NO_MODEL = {
    "a setting of no list": ("model.channels=8", "cannot be made of model.channels=8 .*TypeError"),
    "no filters": ("model.channels=[0,0,0,0,0]", "model alexnet_small|cannot be made|raises"),
    "more than whole": ("model.dropout=1.5", "cannot be made of .*model.dropout=1.5.*between 0"),
    "no number": ("model.dropout=nan", r"inputs of shape \[2, 1, 64, 64\] the network raises"),
    "a scale of words": ("model.input_scale=x", "model.input_scale is x; .* a finite number"),
    "kernels wider than the pictures": (
        "+model.kernels=[99,5,3,3,3]",
        "Kernel size can't be great",
    ),
}


def test_a_model_that_cannot_be_is_one_line_and_takes_no_name(taken):
    project = taken("preprocess")
    (made,) = project.outputs.iterdir()
    for setting, message in NO_MODEL.values():
        done = project.speechlrp("train", f"data_run={made.name}", "run=mine", setting)
        assert re.search(message, one_line(done)), done.stderr
    again = project.speechlrp("train", f"data_run={made.name}", "run=mine", "trainer.epochs=1")
    assert again.returncode == 0, again.stderr


def test_a_changed_setting_is_named_and_runs_again(copied):
    done = copied.speechlrp("explain", "explainer.start=one")
    assert "explainer.start was logit, is one" in done.stdout
    assert done.returncode == 0


@pytest.mark.parametrize("verb", ["flip", "augment", "listen"])
def test_a_setting_of_what_is_only_read_is_refused_where_it_says_something_else(finished, verb):
    """The curve would be called that of another explanation than it is."""
    all_of = {"flip": ("flipping.baseline=all",), "augment": ("augment.fill=zero",)}  # as it ran
    done = finished.speechlrp(verb, settings=("explainer.target=predicted",))
    subset = "train" if verb == "augment" else "test"
    assert (done.returncode, done.stdout) == (1, "")
    assert f"explain/train-lrp-{subset} was made with explainer.target=label" in done.stderr
    assert f"--subset {subset} " in done.stderr
    assert "explainer.target=predicted`, or leave that out" in done.stderr
    same = finished.speechlrp(verb, settings=("explainer.target=label", *all_of.get(verb, ())))
    assert "complete, nothing to do" in same.stdout, same.stderr


def test_a_run_of_classes_is_called_that_by_the_verbs_of_letters(copied):
    run = copied.run.rename(copied.outputs / "mine")
    bare = replace(copied, toy=())
    (run / "run.json").write_text(json.dumps({"name": "mine", "overrides": list(copied.toy)}))
    for verb in ("navai", "maximize"):
        done = bare.speechlrp(verb, "run=mine")
        assert f"{verb} is for task=letters" in done.stderr
        assert "this run's task is gender" in done.stderr


def test_a_changed_input_runs_again(copied):
    copied.speechlrp("explain", "--force", "explainer.start=one")
    done = copied.speechlrp("flip", "--baseline", "all")
    assert "relevance changed" in done.stdout


@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_the_middle_the_same_command_gives_the_same_result(
    stage, finished, taken, killing
):
    """`kill -9`, then the same command again, equals the run that was not interrupted."""
    target, calls = STAGES[stage]
    project = taken(*NEEDED[: list(STAGES).index(stage)])
    options = ["--baseline", "all"] if stage == "flip" else []
    slow = (
        "import speechlrp.stages.preprocess.classes as p; p.UNIT = 16\n"
        if stage == "preprocess"
        else ""
    )
    calls += stage == "preprocess"
    killed = project.speechlrp(stage, *options, before=slow + killing(target, calls))
    assert killed.returncode == -9
    (partial,) = project.outputs.rglob("*.partial")
    assert not partial.with_suffix("").exists()
    again = project.speechlrp(stage, *options, before=slow)
    assert again.returncode == 0, again.stderr
    assert "going on where it was interrupted" in again.stdout
    place = partial.with_suffix("")
    there = finished.outputs / place.relative_to(project.outputs)
    _same(place, there)


def _same(ours, theirs):
    compared = 0
    for path in sorted(ours.iterdir()):
        other = theirs / path.name
        if path.suffix == ".h5":
            with h5py.File(path) as a, h5py.File(other) as b:
                assert list(a) == list(b)
                for name in a:
                    if isinstance(a[name], h5py.Dataset):
                        np.testing.assert_array_equal(a[name][:], b[name][:])
            compared += 1
        elif path.name != "metrics.csv" and path.suffix in (".csv", ".safetensors"):
            assert path.read_bytes() == other.read_bytes(), path.name
            compared += 1
    assert compared


def test_units_of_another_size_are_not_gone_on_with(taken, killing):
    """What a killed flip left in batches of 4 is not taken for batches of 2."""
    project = taken(*NEEDED)
    killed = project.speechlrp("flip", before=killing("speechlrp.artifacts.shards:Shards.put", 2))
    assert killed.returncode == -9
    again = project.speechlrp("flip", settings=("flipping.batch_size=2",))
    assert "going on" not in again.stdout
    curve = pd.read_csv(next(project.run.glob("flip/*/curve.csv")))
    assert (curve.n == 8).all()


def test_a_missing_stage_names_its_command(project):
    line = one_line(project.speechlrp("train"))
    assert "make it with `speechlrp preprocess" in line
    assert "split.train=4" in line


def test_truncated_features_name_the_file_and_the_command(copied):
    path = copied.features / "features.h5"
    path.write_bytes(path.read_bytes()[:5000])
    line = one_line(copied.speechlrp("train"))
    assert str(path) in line
    assert "speechlrp preprocess" in line


def test_foreign_relevance_names_the_file_and_the_command(copied):
    path = copied.run / "explain/train-lrp-test/relevance.h5"
    path.unlink()
    with h5py.File(path, "w") as file:
        file["x"] = 1
    line = one_line(copied.speechlrp("flip", "--force"))
    assert str(path) in line
    assert "speechlrp explain" in line


def test_a_truncated_checkpoint_names_the_file_and_the_command(copied):
    path = copied.run / "train/last.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    line = one_line(copied.speechlrp("evaluate", "--force"))
    assert str(path) in line
    assert "speechlrp train" in line


def test_a_checkpoint_that_runs_code_is_refused(copied, tmp_path):
    import pickle

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    path = copied.run / "train/last.safetensors"
    path.write_bytes(pickle.dumps(Evil()))
    assert "refused" in one_line(copied.speechlrp("evaluate", "--force"))
    assert not (tmp_path / "ran").exists()


def test_outputs_that_cannot_be_written(project):
    project.outputs.parent.mkdir(exist_ok=True)
    project.outputs.write_text("a file where the folder should be")
    one_line(project.speechlrp("preprocess"))


def test_a_full_disk_leaves_what_was_there(copied):
    """Files are cut off at 100 kB, as on a full disk; the earlier artifacts stay."""
    limit = (
        "import resource, signal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
    )
    before = read_record(copied.features)
    line = one_line(copied.speechlrp("preprocess", "--force", before=limit))
    assert "File too large" in line or "cannot write" in line
    assert read_record(copied.features) == before
    with h5py.File(copied.features / "features.h5") as file:
        assert len(file["features"]) == 32


def test_recordings_that_cannot_be_used_are_listed_and_the_run_goes_on(project, corpus, tmp_path):
    project.data = tmp_path / "data"
    shutil.copytree(corpus, project.data)
    folder = project.data / "audiomnist/data/01"
    (folder / "0_01_0.wav").write_text("not audio")
    (folder / "1_01_0.wav").write_bytes((folder / "1_01_0.wav").read_bytes()[:2000])
    done = project.speechlrp("preprocess")
    assert done.returncode == 0, done.stderr
    record = read_record(project.features)
    assert record.notes["rejected"] == 2
    assert {entry["id"] for entry in record.notes["rejected_files"]} == {"0_01_0", "1_01_0"}
    assert "2 of 32 recordings left out" in done.stdout


def test_all_recordings_failing_is_an_error(project, corpus, tmp_path):
    project.data = tmp_path / "data"
    shutil.copytree(corpus, project.data)
    for path in project.data.rglob("*.wav"):
        path.write_text("not audio")
    assert "every recording was left out" in one_line(project.speechlrp("preprocess"))


def test_new_recordings_are_noticed(project, corpus, tmp_path):
    project.data = tmp_path / "data"
    shutil.copytree(corpus, project.data)
    project.speechlrp("preprocess")
    folder = project.data / "audiomnist/data/01"
    shutil.copy(folder / "0_01_0.wav", folder / "9_01_0.wav")
    assert "recordings changed" in project.speechlrp("preprocess").stdout


def test_an_unknown_label_lists_the_known(project):
    line = one_line(project.speechlrp("preprocess", "task.name=shoe_size"))
    assert "gender" in line
    assert "digit" in line


def test_members_of_a_sweep_lie_where_single_runs_lie(project):
    project.speechlrp("preprocess")
    assert project.speechlrp("train", "-m", "seed=1,2").returncode == 0
    assert "complete, nothing to do" in project.speechlrp("train", "seed=2").stdout


def test_the_made_name_of_a_run_finds_its_features(finished):
    bare = type(finished)(finished.data, finished.outputs, ("device=cpu", "workers=1"))
    assert finished.run != finished.features.parent
    done = bare.speechlrp("evaluate", f"run={finished.run.name}")
    assert done.returncode == 0, done.stderr
    assert "evaluate/train-test: complete, nothing to do" in done.stdout


def test_a_run_can_begin_and_end_anywhere(copied):
    done = copied.speechlrp("run", "--from", "explain", "--to", "flip")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "stage 1 of 2: explain"
    assert lines[1].startswith("explain/train-lrp-test: complete")
    assert "report" not in done.stdout


def test_the_record_says_what_was_read_and_how(finished):
    record = json.loads((finished.run / "train/stage.json").read_text())
    assert record["config"]["trainer.epochs"] == 3
    made = read_record(finished.features).outputs["features.h5"]
    assert record["inputs"]["features"].items() <= made.items()
