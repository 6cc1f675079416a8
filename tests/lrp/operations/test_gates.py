"""Products of two tensors of the input: which is the gate, and what the signal gets."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import (
    Composite,
    NotExplainable,
    SignalTakesAll,
    Uniform,
    Zero,
    attribute,
    conservation,
    describe,
)
from tests.lrp.operations.gated import FORMS, FRAMES, MASK, gated

ZERO = Composite([(nn.Module, Zero())])
HALVES = Composite([(nn.Module, Uniform()), (nn.Module, Zero())])


@pytest.mark.parametrize("name", ["rsqrt", "rsqrt first", "a negative power", "a constant over it"])
def test_a_divisor_is_a_constant_under_every_rule_for_products(name, gradient_times_input):
    body, shape = FORMS[name]
    x = torch.randn(3, *shape, dtype=torch.float64)
    c = torch.randn_like(x)
    _, relevance = attribute(gated(body), x, c, HALVES)
    held = gated(body, hold=torch.Tensor.detach)
    torch.testing.assert_close(relevance, gradient_times_input(held, x, c))


def test_of_two_gates_a_squashing_one_is_the_gate(gradient_times_input):
    """WaveNet's unit: the hyperbolic tangent is the signal."""

    def body(m, x, hold):
        return torch.tanh(m.dense(x)) * hold(torch.sigmoid(m.score(x)))

    x, c = torch.randn(2, 3, 6, dtype=torch.float64)
    z = gated(body).dense(x).detach()
    _, relevance = attribute(gated(body), x, c, ZERO)

    def held(m, x, hold):
        return m.dense(x) * (torch.tanh(z) / z * torch.sigmoid(m.score(x))).detach()

    torch.testing.assert_close(relevance, gradient_times_input(gated(held), x, c))


@pytest.mark.parametrize("name", FORMS)
def test_signal_takes_all_is_gradient_times_input_with_detached_gates(name, gradient_times_input):
    body, shape = FORMS[name]
    net, held = gated(body), gated(body, hold=torch.Tensor.detach)
    x = torch.randn(3, *shape, dtype=torch.float64)
    c = torch.randn_like(net(x))
    output, relevance = attribute(net, x, c, ZERO)
    torch.testing.assert_close(output, net(x).detach(), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(relevance, gradient_times_input(held, x, c))
    torch.testing.assert_close(relevance.sum(), (c * output).sum())
    alone = slice(1 if name.startswith(("a gate without", "a gate for")) else None)  # unmixed
    for one in conservation(net, x[alone], c[alone], ZERO):
        assert one.absorbed.abs().max() < 1e-10, one.operation


@pytest.mark.parametrize("name", ["*", "in place", "squeeze and excitation", "attention", "glu"])
def test_the_overview_says_what_the_gate_is_and_which_rule_it_got(name):
    body, shape = FORMS[name]
    overview = describe(gated(body), torch.randn(1, *shape).double(), ZERO)
    rows = [layer for layer in overview.layers if layer.operation.startswith("product")]
    gates = ["softmax" if name == "attention" else "sigmoid"]
    assert [row.operation for row in rows if " with " in row.operation][-1:] == [
        f"product with {gate}" for gate in gates
    ]
    assert {repr(row.rule) for row in rows} == {"SignalTakesAll()"}
    assert overview.unused == []


UNDECIDED = {
    "neither": lambda m, x, hold: m.dense(x) * m.other(x),
    "an activation": lambda m, x, hold: m.dense(x) * torch.relu(m.other(x)),
    "both soft": lambda m, x, hold: torch.tanh(m.dense(x)) * F.silu(m.other(x)),
    "a sum with a signal": lambda m, x, h: m.dense(x) * (torch.sigmoid(m.other(x)) + x),
    "a gate that is mixed": lambda m, x, h: m.dense(x) * m.other(m.score(x).sigmoid()),
    "both": lambda m, x, hold: torch.sigmoid(m.dense(x)) * torch.sigmoid(m.other(x)),
    "its own transpose": lambda m, x, hold: x @ x.T,
    "a view of itself": lambda m, x, hold: x * x.view(3, 6),
}


@pytest.mark.parametrize("name", UNDECIDED)
def test_where_the_gate_is_not_known_it_has_to_be_said(name):
    net, x = gated(UNDECIDED[name]), torch.randn(3, 6, dtype=torch.float64)
    which = "both factors come" if name.startswith("both") else "neither factor comes"
    message = rf"in the model's own forward.*{which} from .*\('', SignalTakesAll\('second'\)\)"
    with pytest.raises(NotExplainable, match=message) as caught:
        attribute(net, x, 0, ZERO)
    assert "\n" not in str(caught.value)
    for rule in (SignalTakesAll("first"), SignalTakesAll("second"), Uniform()):
        pairs = [("", rule), (nn.Module, Zero())]
        output, relevance = attribute(net, x, 0, Composite(pairs))
        if name not in ("a gate that is mixed", "both"):  # whose sigmoids stand on other numbers
            torch.testing.assert_close(relevance.sum(), output[:, 0].sum())
        assert relevance.isfinite().all()


def test_a_product_that_no_relevance_reaches_needs_no_gate():
    """Queries times keys stand behind the softmax that weighs the values."""
    x = torch.randn(2, *FRAMES, dtype=torch.float64)
    net = gated(FORMS["attention"][0])
    operations = [one.operation for one in conservation(net, x, 0, ZERO)]
    assert operations.count("product") == 1
    assert "softmax" not in operations


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rule", [Uniform(), SignalTakesAll("first")])
def test_a_bilinear_layer_is_a_product(rule, bias):
    net = gated(lambda m, x, hold: m.pair(m.dense(x), m.other(x)))
    net.pair = nn.Bilinear(6, 6, 4, bias=bias).double().eval()
    x, c = torch.randn(3, 6, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    output, relevance = attribute(net, x, c, Composite([("*", rule), (nn.Module, Zero())]))
    leaf = x.clone().requires_grad_()
    a, b = net.dense(leaf), net.other(leaf)
    one, other = (net.pair(*pair) for pair in ((a.detach(), b), (a, b.detach())))
    z = one if isinstance(rule, SignalTakesAll) else (one + other) / 2
    (gradient,) = torch.autograd.grad((z * c).sum(), leaf)
    torch.testing.assert_close(relevance, x * gradient)
    torch.testing.assert_close(output, net(x).detach())


@pytest.mark.parametrize("gate", ["first", "second"])
def test_the_gate_may_be_named(gate, gradient_times_input):
    def body(m, x, hold):
        a, b = m.dense(x), m.other(x)
        return hold(a) * b if gate == "first" else a * hold(b)

    x = torch.randn(3, 6, dtype=torch.float64)
    c = torch.randn(3, 6, dtype=torch.float64)
    rules = Composite([(nn.Module, SignalTakesAll(gate)), (nn.Module, Zero())])
    _, relevance = attribute(gated(body), x, c, rules)
    held = gated(body, hold=torch.Tensor.detach)
    torch.testing.assert_close(relevance, gradient_times_input(held, x, c))


def test_a_square_is_an_activation_in_every_form(expression, explained):
    x = torch.randn(3, 6, dtype=torch.float64)
    for body in (
        lambda m, x: x * x,
        lambda m, x: torch.mul(input=x, other=x),
        lambda m, x: (y := x.clone()).mul_(y),
    ):
        torch.testing.assert_close(explained(expression(body), x), x**2)
    halves = attribute(gated(lambda m, x, h: x * x.view(3, 6)), x, torch.ones(3, 6), HALVES)[1]
    torch.testing.assert_close(halves, x**2)


def test_what_is_constant_is_no_product(expression, explained, gradient_times_input):
    x, c = torch.randn(3, 6, dtype=torch.float64), torch.randn(3, 6, dtype=torch.float64)
    for body in (
        lambda m, x: torch.addcmul(m.dense(x), MASK, x, value=3),
        lambda m, x: torch.addcmul(MASK * 0, m.dense(x), MASK),
        lambda m, x: x.addcmul(MASK * 0, MASK, value=2),
    ):
        net = expression(body)
        torch.testing.assert_close(explained(net, x, c), gradient_times_input(net, x, c))
        assert not any("product" in one.operation for one in describe(net, x, ZERO).layers)
