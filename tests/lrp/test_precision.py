"""Half precision and autocast: they run, and stay near float64."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import AlphaBeta, Composite, Epsilon, Gamma, LRPError, Zero, ZPlus, attribute


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.norm, self.head = nn.BatchNorm2d(8), nn.Linear(16, 4)
        self.autocast = None

    def forward(self, x):
        if self.autocast is None:
            return self.steps(x)
        with torch.autocast("cpu", self.autocast):
            return self.steps(x)

    def steps(self, x):
        x = F.gelu(self.first(x))
        x = F.relu(self.norm(self.second(F.avg_pool2d(x, 2)))) + F.lp_pool2d(x, 2, 2)
        x = x.flatten(2)
        return self.head(torch.cat([x.mean(2), torch.sqrt(x.var(2) + 1e-3)], 1)).softmax(1)


def relative(found, expected):
    return float((found.double() - expected).norm() / expected.norm())


RULES = {
    "epsilon": Epsilon(0.1),
    "gamma": Gamma(0.25),
    "z_plus": ZPlus(),
    "alpha_beta": AlphaBeta(2, 1),
}


@pytest.fixture(params=RULES)
def case(request):
    torch.manual_seed(0)
    net, x = Net().eval(), torch.randn(8, 1, 16, 16)
    rules = Composite([(nn.Linear, Zero()), (nn.Conv2d, RULES[request.param])])
    return net, x, rules, attribute(copy.deepcopy(net).double(), x.double(), 1, rules)[1]


def test_float32(case):
    net, x, rules, expected = case
    assert relative(attribute(net, x, 1, rules)[1], expected) < 1e-5


@pytest.mark.parametrize(("dtype", "error"), [(torch.float16, 0.02), (torch.bfloat16, 0.1)])
@pytest.mark.parametrize("how", ["model", "autocast inside", "autocast outside"])
def test_half_precision(how, dtype, error, case):
    net, x, rules, expected = case
    if how == "model":
        output, relevance = attribute(net.to(dtype), x.to(dtype), 1, rules)
        assert output.dtype == relevance.dtype == dtype
    elif how == "autocast inside":
        net.autocast = dtype
        _, relevance = attribute(net, x, 1, rules)
    else:
        with torch.autocast("cpu", dtype):
            _, relevance = attribute(net, x, 1, rules)
    assert relative(relevance, expected) < error


def test_relevance_that_overflows_is_an_error():
    net = nn.Sequential(nn.Linear(2, 1, bias=False)).eval()
    net[0].weight.data = torch.tensor([[1e4, -1e4]])
    x = torch.tensor([[1.0, 1.0 + 1e-6]]) * 6e30
    with pytest.raises(LRPError, match="the relevance is not finite: 2 of 2 values, the first at"):
        attribute(net, x, lambda z: 1e30 * z, Composite([(nn.Linear, Zero())]))


@pytest.mark.parametrize("active", ["positive", "either"])
def test_a_rare_sign_keeps_its_precision(active):
    """Negative contributions of a ten-thousandth are no rounding error of the positive ones."""
    dense = nn.Linear(64, 512, bias=False)
    with torch.no_grad():
        dense.weight.abs_()
        dense.weight[:, 0] = -1e-4 * torch.rand(512)
    between = nn.ReLU() if active == "positive" else nn.BatchNorm1d(512)
    net = nn.Sequential(dense, between, nn.Linear(512, 1, bias=False)).eval()
    x = torch.rand(8, 64)
    rules = Composite([("0", AlphaBeta(2, 1)), (nn.Module, Zero())])
    expected = attribute(copy.deepcopy(net).double(), x.double(), 0, rules)[1]
    assert relative(attribute(net, x, 0, rules)[1], expected) < 1e-5
