"""The LRP explainer: from a configuration's mappings to the engine."""

import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers import EXPLAINERS
from speechlrp.explainers.lrp import LRP

RULES = [{"layers": "Linear", "rule": "zero"}, {"layers": "Conv2d", "rule": "epsilon", "eps": 0.3}]


@pytest.fixture
def model():
    torch.manual_seed(5)
    network = nn.Sequential(nn.Conv2d(1, 3, 4), nn.Flatten(), nn.ReLU(), nn.Linear(3, 2))
    return network.double().eval()


def test_the_table_holds_it():
    assert EXPLAINERS["lrp"] is LRP


def test_the_rules_go_to_their_layers(model, generator):
    """Against T's equations written out: zero in the dense layer, epsilon before it."""
    x = torch.randn(4, 1, 4, 4, generator=generator, dtype=torch.float64)
    target = torch.tensor([0, 1, 1, 0])
    output, relevance = LRP(RULES).explain(model, x, target)
    W, b = model[0].weight.flatten(1), model[0].bias
    V, d = model[3].weight, model[3].bias
    for one, k, out, found in zip(x.flatten(1), target, output, relevance.flatten(1), strict=True):
        z = W @ one + b
        hidden = z.clamp(min=0)
        assert torch.allclose(out, V @ hidden + d)
        top = hidden * V[k] / (hidden @ V[k] + d[k]) * out[k]
        share = W * one / (z + 0.3 * torch.where(z >= 0, 1.0, -1.0))[:, None]
        torch.testing.assert_close(found, (share * top[:, None]).sum(0))


def test_the_first_rule_that_matches_wins(model, generator):
    x = torch.randn(2, 1, 4, 4, generator=generator, dtype=torch.float64)
    target = torch.tensor([0, 1])
    first = [{"layers": "Conv2d", "rule": "zero"}, *RULES]
    zero = [RULES[0], {"layers": "Conv2d", "rule": "zero"}]
    found = LRP(first).explain(model, x, target)[1]
    assert torch.equal(found, LRP(zero).explain(model, x, target)[1])
    assert not torch.allclose(found, LRP(RULES).explain(model, x, target)[1])


def test_the_start_is_handed_on(model, generator):
    x = torch.randn(2, 1, 4, 4, generator=generator, dtype=torch.float64)
    target = torch.tensor([0, 1])
    output, logit = LRP(RULES).explain(model, x, target)
    _, one = LRP(RULES, start="one").explain(model, x, target)
    chosen = output.gather(1, target[:, None])[:, :, None, None]
    torch.testing.assert_close(one * chosen, logit)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([{"layers": "Linaer", "rule": "zero"}], "torch.nn has no layer 'Linaer'"),
        ([{"layers": "functional", "rule": "zero"}], "torch.nn has no layer 'functional'"),
        ([{"layers": "Parameter", "rule": "zero"}], "torch.nn has no layer 'Parameter'"),
        ([{"layers": 3, "rule": "zero"}], "torch.nn has no layer 3"),
        ([{"layers": "Linear", "rule": "epsilom", "eps": 1}], "'epsilom'.*Did you mean 'epsilon'"),
        ([{"layers": "Linear", "rule": "epsilon", "epsilon": 1}], "rule epsilon: .*'epsilon'"),
        ([{"layers": "Linear", "rule": "epsilon"}], "rule epsilon: .*'eps'"),
        ([{"layers": "Linear", "rule": "epsilon", "eps": -1}], "rule epsilon: .*above 0; found -1"),
        ([{"layers": "Linear", "rule": "zero", "eps": 1}], "rule zero: "),
        ([{"layers": "Linear"}], "no `rule` in {'layers': 'Linear'}"),
        ([{"rule": "zero"}], "no `layers` in {'rule': 'zero'}"),
    ],
)
def test_what_the_rules_cannot_mean_is_refused(rules, message):
    with pytest.raises(SpeechLRPError, match=message) as caught:
        LRP(rules)
    assert "\n" not in str(caught.value)


def test_an_unknown_start_is_refused():
    with pytest.raises(SpeechLRPError, match=r"explainer.start 'logits'.*Did you mean 'logit'"):
        LRP(RULES, start="logits")


def test_what_has_no_rule_is_an_expected_error(model):
    x, target = torch.ones(1, 1, 4, 4).double(), torch.tensor([0])
    with pytest.raises(SpeechLRPError, match="conv2d"):
        LRP(RULES[:1]).explain(model, x, target)
    strange = nn.Sequential(nn.Flatten(), nn.Softsign(), nn.Linear(16, 2)).double().eval()
    with pytest.raises(SpeechLRPError, match=r"(?i)softsign"):
        LRP(RULES).explain(strange, x, target)


def test_an_output_that_is_not_finite_is_an_expected_error(model):
    with pytest.raises(SpeechLRPError, match="not finite"):
        LRP(RULES).explain(model, torch.full((1, 1, 4, 4), torch.inf).double(), torch.tensor([0]))
