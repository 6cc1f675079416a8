"""Equal to captum where it has the same rule; where not, by how much."""

import pytest
import torch
from torch import nn

from speechlrp.lrp import Composite, Epsilon, Gamma, ZPlus, attribute
from tests.lrp.peers import captum_peer as peer
from tests.lrp.peers import zoo

NETS = [name for name in zoo.KINDS if name != "speaker resnet"]  # torch.var is out of its sight
FEED_FORWARD = ("alexnet", "vgg", "vgg with batch norm")
STABILISER = 1e-9  # captum's
PRECISE = [(torch.float64, 1e-8), (torch.float32, 1e-4)]


@pytest.fixture(scope="session")
def rules(captum):
    """captum's rules by name."""
    from captum.attr._utils import lrp_rules

    return lrp_rules


def distance(captum, case, theirs, ours):
    expected = peer.relevance(captum, peer.visible(captum, case.model), case, theirs)
    _, found = attribute(case.model, case.x, case.chosen, peer.ours(ours))
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISE)
@pytest.mark.parametrize("name", NETS)
def test_epsilon_is_captums(captum, rules, name, dtype, tolerance):
    case = zoo.case(name, dtype=dtype)
    assert distance(captum, case, lambda: rules.EpsilonRule(0.1), Epsilon(0.1)) < tolerance


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISE)
@pytest.mark.parametrize("name", NETS)
def test_z_plus_is_captums_without_biases(captum, rules, name, dtype, tolerance):
    case = peer.positive(zoo.case(name, bias=False, dtype=dtype))
    assert distance(captum, case, rules.Alpha1_Beta0_Rule, ZPlus(STABILISER)) < tolerance


@pytest.mark.parametrize(("dtype", "tolerance"), PRECISE)
@pytest.mark.parametrize("name", FEED_FORWARD)
def test_gamma_is_captums_without_biases_before_a_relu(captum, rules, name, dtype, tolerance):
    case = peer.positive(zoo.case(name, bias=False, dtype=dtype))
    ours = Gamma(0.25, stabilizer=STABILISER)
    assert distance(captum, case, lambda: rules.GammaRule(0.25), ours) < tolerance


def one_neuron(bias):
    """A dense layer ``z = sum(x w) + bias`` of one output, and an input of at least 0."""
    model = nn.Linear(6, 1).double().eval()
    with torch.no_grad():
        model.bias.fill_(bias)
    return zoo.Case(nn.Sequential(model).eval(), torch.rand(1, 6).double() + 0.1, (0,))


def explained(captum, case, theirs, ours):
    """captum's and our relevance of one neuron, and its contributions ``x w``."""
    model = peer.visible(captum, case.model)
    model[0].rule = theirs
    x = case.x.clone().requires_grad_()
    found = captum.LRP(model).attribute(x, target=0).detach()
    _, own = attribute(case.model, case.x, 0, Composite([(nn.Linear, ours)]))
    return found, own, (case.x * case.model[0].weight).detach()


@pytest.mark.parametrize("bias", [3.0, -3.0])
def test_gamma_differs_by_the_side_it_favours_and_by_the_bias(captum, rules, bias):
    """captum favours positive contributions whatever the output's sign, and no bias."""
    case = one_neuron(bias)
    theirs, ours, z = explained(captum, case, rules.GammaRule(2.0), Gamma(2.0, stabilizer=1e-12))
    output = z.sum() + bias
    assert (output > 0) == (bias > 0)
    up = 2 * z.clamp(min=0)
    torch.testing.assert_close(theirs, (z + up) / (output + up.sum()) * output)
    favoured = 2 * (z.clamp(min=0) if bias > 0 else z.clamp(max=0))
    torch.testing.assert_close(ours, (z + favoured) / (output + favoured.sum() + 2 * bias) * output)


@pytest.mark.parametrize("bias", [3.0, -3.0])
def test_z_plus_differs_by_a_negative_bias(captum, rules, bias):
    """captum's denominator has the bias whatever its sign, ours where it is positive."""
    case = one_neuron(bias)
    theirs, ours, z = explained(captum, case, rules.Alpha1_Beta0_Rule(), ZPlus(1e-12))
    positive = z.clamp(min=0).sum()
    ratio = (positive + max(bias, 0)) / (positive + bias)
    torch.testing.assert_close(theirs, ours * ratio)
    assert (ratio == 1) == (bias > 0)


def test_captum_refuses_what_it_has_no_rule_for(captum):
    for kind in (nn.Conv1d(1, 1, 1), nn.BatchNorm1d(1), nn.Flatten()):
        model = nn.Sequential(kind).eval()
        with pytest.raises(TypeError, match="no rule defined"):
            captum.LRP(model).attribute(torch.ones(1, 1, 1, requires_grad=True), target=(0, 0))
