"""`speechlrp explain FILE --run NAME`: a line each, and figures and files below its name."""

import shutil

import pytest

from tests.stages.test_contract import one_line

WRITTEN = {"index.html", "relevance.png", "relevance.npz", "relevant.wav", "relevance.TextGrid"}


@pytest.fixture
def asked(finished, tmp_path, monkeypatch):
    """Ask the finished run from a folder with two recordings."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.wav", "b=1.wav"):
        shutil.copy(finished.data / "audiomnist/data/01/0_01_0.wav", tmp_path / name)

    def ask(*words):
        project = type(finished)(finished.data, finished.outputs, toy=())
        return project.speechlrp("explain", *words)

    return ask


def test_files_are_answered_a_line_each(asked, finished, tmp_path):
    done = asked("a.wav", "b=1.wav", "--run", str(finished.run), "--target", "female")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert [line.split(":")[0] for line in lines] == ["a.wav", "b=1.wav"]
    assert all("female" in line and " Hz" in line for line in lines)
    for folder in ("a", "b=1"):
        assert {path.name for path in (tmp_path / folder).iterdir()} == WRITTEN


def test_one_bad_file_does_not_stop_the_others(asked, finished, tmp_path):
    (tmp_path / "bad.wav").write_text("not audio")
    done = asked("bad.wav", "a.wav", "--run", str(finished.run))
    assert "bad.wav: " in one_line(done)
    assert (tmp_path / "a/index.html").exists()
    assert not (tmp_path / "bad").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("a.wav",), "which run is to be asked"),
        (("a.wav", "--run", "nowhere"), "there is no run nowhere"),
        (("a.wav", "trainer.lr=1", "--run", "x"), "trainer.lr=1 is neither a recording nor"),
        (("a.wav", "c.wav", "--run", "x"), "there is no recording c.wav"),
        (("c.wav", "--run", "x"), "there is no recording c.wav"),
        ((".", "--run", "x"), ". is a folder; name the recordings in it, as ./*.wav"),
        (("a.wav", "--subset", "train", "--run", "x"), "--subset is for a subset of the run's"),
        (("a.wav", "-m", "--run", "x"), "give the command once for each"),
        (("a.wav", "--checkpoint", "best", "--run", "x"), "--checkpoint is for a subset"),
        (("a.wav", "explainer.examples=3", "--run", "x"), "explainer.examples is about a subset"),
        (("a.wav", "b=1.wav", "--pair", "--target", "male", "--run", "x"), "leave one out"),
    ],
)
def test_what_cannot_be_asked_is_one_line(asked, words, message):
    assert message in one_line(asked(*words))


@pytest.mark.parametrize("setting", ["explainer.hop=64", "explainer.window_length=256"])
def test_a_window_of_no_view_is_refused(asked, finished, tmp_path, setting):
    line = one_line(asked("a.wav", setting, "--run", str(finished.run)))
    assert f"{setting} is about explainer.view=stft, without which it changes nothing" in line
    assert not (tmp_path / "a").exists()


def test_options_for_recordings_need_some(asked, finished):
    line = one_line(asked("--run", str(finished.run), "--target", "male"), 2)
    assert "--target goes with recordings that are named" in line


def test_pairs_are_two_recordings_of_a_network_with_embeddings(asked, finished):
    run = ("--run", str(finished.run), "--pair")
    assert "--pair compares two recordings; 1 are named" in one_line(asked("a.wav", *run))
    assert "has no embeddings" in one_line(asked("a.wav", "b=1.wav", *run))


def test_recordings_of_one_name_have_folders_of_their_own(asked, finished, tmp_path):
    others = [f"{who}/{day}/a.wav" for who in ("x", "y") for day in ("mo", "tu")]
    for path in others:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "a.wav", tmp_path / path)
    done = asked(*others, "b=1.wav", "--run", str(finished.run), "--out", "out")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"b=1", *(f"{p.replace('/', '_')}.explained" for p in others)}
