"""What a stage says, to readers of every kind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from speechlrp.pipeline.progress import duration

ROOT = Path(__file__).resolve().parents[2]
CODE = """
from speechlrp.pipeline.progress import say
for number in range(2000):
    say(f"{number} \\u00e4\\u97f3 " + "x" * 100)
import sys
print("went on to the end", file=sys.stderr)
"""


def run(command, **more):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    return subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, text=True, check=False
    )


def test_a_reader_that_is_gone_does_not_stop_the_work(tmp_path):
    (tmp_path / "speaking.py").write_text(CODE)
    done = run(f"set -o pipefail; {sys.executable} {tmp_path}/speaking.py | head -1")
    assert done.stdout.startswith("0 ")
    assert done.stderr == "went on to the end\n"
    assert done.returncode == 0


def test_a_reader_of_ascii_gets_escapes(tmp_path):
    (tmp_path / "speaking.py").write_text(CODE)
    done = run(f"{sys.executable} {tmp_path}/speaking.py", PYTHONIOENCODING="ascii")
    assert done.stdout.startswith("0 \\xe4\\u97f3 ")
    assert done.stderr == "went on to the end\n"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (245.4, "4 min 5 s"), (3599.7, "1 h 0 min"),
     (7384, "2 h 3 min")],
)  # fmt: skip
def test_a_duration_is_in_the_units_that_one_thinks_in(seconds, words):
    assert duration(seconds) == words
