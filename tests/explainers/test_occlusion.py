"""Occlusion against a naive loop."""

import numpy as np
import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.occlusion import Occlusion
from tests.explainers import nets

TARGET = torch.tensor([2, 0, 1, 1])


@pytest.fixture
def inputs(generator):
    return torch.randn(4, 1, 8, 9, generator=generator, dtype=torch.float64)


def _naive(quantity, x, patch, stride, base):
    """The mean over the patches that cover a bin, one example and patch at a time."""
    found, covered = torch.zeros_like(x), torch.zeros_like(x)
    starts = []
    for length, size, step in zip(x.shape[-2:], patch, stride, strict=True):
        places = [0]
        while places[-1] + size < length:
            places.append(places[-1] + step)
        starts.append(places)
    for i in range(len(x)):
        for row in starts[0]:
            for column in starts[1]:
                without = x[i : i + 1].clone()
                place = (..., slice(row, row + patch[0]), slice(column, column + patch[1]))
                without[place] = base[place]
                lost = quantity(x[i : i + 1].clone(), i) - quantity(without, i)
                found[i : i + 1][place] += lost
                covered[i : i + 1][place] += 1
    return found / covered


@pytest.mark.parametrize(
    ("patch", "stride"),
    [((3, 2), None), ((3, 4), (2, 1)), ((8, 9), None), ((5, 5), (5, 3)), ((1, 1), (1, 1))],
)
@pytest.mark.parametrize("start", ["logit", "softmax"])
def test_against_a_naive_loop(patch, stride, start, inputs):
    model, base = nets.piecewise(bias=True), torch.linspace(-1, 1, 9).double().expand(1, 8, 9)
    ends = nn.Softmax(dim=1) if start == "softmax" else nn.Identity()

    def quantity(one, i):
        with torch.no_grad():
            return ends(model(one))[0, TARGET[i]]

    wanted = _naive(quantity, inputs, patch, stride or patch, base)
    for size in (1, 10, 1000):
        explainer = Occlusion(patch, stride, base, start, pass_size=size)
        output, found = explainer.explain(model, inputs, TARGET)
        torch.testing.assert_close(found, wanted)
        assert torch.equal(output, model(inputs.clone()).detach())


def test_of_a_linear_model_a_bin_is_its_weight_times_its_change(generator):
    model = nets.linear()
    x = torch.randn(4, 1, 4, 5, generator=generator).double()
    weights = model[1].weight[TARGET].view_as(x).detach()
    found = Occlusion((1, 1), baseline=0.25).explain(model, x, TARGET)[1]
    torch.testing.assert_close(found, weights * (x - 0.25))


def test_channels_go_together_and_bands_may_be_channels(generator):
    model = nets.sequence()
    x = torch.randn(2, 6, 10, generator=generator).double()
    found = Occlusion((6, 10)).explain(model, x, lambda z: z[:, 3, 2])[1]
    with torch.no_grad():
        lost = model(x)[:, 3, 2] - model(torch.zeros_like(x))[:, 3, 2]
    torch.testing.assert_close(found, lost[:, None, None].expand_as(x))
    several = nn.Sequential(nn.Flatten(), nn.Linear(24, 2)).double().eval()
    y = torch.randn(2, 2, 3, 4, generator=generator).double()
    found = Occlusion((3, 4)).explain(several, y, torch.tensor([0, 1]))[1]
    assert found.shape == y.shape
    assert torch.equal(found[:, 0], found[:, 1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"patch": (3,)}, r"explainer.patch must be .*found \(3,\)"),
        ({"patch": [3, 0]}, r"explainer.patch must be .*found \[3, 0\]"),
        ({"patch": 0}, "explainer.patch must be .*found 0"),
        ({"patch": True}, "explainer.patch must be .*found True"),
        ({"patch": "16"}, "explainer.patch must be .*found '16'"),
        ({"patch": (8.5, 2)}, r"explainer.patch must be .*found \(8.5, 2\)"),
        ({"patch": {"high": 3}}, "explainer.patch must be .*found {'high': 3}"),
        ({"stride": None, "patch": None}, "explainer.patch must be .*found None"),
        ({"patch": (3, 2), "stride": (3, 3)}, r"stride \[3, 3\] goes beyond the patch \[3, 2\]"),
        ({"start": "one"}, "unknown value of explainer.start 'one'"),
        ({"pass_size": 0}, "pass_size is 0; it must be at least 1"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings, message):
    with pytest.raises(SpeechLRPError, match=message):
        Occlusion(**settings)


@pytest.mark.parametrize("shape", [(2, 1, 8, 2), (2, 7, 9), (2, 20)])
def test_inputs_smaller_than_a_patch_are_refused(shape):
    model = nn.Flatten().eval()
    with pytest.raises(SpeechLRPError, match=r"patch \[8, 3\] does not fit inputs of shape"):
        Occlusion((8, 3)).explain(model, torch.zeros(shape), torch.tensor([0, 1]))


def test_one_number_is_a_square(inputs):
    model = nets.piecewise(bias=True)
    square = Occlusion((4, 4), (2, 2)).explain(model, inputs, TARGET)[1]
    assert torch.equal(Occlusion(4, 2).explain(model, inputs, TARGET)[1], square)
    numpys = Occlusion(np.array([4, 4]), np.int64(2))
    assert torch.equal(numpys.explain(model, inputs, TARGET)[1], square)
