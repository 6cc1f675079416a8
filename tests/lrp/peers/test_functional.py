"""A bias-free model in a functional style: here its relevance sums to its output.

Peers that hook modules see only its convolutions and its dense layer.
"""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, Epsilon, attribute
from tests.lrp.peers import captum_peer, zennit_peer, zoo

BLOCKS = 16


class Stranger(nn.Module):
    """A stem, residual blocks, statistics over time, a dense layer; all else is functions."""

    def __init__(self, blocks: int, deviation: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1, bias=False)
        self.convs = nn.ModuleList(
            nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1, bias=False) for _ in range(2))
            for _ in range(blocks)
        )
        self.head = nn.Linear(8 * (1 + deviation), 4, bias=False)
        self.deviation = deviation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.stem(x))
        for one, two in self.convs:
            out = two(F.relu(one(x)))
            out += x
            x = F.relu(out)
        x = x.mean(2)
        pooled = [x.mean(2)]
        if self.deviation:
            pooled.append(torch.sqrt(torch.var(x, dim=2)))
        return self.head(torch.cat(pooled, 1))


def stranger(blocks: int = BLOCKS, deviation: bool = True) -> zoo.Case:
    torch.manual_seed(5)
    model = Stranger(blocks, deviation).double().eval()
    for conv in model.modules():
        if isinstance(conv, nn.Conv2d):
            nn.init.normal_(conv.weight, 0, 0.7 / conv.weight[0].numel() ** 0.5)
    return zoo.Case(model, torch.randn(2, 1, 8, 20).double(), (1,))


def share(relevance: torch.Tensor, case: zoo.Case) -> torch.Tensor:
    """The sum of the relevance as a multiple of the output that it should be."""
    return relevance.sum((1, 2, 3)) / case.chosen(case.model(case.x)).detach()


def ours(case: zoo.Case) -> torch.Tensor:
    rules = Composite([(nn.Module, Epsilon(1e-9))])
    return share(attribute(case.model, case.x, case.chosen, rules)[1], case)


def zennits(zennit, case: zoo.Case) -> torch.Tensor:
    rule = zennit.rules.Epsilon(epsilon=1e-9)
    composite = zennit_peer.with_rules(zennit, rule, rule)
    model = copy.deepcopy(case.model)
    return share(zennit_peer.relevance(zennit, model, case, composite), case)


def captums(captum, case: zoo.Case) -> torch.Tensor:
    from captum.attr._utils.lrp_rules import EpsilonRule

    model = copy.deepcopy(case.model)
    return share(captum_peer.relevance(captum, model, case, lambda: EpsilonRule(1e-9)), case)


@pytest.mark.parametrize("deviation", [False, True])
@pytest.mark.parametrize("blocks", [0, 1, BLOCKS])
def test_ours_sums_to_the_output(blocks, deviation):
    found = ours(stranger(blocks, deviation))
    torch.testing.assert_close(found, torch.ones_like(found), rtol=0, atol=1e-4)


@pytest.mark.parametrize("blocks", [0, 1, 4, BLOCKS])
def test_zennit_doubles_relevance_in_every_functional_residual(zennit, blocks):
    """Exactly where nothing cancels and no ReLU closes; where they do, far worse."""
    case = stranger(blocks, deviation=False)
    for weight in case.model.parameters():
        weight.data.abs_()
    case.x.abs_()
    found = zennits(zennit, case)
    torch.testing.assert_close(found, torch.full_like(found, 2.0**blocks), rtol=1e-4, atol=0)
    torch.testing.assert_close(ours(case), torch.ones_like(found), rtol=1e-4, atol=0)


@pytest.mark.parametrize("deviation", [False, True])
def test_zennit_is_off_by_powers_of_ten(zennit, deviation):
    found = zennits(zennit, stranger(deviation=deviation))
    assert bool((found.abs() > 1e12).all())


@pytest.mark.parametrize("deviation", [False, True])
def test_captum_is_off_by_powers_of_ten(captum, deviation):
    found = captums(captum, stranger(deviation=deviation))
    assert bool((found.abs() > 1e12).all())


@pytest.mark.parametrize("peer", ["zennit", "captum"])
def test_neither_knows_a_mean_or_a_deviation_that_is_a_function(peer, request):
    """No residual at all: what is missing comes from the pooling alone."""
    module = request.getfixturevalue(peer)
    found = (zennits if peer == "zennit" else captums)(module, stranger(0))
    assert bool(((found - 1).abs() > 0.3).all())
