"""The LRP explainer: from a configuration's mappings to the engine."""

import pytest
import torch
import yaml
from torch import nn

from speechlrp.config.names import conf_dir
from speechlrp.errors import SpeechLRPError
from speechlrp.explainers import EXPLAINERS
from speechlrp.explainers.lrp import LRP
from speechlrp.lrp import RULES as RULE_TABLE
from speechlrp.lrp import ProductRule, describe

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


@pytest.mark.parametrize("dimensions", [1, 2])
def test_the_shipped_rules_serve_convolutions_of_one_and_of_two_dimensions(dimensions, generator):
    """They are T's: what the preset of his rules gives, which is tested by itself."""
    torch.manual_seed(5)
    kind = (nn.Conv1d, nn.Conv2d)[dimensions - 1]
    network = nn.Sequential(kind(2, 3, 3), nn.ReLU(), kind(3, 4, 2), nn.ReLU(), nn.Flatten())
    network.append(nn.LazyLinear(2))
    x = torch.randn(3, 2, *[6] * dimensions, generator=generator, dtype=torch.float64)
    network.double()(x)
    section = yaml.safe_load((conf_dir() / "explainer/lrp.yaml").read_text())
    target = torch.tensor([0, 1, 1])
    found = LRP(section["rules"]).explain(network.eval(), x, target)[1]
    wanted = LRP(preset="thesis_alexnet").explain(network, x, target)[1]
    assert float(wanted.abs().sum()) > 0
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)


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
        ([3], "explainer.rules holds mappings; found 3"),
        (5, "explainer.rules must be a list such as .*; found 5"),
        ("zero", "explainer.rules must be a list such as .*; found 'zero'"),
        ({"layers": "Linear", "rule": "zero"}, "explainer.rules must be a list"),
        ([{"layers": "Linear", "rule": ["zero"]}], "unknown rule"),
        ([{"layers": "Linear", "rule": "torch.nn:Linear"}], "rule torch.nn:Linear is the class"),
        ([{"layers": "torch.nn:functional", "rule": "zero"}], "no layer 'torch.nn:functional'"),
        ([{"layers": "Linear", "rule": "no_rules:Mine"}], "there is no module 'no_rules'"),
        ([{"layers": {}, "rule": "zero"}], "no condition in layers: {}"),
        ([{"layers": {"klass": "Linear"}, "rule": "zero"}], "condition .* 'klass'.*'class'"),
        ([{"layers": {"class": "Linaer"}, "rule": "zero"}], "torch.nn has no layer 'Linaer'"),
        ([{"layers": {"name": 3}, "rule": "zero"}], "name must be a pattern; found 3"),
        ([{"layers": {"first": False}, "rule": "zero"}], "first can only be true; found False"),
        ([{"layers": {"last": 1}, "rule": "zero"}], "last can only be true; found 1"),
        *(
            ([{"layers": {"depth": depth}, "rule": "zero"}], "depth must be two fractions.*found")
            for depth in (0.5, [0], [0, 2], [0.5, 0.1], ["a", 1], ["1/0", 1], "01", None)
        ),
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


LAYERS = ["features.0", "features.2", "head"]
"""The layers of ``deep`` that need a rule."""


@pytest.fixture
def deep():
    features = nn.Sequential(nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 2))
    net = nn.Sequential()
    net.add_module("features", features)
    net.add_module("flatten", nn.Flatten())
    net.add_module("head", nn.Linear(8, 2))
    return net.double().eval()


def _rules(model, explainer):
    overview = describe(model, torch.ones(1, 1, 4, 4).double(), explainer.composite)
    return {layer.name: repr(layer.rule) for layer in overview.layers}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("Conv2d", [0, 1]),
        ("Module", [0, 1, 2]),
        ({"class": "Conv2d"}, [0, 1]),
        ({"name": "features.*"}, [0, 1]),
        ({"first": True}, [0]),
        ({"last": True}, [2]),
        ({"depth": [0, "1/3"]}, [0]),
        ({"depth": [0.3, 1]}, [1, 2]),
        ({"depth": (0, 0.34)}, [0, 1]),
        ({"class": "Conv2d", "depth": ["1/3", 1]}, [1]),
        ({"class": "Linear", "first": True}, []),
    ],
)
def test_layers_are_picked_by_every_condition(deep, layers, expected):
    rules = [{"layers": layers, "rule": "zero"}, {"layers": "Module", "rule": "flat"}]
    found = _rules(deep, LRP(rules))
    assert [i for i, name in enumerate(LAYERS) if found[name] == "Zero()"] == expected


PARAMETERS = {
    "zero": ({}, "Zero()"),
    "epsilon": ({"eps": 0.5}, "Epsilon(0.5)"),
    "gamma": ({"gamma": 2, "stabilizer": 1e-3}, "Gamma(2)"),
    "alpha_beta": ({"alpha": 3, "beta": 2}, "AlphaBeta(3, 2)"),
    "z_plus": ({}, "ZPlus()"),
    "w_square": ({}, "WSquare()"),
    "flat": ({}, "Flat()"),
    "z_box": ({"low": [-1.0], "high": 1.0}, "ZBox(..., 1)"),
    "pass": ({}, "Pass()"),
    "sign_corrected": ({"scale": False}, "SignCorrected(1e-21, scale=False)"),
    "signal_takes_all": ({"gate": "first"}, "SignalTakesAll('first')"),
    "uniform": ({}, "Uniform()"),
}


@pytest.mark.parametrize("rule", RULE_TABLE)
def test_every_rule_can_be_configured(deep, rule):
    parameters, expected = PARAMETERS[rule]
    entry = {"layers": {"first": True}, "rule": rule, **parameters}
    explainer = LRP([entry, {"layers": "Module", "rule": "zero"}])
    assert repr(explainer.composite.rules[0][1]) == expected
    if not issubclass(RULE_TABLE[rule], ProductRule):
        assert _rules(deep, explainer)["features.0"] == expected


def test_bounds_of_a_box_may_be_lists(deep, generator):
    x = torch.rand(2, 1, 4, 4, generator=generator, dtype=torch.float64)
    rest = {"layers": "Module", "rule": "zero"}
    both = [
        LRP([{"layers": {"first": True}, "rule": "z_box", "low": low, "high": 1}, rest])
        for low in ([-0.5], -0.5)
    ]
    found = [one.explain(deep, x, torch.tensor([0, 1]))[1] for one in both]
    assert torch.equal(*found)


@pytest.mark.parametrize("merge", [None, False, True])
def test_a_batch_norm_is_merged_where_asked_for(deep, merge):
    found = _rules(deep, LRP([{"layers": "Module", "rule": "zero"}], merge_batch_norm=merge))
    assert ("features.1" in found) is not bool(merge)


@pytest.mark.parametrize(("merge", "merged"), [(None, True), (False, False), (True, True)])
def test_a_preset_stands_for_the_rules(deep, merge, merged):
    options = {"epsilon": 0.5}
    explainer = LRP(preset="epsilon_plus", preset_options=options, merge_batch_norm=merge)
    found = _rules(deep, explainer)
    assert found["features.0"] == "ZPlus()"
    assert found["head"] == "Epsilon(0.5)"
    assert ("features.1" in found) is not merged


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "neither rules nor a preset"),
        ({"rules": []}, "neither rules nor a preset"),
        ({"rules": RULES, "preset": "epsilon"}, "'epsilon' and there are .* explainer.rules=null"),
        ({"rules": RULES, "preset_options": {"epsilon": 1}}, "without an explainer.preset"),
        ({"preset": "epsilom"}, "explainer.preset 'epsilom'.*Did you mean 'epsilon'"),
        ({"preset": "epsilon", "preset_options": {"eps": 1}}, "preset epsilon: .*'eps'"),
        ({"preset": "epsilon", "preset_options": {"epsilon": 0}}, "preset epsilon: .*above 0"),
        ({"preset": "epsilon_gamma_box"}, "preset epsilon_gamma_box: .*'low' and 'high'"),
        ({"preset": "navai", "merge_batch_norm": True}, "preset navai: .*'merge_batch_norm'"),
        ({"preset": "epsilon", "preset_options": 5}, "preset_options must be a mapping .*found 5"),
        ({"preset": ["epsilon"]}, "unknown value of explainer.preset"),
        ({"preset": "speechlrp.lrp:RULES"}, "lrp:RULES gives dict; it must give a Composite"),
        ({"preset": "builtins:dict"}, "preset builtins:dict gives dict; it must give a Composite"),
    ],
)
def test_presets_and_rules_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(SpeechLRPError, match=message) as caught:
        LRP(**settings)
    assert "\n" not in str(caught.value)


def test_what_has_no_rule_is_an_expected_error(model):
    x, target = torch.ones(1, 1, 4, 4).double(), torch.tensor([0])
    with pytest.raises(SpeechLRPError, match="conv2d"):
        LRP(RULES[:1]).explain(model, x, target)


class Strange(nn.Module):
    """It asks, or it does what has no rule."""

    def __init__(self, asks):
        super().__init__()
        self.asks, self.calls = asks, 0
        self.conv, self.dense = nn.Conv2d(1, 3, 4).double(), nn.Linear(3, 2).double()

    def forward(self, x):
        self.calls += 1
        x = self.dense(self.conv(x).flatten(1))
        return x * self.calls if self.asks else torch.round(x)


def test_strange_models_are_expected_errors():
    x, target = torch.ones(1, 1, 4, 4).double(), torch.tensor([0])
    with pytest.raises(SpeechLRPError, match="round"):
        LRP(RULES).explain(Strange(asks=False).eval(), x, target)
    explainer, strange = LRP(RULES), Strange(asks=True).eval()
    with pytest.raises(SpeechLRPError, match="another output than the model by itself"):
        explainer.explain(strange, x, target)
    explainer.explain(strange, x, target)  # only the first batch is checked
    assert strange.calls == 3


def test_an_output_that_is_not_finite_is_an_expected_error(model):
    with pytest.raises(SpeechLRPError, match="not finite"):
        LRP(RULES).explain(model, torch.full((1, 1, 4, 4), torch.inf).double(), torch.tensor([0]))


def test_a_rule_a_layer_and_a_preset_may_be_ones_own(deep, generator):
    own = [{"layers": "torch.nn:Module", "rule": "speechlrp.lrp.rules.epsilon:Epsilon", "eps": 0.1}]
    named = [{"layers": "Module", "rule": "epsilon", "eps": 0.1}]
    assert _rules(deep, LRP(own)) == _rules(deep, LRP(named))
    own = LRP(preset="speechlrp.lrp.presets:epsilon", preset_options={"epsilon": 0.1})
    named = LRP(preset="epsilon", preset_options={"epsilon": 0.1})
    assert _rules(deep, own) == _rules(deep, named)


def test_a_list_of_classes_is_any_of_them(model):
    both = {"layers": ["Conv1d", "Conv2d"], "rule": "epsilon", "eps": 0.3}
    x, target = torch.randn(2, 1, 4, 4).double(), torch.tensor([0, 1])
    expected = LRP(RULES).explain(model, x, target)[1]
    torch.testing.assert_close(LRP([RULES[0], both]).explain(model, x, target)[1], expected)
    first = {"layers": {"class": ["Linear", "Conv2d"], "first": True}, "rule": "zero"}
    layers = describe(model, x, LRP([first, *RULES]).composite).layers
    assert [repr(layer.rule) for layer in layers] == ["Zero()", "Zero()"]
    with pytest.raises(SpeechLRPError, match=r"torch\.nn has no layer 'Conv9d'"):
        LRP([{"layers": ["Conv1d", "Conv9d"], "rule": "zero"}])
