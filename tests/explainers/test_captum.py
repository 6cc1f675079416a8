"""The explainers against captum's, where it is installed."""

import pytest
import torch
from torch import nn

from speechlrp.explainers.integrated_gradients import IntegratedGradients
from speechlrp.explainers.occlusion import Occlusion
from speechlrp.explainers.sensitivity import Sensitivity
from tests.explainers import nets

TARGET = torch.tensor([2, 0, 1, 1])


@pytest.fixture(scope="module")
def captum():
    return pytest.importorskip("captum.attr", reason="needs captum: pip install captum")


@pytest.fixture
def model():
    """Not in place from its first layer on: captum cannot explain that."""
    return nn.Sequential(nn.Softplus(), *nets.piecewise(bias=True)[1:]).eval()


@pytest.fixture
def inputs(generator):
    return torch.randn(4, 1, 8, 9, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("midpoint", "riemann_middle"), ("gauss", "gausslegendre")]
)
def test_integrated_gradients(captum, model, inputs, ours, theirs):
    base = torch.full_like(inputs, 0.3)
    found = IntegratedGradients(9, base[:1], ours).explain(model, inputs, TARGET)[1]
    peer = captum.IntegratedGradients(model)
    wanted = peer.attribute(inputs, base, TARGET, n_steps=9, method=theirs)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-7)  # its weights are float32


@pytest.mark.parametrize(("patch", "stride"), [((3, 2), (3, 2)), ((3, 4), (2, 1))])
def test_occlusion(captum, model, inputs, patch, stride):
    found = Occlusion(patch, stride, 0.3).explain(model, inputs, TARGET)[1]
    wanted = captum.Occlusion(model).attribute(
        inputs, (1, *patch), strides=(1, *stride), baselines=0.3, target=TARGET
    )
    torch.testing.assert_close(found.float(), wanted)  # float32 whatever the inputs


def test_sensitivity(captum, model, inputs):
    found = Sensitivity("absolute").explain(model, inputs, TARGET)[1]
    given = inputs.clone().requires_grad_()
    torch.testing.assert_close(found, captum.Saliency(model).attribute(given, target=TARGET))
