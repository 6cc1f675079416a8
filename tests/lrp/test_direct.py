"""Rules that give relevance to zeros, in the first layer and above others."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, Epsilon, Flat, WSquare, ZBox, Zero, attribute
from tests.lrp import literal

TINY = 1e-6


@pytest.mark.parametrize("rule", [WSquare(), Flat(), ZBox(-1, 1)])
def test_zeros_in_the_input_get_relevance(rule):
    net = nn.Sequential(nn.Linear(4, 3, bias=False), nn.ReLU(), nn.Linear(3, 2, bias=False))
    net = net.double().eval()
    x = torch.tensor([[0.0, 0.5, 0.0, -1.0]], dtype=torch.float64)
    composite = Composite([("0", rule), (nn.Linear, Zero())])
    output, relevance = attribute(net, x, 1, composite)
    assert relevance[0, 0] != 0
    torch.testing.assert_close(relevance.sum(), output[0, 1], rtol=1e-4, atol=0)


@pytest.mark.parametrize("inplace", [False, True])
def test_in_an_inner_layer_closed_units_hand_it_on(inplace, dense_matrix):
    """A unit that its ReLU closed has relevance by w^2 all the same, and shares it out."""
    net = nn.Sequential(
        nn.Linear(5, 6), nn.ReLU(inplace), nn.Dropout(), nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)
    )
    net = net.double().eval()
    x = torch.randn(5, dtype=torch.float64)
    composite = Composite([("3", WSquare()), ("0", Epsilon(0.3)), (nn.Linear, Zero())])
    _, found = attribute(net, x[None], 0, composite)
    with torch.no_grad():
        a1, a2 = torch.relu(net[0](x)), torch.relu(net[3](torch.relu(net[0](x))))
    assert (a1 == 0).any()
    R = a2 * net[5].weight[0].detach()
    R = literal.w_square(net[3].weight.detach(), net[3].bias.detach(), a1, R, TINY)
    R = literal.epsilon(net[0].weight.detach(), net[0].bias.detach(), x, R, TINY)
    torch.testing.assert_close(found[0], R)


def test_through_pools_sums_and_branches():
    """Relevance of zeros moves through max-pools and joins; sums share it out by value."""

    class Branched(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv1d(2, 3, 3, bias=False), nn.Conv1d(2, 3, 3, bias=False)
            self.last = nn.Linear(6, 2, bias=False)

        def forward(self, x):
            joined = torch.cat([F.relu(self.a(x)), self.b(x)], 1)
            joined += 0.5 * joined
            return self.last(F.max_pool1d(joined, 4).flatten(1))

    net = Branched().double().eval()
    x = torch.randn(4, 2, 6, dtype=torch.float64)
    composite = Composite([("last", Flat()), (nn.Module, Zero())])
    output, relevance = attribute(net, x, 1, composite)
    joined = torch.cat([F.relu(net.a(x)), net.b(x)], 1)
    alive = (F.max_pool1d(joined, 4).flatten(1) != 0).double().mean(1)
    torch.testing.assert_close(relevance.sum((1, 2)), output[:, 1] * alive, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("checkpoint", [False, True])
def test_what_a_pool_made_may_also_be_read_by_a_layer_of_another_rule(checkpoint):
    """As in residual blocks: the pool's output has relevance by value and of zeros."""

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.last = nn.Conv1d(2, 2, 3, padding=1, bias=False), nn.Linear(8, 2)

        def forward(self, x):
            x = F.max_pool1d(x, 2)
            return self.last((x + self.inner(x)).flatten(1))

    net = Residual().double().eval()
    x = torch.randn(3, 2, 8, dtype=torch.float64, requires_grad=True)
    composite = Composite([("inner", WSquare()), (nn.Module, Zero())])
    _, relevance = attribute(net, x.detach(), 1, composite, checkpoint=checkpoint)
    pooled = F.max_pool1d(x, 2)
    c = net.last.weight[1].reshape(1, 2, 4)
    squares = net.inner.weight.square()
    shares = net.inner(pooled) * c / (F.conv1d(torch.ones_like(pooled), squares, padding=1) + TINY)
    R = F.conv_transpose1d(shares, squares, padding=1) + pooled * c
    (expected,) = torch.autograd.grad(pooled, x, R)
    torch.testing.assert_close(relevance, expected)
