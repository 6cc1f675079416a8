"""When a sum of contributions is had as a difference, and when by itself."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import AlphaBeta, Composite, Gamma, Layer, ZPlus, attribute
from speechlrp.lrp.modules import Place
from speechlrp.lrp.operations.convolution import dense
from speechlrp.lrp.rules.contributions import LEAST, Contributions


class Counting(Layer):
    """A layer that counts the forwards that are made of it."""

    forwards = 0

    def modified(self, weight, bias, x=None):
        self.forwards += 1
        return super().modified(weight, bias, x)


def layer_with(share, of, x):
    """A layer of whose contributions to each output a share has the sign ``of``."""
    sizes = torch.rand(8, x.shape[1], dtype=torch.float64)
    sizes[:, 0] = 0
    sizes /= sizes.sum(1, keepdim=True)
    sizes[:, 0] = -share / (1 - share)
    return Counting("linear", Place("", nn.Identity()), F.linear, x, -of * sizes / x, None, dense)


def of_both_signs():
    return torch.tensor([[1.0, -1.0] * 32], dtype=torch.float64) * (
        0.5 + torch.rand(1, 64).double()
    )


def parts_of(layer):
    return Contributions(layer, torch.ones_like(layer.z), ("positive",))


@pytest.mark.parametrize("share", [0.05 * LEAST, 0.6 * LEAST, 0.95 * LEAST])
def test_below_the_least_share_a_sum_keeps_its_precision(share):
    layer = layer_with(share, 1, of_both_signs())
    single = Layer(
        layer.operation, layer.place, F.linear, layer.x.float(), layer.weight.float(), None, dense
    )
    expected = layer.x[:, :1] * layer.weight[:, 0]
    torch.testing.assert_close(parts_of(single).positive().double(), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("share", "forwards"), [(0.95 * LEAST, 3), (1.05 * LEAST, 1), (0.5, 1)])
def test_above_it_one_forward_gives_both_sums(share, forwards):
    layer = layer_with(share, 1, of_both_signs())
    parts_of(layer).positive()
    assert layer.forwards == forwards


@pytest.mark.parametrize(("share", "forwards"), [(0.9 * LEAST, 2), (1.1 * LEAST, 1), (0.7, 1)])
def test_with_inputs_of_one_sign_the_other_sum_is_the_rest(share, forwards):
    layer = layer_with(share, -1, of_both_signs().abs())
    layer.weight[-1] *= -1  # an output below 0
    layer.z[:, -1] *= -1
    positive, negative = parts_of(layer).both()
    assert layer.forwards == forwards
    products = layer.x * layer.weight
    torch.testing.assert_close(positive[0], products.clamp(min=0).sum(1))
    torch.testing.assert_close(negative[0], products.clamp(max=0).sum(1))


@pytest.mark.parametrize("rule", [Gamma(0.3), ZPlus(), AlphaBeta(2, 1)])
def test_large_inputs_go_some_examples_at_a_time(rule, monkeypatch):
    """A convolution of 40 x 6 numbers and a dense layer, of five examples each."""
    net = nn.Sequential(nn.Conv1d(2, 40, 3), nn.GELU(), nn.Linear(6, 40), nn.Flatten())
    net, x = net.append(nn.Linear(1600, 2)).double().eval(), torch.randn(5, 2, 8).double()
    composite = Composite([(nn.Module, rule)])
    expected = attribute(net, x, 1, composite)[1]
    monkeypatch.setattr("speechlrp.lrp.layer.EXAMPLES", 2 * 40 * 6)
    counts, terms = [], type(rule).terms

    def counting(self, layer, c, parts):
        counts.append(len(layer.x))
        return terms(self, layer, c, parts)

    monkeypatch.setattr(type(rule), "terms", counting)
    torch.testing.assert_close(attribute(net, x, 1, composite)[1], expected)
    assert counts == [1] * 5 + [1] * 5 + [2, 2, 1]
