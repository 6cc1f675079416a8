"""What an explainer promises is what its numbers add up to."""

import pytest
import torch
from torch import nn

from speechlrp.explainers.gradient_x_input import GradientXInput
from speechlrp.explainers.integrated_gradients import IntegratedGradients
from speechlrp.explainers.lrp import LRP
from speechlrp.explainers.meaning import meaning
from speechlrp.explainers.occlusion import Occlusion
from speechlrp.explainers.random import Random
from speechlrp.explainers.sensitivity import Sensitivity
from speechlrp.explainers.smoothgrad import SmoothGrad

TARGET = torch.tensor([0, 2, 1])


def _net(bias: bool) -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Linear(6, 8, bias=bias), nn.ReLU(), nn.Linear(8, 4, bias=bias)
    return nn.Sequential(*layers).double().eval()


def _inputs() -> torch.Tensor:
    return torch.randn(3, 6, generator=torch.Generator().manual_seed(1)).double()


ZERO = [{"layers": "Linear", "rule": "zero"}]


@pytest.mark.parametrize(
    ("explainer", "bias"),
    [
        (GradientXInput(), False),
        (LRP(ZERO), False),
        (LRP(ZERO, start="softmax"), False),
        (LRP(ZERO, start="one"), False),
        (IntegratedGradients(steps=4000), True),
        (IntegratedGradients(steps=4000, start="softmax"), True),
    ],
)
def test_relevance_adds_up_to_what_is_promised(explainer, bias):
    model, inputs = _net(bias), _inputs()
    output, relevance = explainer.explain(model, inputs, TARGET)
    empty = model(torch.zeros(1, 6).double())
    promised = meaning(explainer).promised(output, TARGET, empty)
    torch.testing.assert_close(relevance.sum(1), promised.detach(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("explainer", "units"),
    [
        (Sensitivity(), "logit per unit of the input"),
        (Sensitivity("square", "softmax"), "squared, probability per unit of the input"),
        (SmoothGrad(), "logit per unit of the input"),
        (Occlusion(), "logit"),
        (Random(), "no unit"),
        (LRP(preset="navai"), "share of the largest"),
        (LRP(preset="navai", preset_options={"scale": False}), "logit"),
    ],
)
def test_where_nothing_is_promised(explainer, units):
    found = meaning(explainer)
    assert found.units == units
    assert found.promised(torch.ones(3, 4), TARGET, torch.ones(1, 4)) is None
