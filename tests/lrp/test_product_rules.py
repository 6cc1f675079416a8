"""Rules for products against their equations, and how they are assigned."""

import pytest
import torch
from torch import nn

from speechlrp.lrp import (
    PRESETS,
    All,
    Composite,
    Depth,
    Epsilon,
    First,
    Flat,
    Last,
    LRPError,
    Pass,
    Product,
    ProductRule,
    SignalTakesAll,
    Uniform,
    Zero,
    attribute,
    attribute_layers,
    conservation,
    describe,
    report,
)

HALVES = Composite([(nn.Module, Uniform()), (nn.Module, Zero())])


class Gate(nn.Module):
    """``relu(A x) * sigmoid(B x)``, without biases."""

    def __init__(self):
        super().__init__()
        self.signal = nn.Sequential(nn.Linear(4, 5, bias=False), nn.ReLU())
        self.gate = nn.Sequential(nn.Linear(4, 5, bias=False), nn.Sigmoid())

    def forward(self, x):
        return self.signal(x) * self.gate(x)


def network():
    torch.manual_seed(11)
    return nn.Sequential(Gate(), nn.Linear(5, 2, bias=False)).double().eval()


def dense(W, x, R):
    """LRP-0, entry by entry: ``R_i = sum_j W_ji x_i / z_j R_j``."""
    found = torch.zeros_like(x)
    for j, row in enumerate(W):
        for i, weight in enumerate(row):
            found[i] += weight * x[i] / (row @ x) * R[j]
    return found


@pytest.mark.parametrize(("rule", "share"), [(SignalTakesAll(), 1.0), (Uniform(), 0.5)])
def test_a_gated_net_by_hand(rule, share):
    net = network()
    A, B, C = (layer.weight.detach() for layer in (net[0].signal[0], net[0].gate[0], net[1]))
    x = torch.randn(3, 4, dtype=torch.float64)
    output, relevance = attribute(net, x, 1, Composite([(nn.Module, rule), (nn.Module, Zero())]))
    for one, found, logit in zip(x, relevance, output[:, 1], strict=True):
        product = torch.relu(A @ one) * torch.sigmoid(B @ one)
        torch.testing.assert_close(C[1] @ product, logit)
        R = C[1] * product  # the last layer's shares
        expected = dense(A, one, share * R) + dense(B, one, (1 - share) * R)
        torch.testing.assert_close(found, expected)
    torch.testing.assert_close(relevance.sum(1), output[:, 1])


class Weighted(nn.Module):
    """``softmax(s) @ v`` of scores and values that are parts of the input, ``[B, 3, 3 + 2]``."""

    def forward(self, x):
        return torch.softmax(x[..., :3], 2) @ x[..., 3:]


def test_halves_of_a_matrix_product_and_its_softmax_by_hand():
    x, c = torch.randn(2, 3, 5, dtype=torch.float64), torch.randn(2, 3, 2, dtype=torch.float64)
    output, relevance = attribute(Weighted().eval(), x, c, HALVES)
    for n in range(2):
        scores, values = x[n, :, :3], x[n, :, 3:]
        weights, R = torch.exp(scores), c[n] * output[n]
        weights = weights / weights.sum(1, keepdim=True)
        of_weights, of_values = torch.zeros(3, 3).double(), torch.zeros(3, 2).double()
        for t in range(3):
            for i in range(3):
                for d in range(2):
                    share = weights[t, i] * values[i, d] / (2 * output[n, t, d]) * R[t, d]
                    of_weights[t, i] += share
                    of_values[i, d] += share
        of_scores = scores * (of_weights - weights * of_weights.sum(1, keepdim=True))
        torch.testing.assert_close(relevance[n], torch.cat([of_scores, of_values], 1))


def test_the_report_says_what_a_softmax_absorbs():
    x, c = torch.randn(2, 3, 5, dtype=torch.float64), torch.randn(2, 3, 2, dtype=torch.float64)
    output, relevance = attribute(Weighted().eval(), x, c, HALVES)
    balances = {one.operation: one for one in conservation(Weighted().eval(), x, c, HALVES)}
    total = (c * output).sum((1, 2))
    torch.testing.assert_close(balances["product"].passed, total)
    torch.testing.assert_close(balances["softmax"].received, total / 2)
    torch.testing.assert_close(balances["softmax"].bias, total - relevance.sum((1, 2)))
    lines = report(list(balances.values())).splitlines()
    assert any("product" in line and "Uniform()" in line for line in lines)


@pytest.mark.parametrize("rule", [SignalTakesAll(), Uniform()])
def test_a_product_has_no_bias_and_loses_nothing(rule):
    x = torch.randn(3, 4, dtype=torch.float64)
    rules = Composite([(nn.Module, rule), (nn.Module, Zero())])
    (product,) = (one for one in conservation(network(), x, 1, rules) if one.operation == "product")
    assert product.received.abs().min() > 1e-3
    torch.testing.assert_close(product.passed, product.received)
    assert product.bias.tolist() == [0, 0, 0]
    torch.testing.assert_close(product.stabiliser, torch.zeros(3).double())


@pytest.mark.parametrize("shape", [(3, 1, 4), (1, 5, 4), (4,), (1, 1, 1)])
def test_a_factor_gets_the_sum_over_what_it_is_broadcast_to(shape):
    class Broadcast(nn.Module):
        def forward(self, x):
            return x * x.mean(gone, keepdim=True).reshape(shape)

    gone = [i for i in range(3) if ((1,) * (3 - len(shape)) + shape)[i] == 1]
    x, c = torch.randn(3, 5, 4, dtype=torch.float64), torch.randn(3, 5, 4, dtype=torch.float64)
    R = c * x * x.mean(gone, keepdim=True)
    back = R.sum(gone, keepdim=True) / x.sum(gone, keepdim=True)  # LRP-0 of a mean
    _, relevance = attribute(Broadcast().eval(), x, c, HALVES)
    torch.testing.assert_close(relevance, R / 2 + x * back / 2)


def test_relevance_of_zeros_goes_to_the_signal():
    """LRP-flat gives every product the same, closed ReLUs too; none of it is lost."""
    net, x = network(), torch.randn(3, 4, dtype=torch.float64)
    rules = Composite([("1", Flat(1e-12)), (nn.Module, Zero())])
    output, found = attribute_layers(net, x, 1, rules, ["0.signal", "0.gate"])
    torch.testing.assert_close(found["0.signal"], (output[:, 1:] / 5).expand(3, 5))
    assert not found["0.gate"].any()
    halves = Composite([("0", Uniform()), *rules.rules])
    found = attribute_layers(net, x, 1, halves, ["0.signal", "0.gate"])[1]
    for one in found.values():
        torch.testing.assert_close(one, (output[:, 1:] / 10).expand(3, 5))


class Proportional(ProductRule):
    """Shares in proportion to the factors' sizes: a rule of a user's own, one share a number."""

    def shares(self, product: Product):
        a, b = (one.detach().abs() for one in product.factors)
        return a / (a + b), b / (a + b)


def test_shares_may_differ_from_number_to_number():
    net, x = network(), torch.randn(3, 4, dtype=torch.float64)
    rules = Composite([("0", Proportional()), (nn.Module, Zero())])
    _, found = attribute_layers(net, x, 0, rules, ["0", "0.signal", "0.gate"])
    a, b = torch.relu(x @ net[0].signal[0].weight.T), torch.sigmoid(x @ net[0].gate[0].weight.T)
    torch.testing.assert_close(found["0.signal"], (found["0"] * a / (a + b)).detach())
    torch.testing.assert_close(found["0.gate"], (found["0"] * b / (a + b)).detach())


SELECTED = {
    "all": (nn.Module, [0, 1]),
    "a path": ("0", [0]),
    "a module's class": (Gate, [0, 1]),
    "a function": (lambda name, module: name == "1", [1]),
    "a depth": (Depth(0.5, 1), [1]),
    "first": (First(), []),
    "last": (Last(), []),
    "another class": (nn.Linear, []),
}


@pytest.mark.parametrize("name", SELECTED)
def test_products_are_selected_as_layers_are(name):
    selector, expected = SELECTED[name]
    net = nn.Sequential(Gate(), Gate()).double()
    net[1].signal[0] = net[1].gate[0] = nn.Linear(5, 5, bias=False).double()
    net.eval()
    rules = Composite([(selector, Uniform()), (nn.Module, Epsilon(1))])
    overview = describe(net, torch.randn(1, 4).double(), rules)
    products = [layer.rule for layer in overview.layers if layer.operation.startswith("product")]
    assert [i for i, rule in enumerate(products) if isinstance(rule, Uniform)] == expected
    others = [layer.rule for layer in overview.layers if not layer.operation.startswith("product")]
    assert {repr(rule) for rule in others} == {"Epsilon(1)"}
    assert len(overview.unused) == (not expected)


def test_products_do_not_count_as_depth():
    net = nn.Sequential(Gate(), nn.Linear(5, 2)).eval()
    rules = Composite([(Depth(0, 2 / 3), Epsilon(1)), (nn.Module, Zero())])
    found = {one.name: one.rule for one in describe(net, torch.randn(1, 4), rules).layers}
    assert isinstance(found["0.gate.0"], Epsilon)
    assert isinstance(found["1"], Zero)
    first = Composite([(All(nn.Linear, Last()), Epsilon(1)), (nn.Module, Zero())])
    assert isinstance(describe(net, torch.randn(1, 4), first).layers[-1].rule, Epsilon)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_but_attnlrp_takes_gates_for_constants(name):
    bounds = {"low": -9.0, "high": 9.0} if name.endswith("box") else {}
    asked = {"products": "signal_takes_all"} if name == "attnlrp" else {}
    net, x = network(), torch.randn(3, 4, dtype=torch.float64)
    composite = PRESETS[name](**bounds, **asked)
    _, found = attribute_layers(net, x, 1, composite, ["0", "0.signal", "0.gate"])
    torch.testing.assert_close(found["0.signal"], found["0"])
    assert found["0"].any()
    assert not found["0.gate"].any()
    halves = PRESETS[name](**bounds, products="uniform")
    found = attribute_layers(net, x, 1, halves, ["0", "0.signal", "0.gate"])[1]
    torch.testing.assert_close(found["0.signal"], found["0"] / 2)
    torch.testing.assert_close(found["0.gate"], found["0"] / 2)


def test_a_rule_for_products_that_presets_do_not_have_is_refused():
    with pytest.raises(LRPError, match="must be signal_takes_all or uniform; found 'half'"):
        PRESETS["resnet_eps"](products="half")
    assert repr(PRESETS["resnet_eps"](products="signal_takes_all")) == repr(PRESETS["resnet_eps"]())


def test_a_quotients_divisor_is_a_constant_whatever_rule_is_for_products():
    class Share(nn.Module):
        def forward(self, x):
            return x / x.abs().sum(1, keepdim=True)

    x, c = torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    for rule in (Uniform(), SignalTakesAll("first")):
        rules = Composite([(nn.Module, rule)])
        _, relevance = attribute(Share().eval(), x, c, rules)
        torch.testing.assert_close(relevance, c * x / x.abs().sum(1, keepdim=True))
    (layer,) = describe(Share().eval(), x, rules).layers
    assert layer.operation == "quotient"


def test_pass_over_a_gate_reaches_the_signal():
    """Pass gives relevance itself, which the product hands to the signal as it is."""
    torch.manual_seed(3)
    norm = nn.BatchNorm1d(5)
    nn.init.normal_(norm.bias)
    net = nn.Sequential(Gate(), norm, nn.Linear(5, 2, bias=False)).double().eval()
    x = torch.randn(3, 4, dtype=torch.float64)
    rules = Composite([(nn.BatchNorm1d, Pass()), (nn.Module, Zero())])
    output, found = attribute_layers(net, x, 0, rules, ["1", "0.signal"])
    torch.testing.assert_close(found["0.signal"], found["1"])
    torch.testing.assert_close(found["1"].sum(1), output[:, 0])


@pytest.mark.parametrize("gate", ["third", 1, "", True])
def test_another_gate_is_refused(gate):
    with pytest.raises(LRPError, match="gate must be 'first', 'second' or None; found"):
        SignalTakesAll(gate)


def test_rules_are_shown_as_they_are_written():
    assert [repr(rule) for rule in (SignalTakesAll(), SignalTakesAll("first"), Uniform())] == [
        "SignalTakesAll()",
        "SignalTakesAll('first')",
        "Uniform()",
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_lower_precisions_agree(dtype):
    net, x = network(), torch.randn(3, 4, dtype=torch.float64)
    for rules in (HALVES, Composite([(nn.Module, Zero())])):
        expected = attribute(net.double(), x, 1, rules)[1]
        found = attribute(net.to(dtype), x.to(dtype), 1, rules)[1]
        assert found.dtype == dtype
        size = float(expected.abs().max())
        tolerance = 30 * torch.finfo(dtype).eps * size
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance)
