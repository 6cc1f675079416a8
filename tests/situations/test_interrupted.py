"""Commands that are killed, or meet another one, beside the stages: one row a situation.

A row: the command, and the file before whose appearance it is killed. What is right: the file is
what it was before, the same command then ends well, and nothing half written stays.
"""

import signal
import time

import forks
import pandas as pd
import pytest
from filelock import FileLock
from toy_project import COMMAND

DIES = """
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup, and a shell's &, ignore
signal.signal(signal.SIGINT, signal.default_int_handler)
replace = os.replace
def deadly(source, target):
    if os.path.basename(target) == {!r}:
        os.kill(os.getpid(), signal.{})
    replace(source, target)
os.replace = deadly
"""
SOUND, RUN = "audiomnist/data/01/0_01_0.wav", "{run}"
ASKED = ("explain", "{data}/" + SOUND, "--run", RUN)
INIT = ("init", "mine.csv", "--label", "kind", "--run", "emo")
SMALL = ("--speakers", "2", "--per-speaker", "2", "--workers", "1")
KILLED = {
    "a recording is explained": (ASKED, "0_01_0/relevance.npz"),
    "a network is exported": (("export", RUN, "kept"), "kept/README.md"),
    "a sweep is tabulated": (("table", "{name}", "--out", "t.csv"), "t.csv"),
    "a first experiment is written": (INIT, "conf/experiment/emo.yaml"),
    "it is written again": ((*INIT, "--force"), "conf/experiment/emo.yaml"),
}
TWICE = {
    "a recording is explained": (ASKED, "0_01_0"),
    "a network is exported": (("export", RUN, "kept"), "kept"),
    "a first experiment is written": (INIT, "conf/experiment/emo.yaml"),
    "a corpus is made": (
        ("synth", "planted_tone", "--out", "made", *SMALL),
        "made",
    ),
}


@pytest.fixture
def called(finished, tmp_path, monkeypatch):
    """Run a command of a table in an empty folder with a list; Python may go before it."""
    monkeypatch.chdir(tmp_path)
    sounds = sorted(str(path) for path in finished.data.rglob("*.wav"))
    table = {"path": sounds, "speaker": [p.split("/")[-2] for p in sounds]}
    kinds = ["ab"[i % 2] for i in range(len(sounds))]
    pd.DataFrame(table).assign(kind=kinds).to_csv("mine.csv", index=False)
    places = {"SPEECHLRP_OUTPUTS": str(finished.outputs)}
    run, name = str(finished.run), finished.run.name

    def call(words, before="", beside=False):
        words = [word.format(data=finished.data, run=run, name=name) for word in words]
        if beside:
            place = tmp_path / "said"
            place.with_suffix(".1").touch()
            return forks.start(COMMAND, *words, place=place, places=places), place.with_suffix(".1")
        return forks.run(f"{before}\n{COMMAND}", *words, places=places)

    return call


def hidden(folder):
    return [path for path in folder.rglob(".*") if path.name[0] == "."]


@pytest.mark.parametrize("name", KILLED)
def test_a_killed_command_leaves_no_half_file_and_is_given_again(called, tmp_path, name):
    words, file = KILLED[name]
    before = None
    if "--force" in words:
        assert called(words).returncode == 0
        (tmp_path / file).write_text("# mine\n" + (tmp_path / file).read_text())
        before = (tmp_path / file).read_text()
    killed = called(words, DIES.format(file.rpartition("/")[2], "SIGKILL"))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    left = (tmp_path / file).read_text() if (tmp_path / file).exists() else None
    assert left == before
    done = called(words)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / file).stat().st_size
    assert not hidden(tmp_path)
    if before:
        assert (tmp_path / file).with_suffix(".yaml.old").read_text() == before


@pytest.mark.parametrize("asked", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_command_that_is_asked_to_end_lets_go_of_all(called, tmp_path, asked):
    words, file = KILLED["a first experiment is written"]
    before = sorted(tmp_path.rglob("*"))
    ended = called(words, DIES.format(file.rpartition("/")[2], asked))
    assert ended.returncode == 128 + signal.Signals[asked]
    assert ended.stderr == "error: interrupted; the same command goes on from here\n"
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", TWICE)
def test_the_second_of_two_commands_waits(called, tmp_path, name):
    words, place = TWICE[name]
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        process, said = called(words, beside=True)
        while "waiting for" not in said.read_text():
            assert process.is_alive(), said.with_suffix(".2").read_text()
            time.sleep(0.01)
        assert not path.exists()
    process.join(100)
    assert process.exitcode == 0, said.with_suffix(".2").read_text()
    assert path.exists()
    assert not [p for p in hidden(tmp_path) if p.suffix == ".lock"]


def test_of_two_first_experiments_the_second_is_refused(called, tmp_path):
    assert called(INIT).returncode == 0
    mine = (tmp_path / "conf/experiment/emo.yaml").read_text()
    again = called(INIT)
    assert again.returncode == 1
    assert "emo.yaml is there already" in again.stderr
    assert (tmp_path / "conf/experiment/emo.yaml").read_text() == mine


def test_where_nothing_can_be_written_what_is_complete_is_read(finished, monkeypatch):
    def refused(*_, **__):  # a test that root runs may write everywhere
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(FileLock, "acquire", refused)
    done = finished.speechlrp("evaluate")
    assert (done.returncode, done.stderr) == (0, "")
    assert "complete, nothing to do" in done.stdout
