"""Devices and random numbers."""

import random

import forks
import numpy as np
import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.training.seeding import derive, device, seed_everything, tf32


def draw():
    return random.random(), np.random.random(), torch.rand(1).item()


def test_the_same_seed_gives_the_same_numbers():
    with seed_everything(5):
        one = draw()
    with seed_everything(5):
        assert draw() == one
    with seed_everything(6):
        other = draw()
    assert all(a != b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("fails", [False, True])
def test_outside_nothing_changes(fails):
    with seed_everything(1):
        expected = [draw(), draw()]
    with seed_everything(1):
        found = [draw()]
        try:
            with seed_everything(2):
                draw()
                if fails:
                    raise ValueError
        except ValueError:
            pass
        found.append(draw())
    assert found == expected


def test_derived_seeds_differ():
    seeds = {derive(s, epoch, stream) for s in range(5) for epoch in range(20) for stream in (0, 1)}
    assert len(seeds) == 200
    assert derive(3, 4, 1) == derive(3, 4, 1)


@pytest.mark.parametrize(
    ("present", "name", "kind"),
    [(0, "auto", "cpu"), (1, "auto", "cuda"), (1, "cpu", "cpu"), (2, "cuda:1", "cuda")],
)
def test_devices(monkeypatch, present, name, kind):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: present)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: present > 0)
    assert device(name).type == kind


@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_absent_cuda_is_said(monkeypatch, name):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(SpeechLRPError, match="finds 0 CUDA devices here; use device=cpu"):
        device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:x", ""])
def test_unknown_devices(name):
    with pytest.raises(SpeechLRPError, match="unknown device"):
        device(name)


@pytest.mark.parametrize("allowed", [True, False])
def test_short_factors_are_allowed_inside_alone(allowed):
    backends = torch.backends.cudnn, torch.backends.cuda.matmul
    before = [one.allow_tf32 for one in backends]
    with tf32(allowed):
        assert [one.allow_tf32 for one in backends] == [allowed, allowed]
    assert [one.allow_tf32 for one in backends] == before


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize(
    "setting", ["cuda.matmul.fp32_precision = 'tf32'", "cudnn.fp32_precision = 'ieee'"]
)
def test_torchs_newer_names_are_left_as_they_were(setting, allowed):
    code = f"""
import torch
from speechlrp.training.seeding import tf32
torch.backends.{setting}
flags = torch.backends.cudnn.conv, torch.backends.cudnn.rnn, torch.backends.cuda.matmul
before = [one.fp32_precision for one in flags]
with tf32({allowed}):
    print({{one.fp32_precision for one in flags}})
assert [one.fp32_precision for one in flags] == before
"""
    done = forks.run(code)
    assert (done.stdout.strip(), done.stderr) == (str({"tf32" if allowed else "ieee"}), "")
