"""What a command finds in place of a terminal: one row a situation, and how it must end."""

import os
import subprocess
import sys

import forks
import pytest
from toy_project import COMMAND

CLOSED = """
import os, sys
for name in {!r}:
    os.close({{"stdin": 0, "stdout": 1, "stderr": 2}}[name])
    setattr(sys, name, None)
"""
"""What Python makes of a stream that was closed before it began."""
INTO = "import os\nos.dup2(os.open({!r}, os.O_WRONLY), {})\n"
LEFT = "import os\nends = os.pipe()\nos.dup2(ends[1], {})\nos.close(ends[0])\nos.close(ends[1])\n"
LIST, SHOWN, VERSION = ("list", "rules"), ("train", "--cfg", "job"), ("--version",)
WRONG, TOLD = ("train", "nope=1"), ("train", "--info")
FULL = "error: cannot read or write: No space left on device\n"
STREAMS = {
    "a list into a pipe that nobody reads": (LIST, LEFT.format(1), 0, ""),
    "settings into it": (SHOWN, LEFT.format(1), 0, ""),
    "what Hydra tells into it": (TOLD, LEFT.format(1), 0, ""),
    "help into it": (("--help",), LEFT.format(1), 0, ""),
    "the version into it": (VERSION, LEFT.format(1), 0, ""),
    "an error into it": (WRONG, LEFT.format(2), 1, ""),
    "a list onto a full disk": (LIST, INTO.format("/dev/full", 1), 1, FULL),
    "settings onto it": (SHOWN, INTO.format("/dev/full", 1), 1, FULL),
    "the version onto it": (VERSION, INTO.format("/dev/full", 1), 1, FULL),
    "an error onto it": (WRONG, INTO.format("/dev/full", 2), 1, ""),
    "settings where no output is": (SHOWN, CLOSED.format(["stdout"]), 0, ""),
    "an error where none is told": (WRONG, CLOSED.format(["stderr"]), 1, ""),
    "a list without any stream": (LIST, CLOSED.format(["stdin", "stdout", "stderr"]), 0, ""),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_command_ends_as_it_should(tmp_path, monkeypatch, name):
    words, before, status, wrong = STREAMS[name]
    monkeypatch.chdir(tmp_path)
    done = forks.run(f"{before}\n{COMMAND}", *words)
    assert (done.returncode, done.stderr) == (status, wrong)
    assert not list(tmp_path.iterdir())


OPENS = """
import os, sys
from speechlrp.cli import main
from speechlrp.cli.ending import asked_to_end
main.ending.asked_to_end = lambda: (os.write(os.open("first", os.O_RDWR | os.O_CREAT), b"."),
                                    print("said", flush=True), asked_to_end())[-1]
"""


def test_no_file_becomes_the_output_that_was_closed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = forks.run(f"{CLOSED.format(['stdout'])}\n{OPENS}\n{COMMAND}", *LIST)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "first").read_text() == "."


LOADED_ONCE = """
import sys
class Interrupted:
    asked = 0
    def find_spec(self, name, *_):
        if name == "torch":
            self.asked += 1
            assert self.asked == 1, "loaded again"
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
sys.argv[1:] = ["train", "run=x"]
"""


def test_an_interrupted_import_is_not_begun_again(tmp_path):
    """In Python of its own, where torch was not imported yet: to do so twice ends the process."""
    code = f"{LOADED_ONCE}\n{COMMAND}"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(forks.PROJECT)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "error: interrupted; the same command goes on from here\n"
    assert not list(tmp_path.iterdir())
