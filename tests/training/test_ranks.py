"""Two processes take the steps of one with the double batch."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from speechlrp.training.ranks import Ranks, joined

SCRIPT = Path(__file__).with_name("two.py")
ROOT = SCRIPT.parents[2]


@pytest.fixture
def two():
    """The module `two.py`."""
    spec = importlib.util.spec_from_file_location("training_two", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_two_processes_take_the_steps_of_one_with_the_double_batch(two, tmp_path):
    two.write(tmp_path)
    alone = two.train(tmp_path, Ranks(), 4, "one")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(SCRIPT), str(tmp_path)], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    times = ["seconds", "model_seconds"]
    ours, other = (pd.read_csv(tmp_path / f"rank{rank}.csv").drop(columns=times) for rank in (0, 1))
    pd.testing.assert_frame_equal(ours, other)
    pd.testing.assert_frame_equal(ours, alone.drop(columns=times), rtol=1e-5)
    assert ours.too_short.tolist() == [1, 1, 1]
    one, both = (load_file(tmp_path / name / "last.safetensors") for name in ("one", "two"))
    start = two.network().state_dict()
    for name, value in one.items():
        torch.testing.assert_close(both[name], value, rtol=1e-4, atol=1e-6)
    assert any(not torch.allclose(value, start[name], atol=1e-3) for name, value in one.items())


def test_alone_nothing_is_exchanged(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    model = torch.nn.BatchNorm1d(2)
    with joined() as ranks:
        assert ranks == Ranks(0, 1)
        assert ranks.leader
        assert ranks.spread(model) is model
        assert ranks.total([1, 2.5]) == [1, 2.5]
        assert ranks.share("x") == "x"
        ranks.align(model)
    assert not torch.distributed.is_initialized()
