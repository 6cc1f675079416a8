"""A user's own architecture finds torchaudio importable, whatever it imports it through."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
OWN = """
import torchaudio
import torch
from torch import nn

def make(classes):
    print("made")
    return nn.Sequential(nn.Flatten(), nn.Linear(6, classes))
"""
ASK = """
from speechlrp.training.description import architecture
model = {call}
print(type(model).__name__, model[1].out_features)
"""


@pytest.mark.parametrize(
    "call",
    [
        "architecture('own_torchaudio_1:make')(classes=3)",
        "architecture('custom')(classes=3, factory='own_torchaudio_1:make')",
    ],
)
def test_torchaudio_can_be_imported_from_a_users_module(tmp_path, call):
    (tmp_path / "own_torchaudio_1.py").write_text(OWN)
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(call=call)], cwd=tmp_path, text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)}, capture_output=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["made", "Sequential 3"], done.stderr
