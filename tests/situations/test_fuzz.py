"""A short run of the fuzzer: files of every kind, damaged in ways drawn by a seed."""

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_damaged_files_of_every_kind_are_read_or_said_in_one_line() -> None:
    command = [sys.executable, "scripts/fuzz_files.py", "--cases", "200", "--seed", "4"]
    done = subprocess.run(
        command, cwd=PROJECT, env=os.environ | {"PYTHONPATH": str(PROJECT)}, text=True,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "one line" in done.stdout
