"""task=speaker through the real command line: trials of a network that knows no unseen speaker."""

import json

import pandas as pd
import pytest
from toy_speakers import TOY, refused, spoilt_corpus

UNSEEN = (*(s for s in TOY if s != "trainer.epochs=2"), "trainer.epochs=1",
          "split.unseen=[id10003,id10004]")  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return spoilt_corpus(tmp_path_factory.mktemp("speakers"))


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


def test_what_is_odd_about_trials_is_said(apart, tmp_path):
    one, other = (f"id10003/video{video}/00001.wav" for video in (1, 2))
    third = "id10004/video0/00001.wav"
    rows = [(1, one, other), (1, other, one), (0, one, third), (1, other, third), (1, one, one)]
    (tmp_path / "odd.txt").write_text("\n".join(" ".join(map(str, row)) for row in rows))
    done = apart.speechlrp("evaluate", settings=(f"evaluate.trials={tmp_path}/odd.txt",))
    assert done.returncode == 0, done.stderr
    assert "1 trials repeat others" in done.stdout
    assert "1 trials say of their speakers what the corpus does not" in done.stdout
    assert "which are of id10003 and id10004" in done.stdout
    assert "1 of 5 trials left out" in done.stdout
    assert "(compared with itself)" in done.stdout


def test_a_folder_is_no_list_of_trials(apart, tmp_path):
    line = refused(apart, "evaluate", f"evaluate.trials={tmp_path}")
    assert "is a folder; give a file such as" in line
