"""The presets: which layer gets which rule, with which parameters."""

import inspect

import pytest
import torch
from torch import nn

from speechlrp.lrp import (
    PRESETS,
    AlphaBeta,
    Composite,
    Epsilon,
    Flat,
    Gamma,
    LRPError,
    Pass,
    SignCorrected,
    ZBox,
    Zero,
    ZPlus,
    attribute,
    describe,
)
from tests.lrp import literal


def normed(norm):
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


def network():
    """Six layers that need a rule: three convolutions, a transposed one, two dense."""
    return nn.Sequential(
        nn.Conv2d(1, 2, 2), normed(nn.BatchNorm2d(2)), nn.ReLU(),
        nn.AvgPool2d(2), normed(nn.BatchNorm2d(2)),
        nn.Conv2d(2, 3, 2), nn.ReLU(), nn.ConvTranspose2d(3, 2, 2), nn.ReLU(), nn.Conv2d(2, 2, 2),
        nn.Flatten(), nn.Linear(8, 4), normed(nn.BatchNorm1d(4)), nn.ReLU(), nn.Linear(4, 2),
    ).double().eval()  # fmt: skip


LAYERS = ["conv", "norm", "pool", "lone_norm", "conv2", "transposed", "conv3"]
LAYERS += ["dense", "norm1d", "dense2"]
"""The layers of ``network`` in their order."""
MERGED = ["conv+norm", *LAYERS[2:7], "dense+norm1d", "dense2"]

Z, E, P = Zero, Epsilon(1e-6), Pass


def customary(first, conv):
    return [first, None, P(), conv, conv, conv, E, E]


def thesis(epsilon):
    rule = Epsilon(epsilon)
    return [rule, None, None, None, rule, rule, rule, Z(), None, Z()]


CASES = {
    ("thesis_alexnet", ()): thesis(0.8),
    ("thesis_alexnet", (("epsilon", 2.0),)): thesis(2.0),
    ("resnet_zero", ()): [Z()] * 10,
    ("resnet_eps", ()): [Epsilon(0.5), Epsilon(0.5), None, *[Epsilon(0.5)] * 4, Z(), Z(), Z()],
    ("resnet_eps_gamma", ()): [
        Gamma(5), Epsilon(0.5), None, Epsilon(0.5), Gamma(5), *[Epsilon(0.5)] * 2, Z(), Z(), Z(),
    ],
    ("resnet_eps_gamma", (("epsilon", 0.8), ("gamma", 2.0), ("depth", 0.1))): [
        Gamma(2), Epsilon(0.8), None, *[Epsilon(0.8)] * 4, Z(), Z(), Z(),
    ],
    ("resnet_eps_gamma", (("merge_batch_norm", True),)): [
        Gamma(5), None, Epsilon(0.5), Gamma(5), *[Epsilon(0.5)] * 2, Z(), Z(),
    ],
    ("navai", ()): [SignCorrected(), None, None, *[SignCorrected()] * 5],
    ("navai", (("scale", False),)): [
        SignCorrected(scale=False), None, None, *[SignCorrected(scale=False)] * 5,
    ],
    ("gradient_x_input", ()): [Z()] * 10,
    ("epsilon", ()): [E] * 8,
    ("epsilon", (("epsilon", 0.3), ("merge_batch_norm", False))): [Epsilon(0.3)] * 10,
    ("epsilon_plus", ()): customary(ZPlus(), ZPlus()),
    ("epsilon_plus_flat", ()): customary(Flat(), ZPlus()),
    ("epsilon_gamma", ()): customary(Gamma(0.25), Gamma(0.25)),
    ("epsilon_gamma", (("gamma", 3.0),)): customary(Gamma(3), Gamma(3)),
    ("epsilon_gamma_box", (("low", -1.0), ("high", 2.0))): customary(ZBox(-1, 2), Gamma(0.25)),
    ("epsilon_alpha2_beta1", ()): customary(AlphaBeta(2, 1), AlphaBeta(2, 1)),
    ("epsilon_alpha2_beta1_flat", ()): customary(Flat(), AlphaBeta(2, 1)),
    ("attnlrp", ()): customary(E, E),
    ("cp_lrp", (("epsilon", 0.3),)): [
        Epsilon(0.3), None, P(), *[Epsilon(0.3)] * 5,
    ],
    ("epsilon_plus", (("merge_batch_norm", False),)): [
        ZPlus(), P(), None, P(), ZPlus(), ZPlus(), ZPlus(), E, P(), E,
    ],
}  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_layer_gets_the_rule_that_the_source_gives_it(case):
    (name, options), expected = case, CASES[case]
    overview = describe(network(), torch.randn(1, 1, 8, 8).double(), PRESETS[name](**dict(options)))
    rules = [repr(layer.rule) for layer in overview.layers]
    names = MERGED if len(expected) == len(MERGED) else LAYERS
    assert dict(enumerate(zip(names, rules, strict=True))) == dict(
        enumerate(zip(names, map(repr, expected), strict=True))
    )


def test_every_preset_is_a_case():
    assert {name for name, _ in CASES} == set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_says_where_it_comes_from_and_has_defaults(name):
    assert "Source: " in PRESETS[name].__doc__
    parameters = inspect.signature(PRESETS[name]).parameters
    needed = [key for key, one in parameters.items() if one.default is one.empty]
    assert needed == (["low", "high"] if name.endswith("box") else [])


def stabilised(name):
    return "stabilizer" in inspect.signature(PRESETS[name]).parameters


@pytest.mark.parametrize("name", list(filter(stabilised, PRESETS)))
def test_options_reach_every_rule(name):
    options = {"low": 0, "high": 1} if name.endswith("box") else {}
    rules = [rule for _, rule in PRESETS[name](**options, epsilon=0.1, stabilizer=0.2).rules]
    assert {rule.eps for rule in rules if isinstance(rule, Epsilon)} == {0.1}
    assert {rule.stabilizer for rule in rules if hasattr(rule, "stabilizer")} == {0.2}
    default = [rule for _, rule in PRESETS[name](**options).rules]
    assert {rule.stabilizer for rule in default if hasattr(rule, "stabilizer")} == {1e-6}


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_explains(name):
    bounds = {"low": -4.0, "high": 4.0} if name.endswith("box") else {}
    x = torch.rand(2, 1, 8, 8).double() - 0.3
    output, relevance = attribute(network(), x, 1, PRESETS[name](**bounds))
    assert output.shape == (2, 2)
    assert relevance.shape == x.shape
    assert bool((relevance != 0).any())


def test_lrp_0_everywhere_is_gradient_times_input():
    net, x = network(), torch.randn(2, 1, 8, 8).double()
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(leaf)[:, 1].sum(), leaf)
    for name in ("gradient_x_input", "resnet_zero"):
        torch.testing.assert_close(attribute(net, x, 1, PRESETS[name]())[1], x * gradient)


def test_the_speaker_models_rules_layer_by_layer(dense_matrix):
    """T 6.3 (b): epsilon in convolution and 2-D norm (T 3.16), LRP-0 in 1-D norm and dense."""
    net = nn.Sequential(
        nn.Conv2d(1, 2, 2), normed(nn.BatchNorm2d(2)), nn.ReLU(), nn.Flatten(),
        nn.Linear(8, 3), normed(nn.BatchNorm1d(3)), nn.ReLU(), nn.Linear(3, 2),
    ).double().eval()  # fmt: skip
    x = torch.randn(1, 1, 3, 3).double()
    output, relevance = attribute(net, x, 0, PRESETS["resnet_eps"](epsilon=0.7))
    kept = [x]
    with torch.no_grad():
        for layer in net:
            kept.append(layer(kept[-1]))
    R = torch.tensor([output[0, 0], 0.0]).double()
    for layer, a in zip(reversed(net), reversed(kept[:-1]), strict=True):
        if isinstance(layer, nn.ReLU | nn.Flatten):
            continue
        eps = 0.7 if isinstance(layer, nn.Conv2d | nn.BatchNorm2d) else 0.0
        W, b = dense_matrix(layer, a.shape[1:])
        R = literal.epsilon(W, b, a.flatten(), R, 0, eps=eps)
    torch.testing.assert_close(relevance.flatten(), R)


def test_flat_and_box_are_for_the_first_layer_alone():
    dense_first = nn.Sequential(nn.Linear(4, 4), nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 1, 2)).eval()
    x = torch.randn(1, 4)
    flat = describe(dense_first, x, PRESETS["epsilon_plus_flat"]()).layers
    assert [type(layer.rule) for layer in flat] == [Flat, ZPlus]
    box = describe(dense_first, x, PRESETS["epsilon_gamma_box"](-1, 1)).layers
    assert [type(layer.rule) for layer in box] == [Epsilon, Gamma]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("epsilon", {"epsilon": 0}, "eps must be a number above 0; found 0"),
        ("epsilon_gamma", {"gamma": -1}, "gamma must be a finite number at least 0; found -1"),
        ("resnet_eps_gamma", {"depth": 1.5}, r"0 <= start < stop <= 1; found Depth\(0, 1.5\)"),
    ],
)
def test_options_out_of_range_are_refused(name, options, message):
    with pytest.raises(LRPError, match=message):
        PRESETS[name](**options)


@pytest.mark.parametrize(
    ("name", "rule"), [("attnlrp", "Uniform()"), ("cp_lrp", "SignalTakesAll()")]
)
def test_transformers_have_two_presets_that_differ_in_products(name, rule):
    layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True).eval()
    rows = describe(layer, torch.randn(1, 5, 8), PRESETS[name]()).layers
    assert [repr(one.rule) for one in rows if one.operation.startswith("attention")] == [rule]
    other = {"Uniform()": "signal_takes_all", "SignalTakesAll()": "uniform"}[rule]
    rows = describe(layer, torch.randn(1, 5, 8), PRESETS[name](products=other)).layers
    assert rule not in {repr(one.rule) for one in rows}


def test_presets_make_composites():
    assert isinstance(PRESETS["epsilon"](), Composite)
