"""Maps of other weights and of other classes, beside the map that is judged."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from speechlrp.explainers.base import NOTHING, Explainer
from speechlrp.explainers.sensitivity import GradientXInput, Sensitivity
from speechlrp.measures.scores import Asked, Maps
from speechlrp.measures.stability import randomised_logit, randomised_weights

FREQUENCY, TIME = np.arange(6.0), np.arange(7.0)


class Energy(Explainer):
    """What is loud, whatever the network and the class."""

    units, sums_to = "no unit", NOTHING

    def explain(self, model, inputs, target):
        return model(inputs), inputs.abs()


class TwoSided(nn.Module):
    """The second logit is the first with its sign turned."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(42, 1, bias=False)

    def forward(self, x):
        score = self.layer(x.flatten(1))
        return torch.cat([score, -score], 1)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return TwoSided().eval()


def _maps(explainer, model):
    inputs = torch.randn(5, 1, 6, 7, generator=torch.Generator().manual_seed(1))
    target = torch.tensor([0, 1, 0, 1, 0])
    relevance = explainer.explain(model, inputs, target)[1].detach()
    asked = Asked(explainer, model, inputs, target, relevance, "softmax")
    bare = relevance.sum(1).double().numpy()
    return Maps(bare, pd.DataFrame(index=range(5)), FREQUENCY, TIME, (0, 5), 1, asked)


def test_a_gradient_follows_the_weights_and_energy_does_not(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradient = randomised_weights(_maps(Sensitivity(), model))["randomised_weights"]
    assert gradient.shape == (5,)
    assert np.abs(gradient).max() < 0.5
    energy = randomised_weights(_maps(Energy(), model))["randomised_weights"]
    np.testing.assert_allclose(energy, 1)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_the_other_class_turns_a_gradient_and_not_energy(model):
    turned = randomised_logit(_maps(GradientXInput(), model))["randomised_logit"]
    np.testing.assert_allclose(turned, -1)
    np.testing.assert_allclose(randomised_logit(_maps(Energy(), model))["randomised_logit"], 1)
