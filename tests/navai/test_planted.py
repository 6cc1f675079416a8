"""A sound planted anywhere in the windows of a letter: found again, and sharp, if aligned."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from speechlrp.navai import ALIGNMENTS
from speechlrp.navai.alignment import named
from speechlrp.navai.average import Averages
from speechlrp.navai.frame_classes import Letters
from speechlrp.navai.frames import LetterFrames
from speechlrp.navai.pattern import patterns
from speechlrp.navai.specificity import specificity

BURST = torch.tensor([[0.0, 3.0], [0.0, 3.0], [0.0, 0.0], [0.0, 0.0]]).double()
TONE = torch.tensor([[0.0] * 2, [0.0] * 2, [2.0] * 2, [2.0] * 2]).double()
LETTERS = Letters({1: "t", 2: "a"})


class Listener(nn.Module):
    """Scores are how well the best moment of the window fits each sound; else silence."""

    receptive_field, stride = 21, 2

    def forward(self, x: Tensor) -> Tensor:
        fits = nn.functional.conv1d(x, torch.stack([BURST, TONE]))
        best = nn.functional.max_pool1d(fits, self.receptive_field - 1, self.stride)
        return torch.cat([torch.full_like(best[:, :1], 12.0), best], 1)


def utterance(seed: int) -> Tensor:
    """One sound in noise, seen by about ten windows."""
    generator = torch.Generator().manual_seed(seed)
    x = 0.3 * torch.randn(4, 60, generator=generator, dtype=torch.float64)
    x[:, 30:32] += (BURST, TONE)[seed % 2]
    return x


def averaged(seeds) -> Averages:
    model = Listener().eval()
    averages = Averages(LETTERS.names, [*ALIGNMENTS], 4, 21)
    stream = LetterFrames([(str(s), utterance(s)) for s in seeds], model, LETTERS, batch=64)
    for frames in stream:
        x = frames.windows.requires_grad_()
        score = model(x)[:, :, 0].gather(1, frames.symbols[:, None]).sum()
        (gradient,) = torch.autograd.grad(score, x)
        maps = {"sensitivity": gradient, "lrp": gradient * x.detach()}
        steps = {name: named(name).steps(maps, x) for name in ALIGNMENTS}
        averages.add(x, frames.classes, steps, frames.runs)
    assert averages.arrays["frames"].tolist() == stream.tally.counts.tolist()
    return averages


@pytest.fixture(scope="module")
def averages() -> Averages:
    return averaged(range(50)).absorb(averaged(range(50, 100)).state())


def test_aligned_patterns_are_the_planted_sounds(averages):
    found = patterns(averages, rate=0.01)
    sums = averages.arrays
    share = (sums["frames"][0] / sums["frames"].sum()).item()
    column = [*ALIGNMENTS].index("max-sens")
    middle = slice(10, 12)  # the key step and the one after it
    expected = (1 - share) * (BURST - TONE).numpy()
    got = found.pattern[0, column]
    # the burst is the second of its two steps, and the tone is as strong in its first
    assert abs(got[:, 10] - expected[:, 1]).max() < 0.2
    assert found.differs[0, column][:, 10].all()
    assert abs(found.mean[1, column][2:, middle] - 2).max() < 0.2
    assert averages.without.sum() == 0


def test_aligned_patterns_are_more_specific_than_unaligned_ones(averages):
    table = specificity(patterns(averages), averages, 8.0 * np.arange(-10, 11), within_s=0.04)[0]
    wide = table.pivot(index="class", columns="alignment", values="effective_ms")
    assert (wide["max-sens"] < 0.5 * wide["none"]).all()
    energy = table.pivot(index="class", columns="alignment", values="energy")
    assert (energy["max-sens"] > 2 * energy["none"]).all()
