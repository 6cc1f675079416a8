"""The balance of every operation adds up to what went in and came out."""

from itertools import pairwise

import torch
from torch import nn

from speechlrp.lrp import Composite, Epsilon, Zero, attribute, conservation


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
    torch.testing.assert_close(balances[0].received, output[:, 1])
    torch.testing.assert_close(balances[-1].passed, relevance.sum((1, 2)))
    for before, after in pairwise(balances):
        torch.testing.assert_close(before.passed, after.received)


def test_absorbed_is_the_literal_share_of_bias_and_stabiliser():
    layer, x = nn.Linear(4, 3).double().eval(), torch.randn(2, 4, dtype=torch.float64)
    (balance,) = conservation(layer, x, 0, Composite([(nn.Module, Epsilon(0.5))]))
    z = layer(x)[:, 0].detach()
    expected = z * (layer.bias[0].detach() + 0.5 * torch.sign(z)) / (z + 0.5 * torch.sign(z))
    torch.testing.assert_close(balance.absorbed, expected)


def test_nothing_is_absorbed_without_biases():
    net, x = network(bias=False), torch.randn(3, 1, 9, dtype=torch.float64)
    for balance in conservation(net, x, 0, Composite([(nn.Module, Zero())])):
        assert balance.absorbed.abs().max() < 1e-12


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
