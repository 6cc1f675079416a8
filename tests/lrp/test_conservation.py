"""The balance of every operation adds up to what went in and came out."""

from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import nn

from speechlrp.lrp import (
    RULES,
    AlphaBeta,
    Composite,
    Epsilon,
    Flat,
    Gamma,
    Pass,
    ProductRule,
    Rule,
    SignCorrected,
    WSquare,
    ZBox,
    Zero,
    ZPlus,
    attribute,
    conservation,
    report,
)


def network(bias):
    net = nn.Sequential(
        nn.Conv1d(1, 3, 3, bias=bias), nn.ReLU(), nn.MaxPool1d(3, 2), nn.Flatten(),
        nn.Linear(9, 2, bias=bias),
    )  # fmt: skip
    return net.double().eval()


def test_the_chain_closes_at_both_ends():
    net, x = network(bias=True), torch.randn(3, 1, 9, dtype=torch.float64)
    rules = Composite([(nn.Module, Epsilon(0.2))])
    output, relevance = attribute(net, x, 1, rules)
    balances = conservation(net, x, 1, rules)
    assert [b.operation for b in balances] == ["linear", "flatten", "max_pool1d", "relu", "conv1d"]
    assert [b.name for b in balances] == ["4", "3", "2", "1", "0"]
    assert [b.rule for b in balances] == ["Epsilon(0.2)", "", "", "", "Epsilon(0.2)"]
    torch.testing.assert_close(balances[0].received, output[:, 1])
    torch.testing.assert_close(balances[-1].passed, relevance.sum((1, 2)))
    for before, after in pairwise(balances):
        torch.testing.assert_close(before.passed, after.received)


def test_nothing_is_absorbed_without_biases():
    net, x = network(bias=False), torch.randn(3, 1, 9, dtype=torch.float64)
    for balance in conservation(net, x, 0, Composite([(nn.Module, Zero())])):
        for part in (balance.absorbed, balance.bias, balance.stabiliser):
            assert part.abs().max() < 1e-12


def test_branches_are_counted_apart():
    class Branched(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(4, 4, bias=False)

        def forward(self, x):
            return x + torch.relu(self.inner(x))

    net, x = Branched().double().eval(), torch.randn(2, 4, dtype=torch.float64)
    balances = conservation(net, x, 0, Composite([(nn.Module, Zero())]))
    assert [b.operation for b in balances] == ["add", "relu", "linear"]
    assert all(b.absorbed.abs().max() < 1e-12 for b in balances)


# The literal shares of one neuron: weights W [J, I], bias b [J], input x [I], relevance R [J].
# Each gives, for every output, what its inputs get, what its bias gets, and the denominator.


def sign(z):
    return torch.where(z >= 0, 1.0, -1.0).double()


def plain(W, b, x, of=lambda part, z: part):
    z = W @ x + b
    return of(W * x, z[:, None]).sum(1), of(b, z)


def shares(inputs, bias, R, tiny):
    """``(bias, stabiliser)`` shares of ``R``, where the denominator is the sum of both."""
    total = inputs + bias
    denominator = total + tiny * sign(total)
    return (R * bias / denominator).sum(), (R * tiny * sign(total) / denominator).sum()


def zero(W, b, x, R, tiny):
    return shares(*plain(W, b, x), R, 0.0)


def epsilon(W, b, x, R, tiny, eps):
    return shares(*plain(W, b, x), R, eps)


def gamma(W, b, x, R, tiny, gamma):
    def more(part, z):
        return part + gamma * torch.where(part * z > 0, part, 0)

    return shares(*plain(W, b, x, more), R, tiny)


def positive(part, z=None):
    return part.clamp(min=0)


def negative(part, z=None):
    return part.clamp(max=0)


def z_plus(W, b, x, R, tiny):
    return shares(*plain(W, b, x, positive), R, tiny)


def alpha_beta(W, b, x, R, tiny, alpha, beta):
    for_it = shares(*plain(W, b, x, positive), alpha * R, tiny)
    inputs, bias = plain(W, b, x, negative)
    denominator = inputs + bias + tiny * torch.where(inputs + bias > 0, 1.0, -1.0).double()
    against = (-beta * R * bias / denominator).sum(), (beta * R * tiny / denominator).sum()
    return for_it[0] + against[0], for_it[1] + against[1]


def w_square(W, b, x, R, tiny):
    return shares((W**2).sum(1), b**2, R, tiny)


def flat(W, b, x, R, tiny):
    return shares(torch.full_like(b, len(x)), torch.zeros_like(b), R, tiny)


def z_box(W, b, x, R, tiny, low, high):
    contributions = W * x - low * positive(W) - high * negative(W)
    return shares(contributions.sum(1), torch.zeros_like(b), R, tiny)


def pass_on(W, b, x, R, tiny):
    return torch.zeros(()).double(), torch.zeros(()).double()


TINY = 0.05
CASES = {
    "zero": (Zero(), zero),
    "epsilon": (Epsilon(0.5), partial(epsilon, eps=0.5)),
    "gamma": (Gamma(0.7, TINY), partial(gamma, gamma=0.7)),
    "z_plus": (ZPlus(TINY), z_plus),
    "alpha_beta": (AlphaBeta(2, 1, TINY), partial(alpha_beta, alpha=2, beta=1)),
    "alpha_beta 3 2": (AlphaBeta(3, 2, TINY), partial(alpha_beta, alpha=3, beta=2)),
    "w_square": (WSquare(TINY), w_square),
    "flat": (Flat(TINY), flat),
    "z_box": (ZBox(-4, 4, TINY), partial(z_box, low=-4, high=4)),
    "pass": (Pass(), pass_on),
}


def test_every_rule_that_says_what_its_bias_takes_is_a_case():
    layers = {name: rule for name, rule in RULES.items() if not issubclass(rule, ProductRule)}
    silent = {name for name, rule in layers.items() if rule.bias is Rule.bias}
    assert {type(rule) for rule, _ in CASES.values()} == {
        rule for name, rule in layers.items() if name not in silent
    }
    assert silent == {"sign_corrected"}


@pytest.mark.parametrize("sign_of_x", [1, -1, 0])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_the_literal_shares_of_bias_and_stabiliser(name, bias, sign_of_x):
    rule, literal = CASES[name]
    layer = nn.Linear(5, 5, bias=bias).double().eval()
    x = torch.randn(3, 5, dtype=torch.float64).clamp(-3.9, 3.9)
    x = x if sign_of_x == 0 else sign_of_x * x.abs()
    weighting = torch.randn(3, 5, dtype=torch.float64)
    (balance,) = conservation(layer, x, weighting, Composite([(nn.Module, rule)]))
    W, b = layer.weight.detach(), layer.bias.detach() if bias else torch.zeros(5).double()
    R = (layer(x) * weighting).detach()
    expected = [literal(W, b, *each, TINY) for each in zip(x, R, strict=True)]
    torch.testing.assert_close(balance.received, R.sum(1))
    torch.testing.assert_close(balance.bias, torch.stack([one for one, _ in expected]))
    torch.testing.assert_close(balance.stabiliser, torch.stack([two for _, two in expected]))
    torch.testing.assert_close(balance.absorbed, balance.bias + balance.stabiliser)


def test_a_convolution_is_counted_with_its_bias_at_every_place(dense_matrix):
    layer = nn.Conv1d(2, 3, 2, padding=1).double().eval()
    x, weighting = torch.randn(2, 2, 4).double(), torch.randn(2, 3, 5).double()
    (balance,) = conservation(layer, x, weighting, Composite([(nn.Module, Gamma(0.7, TINY))]))
    W, b = dense_matrix(layer, (2, 4))
    R = (layer(x) * weighting).detach().flatten(1)
    expected = [gamma(W, b, *each, TINY, 0.7) for each in zip(x.flatten(1), R, strict=True)]
    torch.testing.assert_close(balance.bias, torch.stack([one for one, _ in expected]))
    torch.testing.assert_close(balance.stabiliser, torch.stack([two for _, two in expected]))


@pytest.mark.parametrize("merge", [False, True])
def test_a_batch_norms_shift_is_a_bias(merge):
    norm = nn.BatchNorm1d(3)
    norm.running_mean.normal_()
    nn.init.normal_(norm.bias)
    net = nn.Sequential(nn.Linear(4, 3), norm).double().eval()
    x, weighting = torch.randn(2, 4).double(), torch.randn(2, 3).double()
    rules = Composite([(nn.Module, Epsilon(0.5))], merge_batch_norm=merge)
    balances = conservation(net, x, weighting, rules)
    scale = (norm.running_var + norm.eps).rsqrt()
    shift = (norm.bias - norm.running_mean * scale).detach()
    R = (net(x) * weighting).detach()
    if merge:
        W = net[0].weight.detach() * scale[:, None]
        b = net[0].bias.detach() * scale + shift
    else:
        W, b, x = torch.diag(scale), shift, net[0](x).detach()
    expected = [epsilon(W, b, *each, 0, 0.5) for each in zip(x, R, strict=True)]
    torch.testing.assert_close(balances[0].bias, torch.stack([one for one, _ in expected]))
    torch.testing.assert_close(balances[0].stabiliser, torch.stack([two for _, two in expected]))
    assert len(balances) == (1 if merge else 2)


def test_constants_that_are_added_count_as_bias():
    class Shifted(nn.Module):
        def forward(self, x):
            return x + torch.tensor([1.0, 2.0])

    x = torch.tensor([[3.0, 4.0]])
    (balance,) = conservation(Shifted().eval(), x, 1, Composite([]))
    assert (balance.rule, balance.operation) == ("", "add")
    assert balance.bias.tolist() == [2.0]
    assert balance.stabiliser.tolist() == [0.0]
    assert balance.passed.tolist() == [4.0]


def test_a_rule_that_does_not_say_leaves_only_the_sum():
    x = torch.randn(2, 4).double()
    rules = Composite([(nn.Module, SignCorrected())])
    (balance,) = conservation(nn.Linear(4, 3).double().eval(), x, 1, rules)
    assert balance.bias.isnan().all()
    assert balance.stabiliser.isnan().all()
    assert balance.absorbed.isfinite().all()
    assert [line.split()[-2:] for line in report([balance]).splitlines()[1:]] == [["-", "-"]] * 2


@pytest.mark.parametrize("after", ["linear", "mean"])
def test_relevance_of_zeros_that_cannot_be_shared_out_is_no_bias(after):
    """LRP-flat gives relevance to a zero; the layer before it shares out by value."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(2, 2, bias=False), nn.Linear(2, 1, bias=False)
            self.first.weight.data = torch.tensor([[1.0, -1.0], [1.0, 1.0]])

        def forward(self, x):
            x = self.first(x) if after == "linear" else x.mean(2)
            return self.last(x)

    x = torch.tensor([[2.0, 2.0]]) if after == "linear" else torch.tensor([[[1.0, -1], [2, 4]]])
    net = Net().eval()
    rules = Composite([("last", Flat()), (nn.Module, Zero())])
    output, _ = attribute(net, x, 0, rules)
    before = conservation(net, x, 0, rules)[1]
    torch.testing.assert_close(before.received, output[:, 0])
    torch.testing.assert_close(before.stabiliser, output[:, 0] / 2)
    torch.testing.assert_close(before.bias, torch.zeros(1))


def test_the_last_line_is_the_way_to_the_input():
    net, x = network(bias=True), torch.randn(3, 1, 9, dtype=torch.float64)
    rules = Composite([(nn.Module, Epsilon(0.2))])
    output, relevance = attribute(net, x, 1, rules)
    balances = conservation(net, x, 1, rules)
    lines = report(balances).splitlines()
    assert [line.split()[0] for line in lines] == ["module", "4", "0", "all"]
    received, passed, bias, stabiliser = map(float, lines[-1].split()[1:])
    assert received == pytest.approx(float(output[:, 1].mean()), rel=1e-5)
    assert passed == pytest.approx(float(relevance.sum((1, 2)).mean()), rel=1e-5)
    for part, shown in (("bias", bias), ("stabiliser", stabiliser)):
        total = sum(float(getattr(one, part).mean()) for one in balances)
        assert shown == pytest.approx(100 * total / float(output[:, 1].mean()), abs=0.006)
