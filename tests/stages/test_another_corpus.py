"""A trained network on another corpus than its own: `--on`, and `split=all`."""

import csv
import json

import h5py
import numpy as np
import pandas as pd
import pytest
import soundfile

from speechlrp.pipeline.record import read_record

ON = "--on"


def one_line(done) -> str:
    assert done.returncode == 1, done.stdout
    (line,) = done.stderr.splitlines()
    return line


@pytest.fixture
def other(tmp_path, corpus):
    """A list of some of the toy recordings, by other speakers' names."""
    sounds = sorted((corpus / "audiomnist" / "data").glob("*/*.wav"))[:12]
    genders = ["male", "female"]
    rows = [
        {"path": str(p), "speaker": f"x{p.parent.name}", "gender": genders[int(p.parent.name) % 2]}
        for p in sounds
    ]
    return write(tmp_path / "other.csv", rows)


def write(path, rows):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def corpus_of(path):
    return (ON, "dataset=manifest", f"dataset.file={path}")


def asked(project, verb, *more):
    """Ask the finished run by its name, which is all that it needs."""
    bare = type(project)(project.data, project.outputs, ("device=cpu", "workers=1"))
    return bare.speechlrp(verb, f"run={project.run.name}", *more)


def place(project):
    (folder,) = (project.run / "on").iterdir()
    return folder


def test_evaluate_prepares_the_corpus_and_counts_all_of_it(copied, other):
    before = {p: p.read_bytes() for p in copied.run.rglob("stage.json")}
    done = asked(copied, "evaluate", *corpus_of(other))
    assert done.returncode == 0, done.stderr
    folder = place(copied)
    assert folder.name.startswith("manifest-")
    summary = json.loads((folder / "evaluate/train-test/evaluation.json").read_text())
    assert (summary["n"], summary["speakers"]) == (12, 3)
    record = read_record(folder / "evaluate/train-test")
    assert record.config["on"] == folder.name
    assert "--on dataset=manifest" in record.command
    assert read_record(folder / "preprocess").config["dataset.file"] == str(other)
    assert before == {p: p.read_bytes() for p in before}
    again = asked(copied, "evaluate", *corpus_of(other))
    assert again.stdout.count("complete, nothing to do") == 2


def test_what_is_not_its_own_is_the_networks(copied, other):
    assert asked(copied, "preprocess", *corpus_of(other)).returncode == 0
    with h5py.File(place(copied) / "preprocess/features.h5") as file:
        mean, classes = file["train_mean"][:], json.loads(file.attrs["classes"])
        subsets = set(file["table/subset"].asstr()[:])
    with h5py.File(copied.features / "features.h5") as file:
        assert np.array_equal(mean, file["train_mean"][:])
        assert classes == json.loads(file.attrs["classes"])
    assert subsets == {"test"}


def test_explain_flip_and_compare_follow(copied, other):
    line = one_line(asked(copied, "flip", *corpus_of(other)))
    assert "no " in line
    assert "speechlrp explain" in line
    assert "--on dataset=manifest" in line
    for verb, *more in (("explain",), ("flip", "--strategy", "lrp"),
                        ("compare", "--explainers", "random", "compare.examples=4")):  # fmt: skip
        done = asked(copied, verb, *more, *corpus_of(other))
        assert done.returncode == 0, done.stderr
    folder = place(copied)
    assert {p.name for p in folder.iterdir()} == {"preprocess", "explain", "flip", "compare"}
    assert pd.read_csv(next(folder.glob("flip/*/curve.csv"))).n.unique() == [12]


def test_another_split_and_its_subsets(copied, other):
    split = ("split=seeded", "split.train=0.4", "split.validate=0.3", "split.test=0.3",
             "split.balance=proportional", "split.unit=recording")  # fmt: skip
    done = asked(copied, "evaluate", "--subset", "validate", *corpus_of(other), *split)
    assert done.returncode == 0, done.stderr
    summary = place(copied) / "evaluate/train-validate/evaluation.json"
    assert json.loads(summary.read_text())["n"] == 4


def rows_with(other, **changed):
    table = pd.read_csv(other)
    return table.assign(**changed).to_dict(orient="records")


def test_what_cannot_fit_is_one_line(copied, other, tmp_path):
    without = write(tmp_path / "without.csv", [{"path": "a", "speaker": "b", "mood": "c"}])
    (tmp_path / "a").write_bytes(b"")
    assert "has a label 'gender'; labels there: mood" in one_line(
        asked(copied, "evaluate", *corpus_of(without))
    )
    low = tmp_path / "low.wav"
    soundfile.write(low, np.random.default_rng(1).normal(size=3000) / 9, 4000)
    rows = [{"path": str(low), "speaker": "x", "gender": "male"}]
    low = write(tmp_path / "low.csv", rows)
    line = one_line(asked(copied, "evaluate", *corpus_of(low)))
    assert "have 4000 Hz and end at 2000 Hz, but run" in line
    assert "hears up to 4000 Hz" in line
    line = one_line(asked(copied, "evaluate", *corpus_of(other), "features.bins=32"))
    assert "was made with features.bins=64, not features.bins=32" in line
    assert "--on needs another corpus" in one_line(asked(copied, "evaluate", ON))
    assert not (copied.run / "on").exists()


def test_classes_that_the_network_does_not_know(project, other, tmp_path):
    mood = write(tmp_path / "mood.csv", rows_with(other, mood=["calm", "glad"] * 6))
    own = ("dataset=manifest", f"dataset.file={mood}", "task.name=mood", "split.unit=recording",
           "split.balance=proportional", "split.train=0.5", "split.validate=0.25",
           "split.test=0.25", "trainer.epochs=1")  # fmt: skip
    for verb in ("preprocess", "train"):
        done = project.speechlrp(verb, "run=mood", settings=own)
        assert done.returncode == 0, done.stderr
    few = write(tmp_path / "few.csv", rows_with(other, mood="glad"))
    done = asked(project, "evaluate", *corpus_of(few))
    assert done.returncode == 0, done.stderr
    more = write(tmp_path / "more.csv", rows_with(other, mood=["calm", "sad"] * 6))
    line = one_line(asked(project, "evaluate", *corpus_of(more)))
    assert "mood sad in" in line
    assert "is not among task.classes: calm, glad" in line


def test_a_run_without_a_network(project, other):
    bare = type(project)(project.data, project.outputs, ())
    line = one_line(bare.speechlrp("evaluate", "run=none", *corpus_of(other)))
    assert "no model at" in line
    assert "train one with `speechlrp train run=" in line


def test_a_corpus_that_is_all_test(project):
    toy = tuple(s for s in project.toy if not s.startswith("split"))
    whole = type(project)(project.data, project.outputs, toy)
    done = whole.speechlrp("preprocess", "split=all")
    assert done.returncode == 0, done.stderr
    assert "nothing to train on" not in done.stdout
    with h5py.File(whole.features / "features.h5") as file:
        assert set(file["table/subset"].asstr()[:]) == {"test"}
        assert np.allclose(file["train_mean"][:], file["features"][:].mean(axis=0), atol=1e-4)
