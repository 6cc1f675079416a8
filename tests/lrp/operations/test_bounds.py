"""Clamps and thresholds that leave 0 out: what they put in is a bias or a constant."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, Zero, attribute, conservation

ZERO = Composite([(nn.Module, Zero())])


FLOORS = {
    "clamp": lambda x: x.clamp(min=0.3),
    "torch.clamp": lambda x: torch.clamp(x, 0.3),
    "clamp_min_": lambda x: x.clamp_min_(0.3),
    "clip": lambda x: torch.clip(x, min=0.3, max=None),
    "two bounds": lambda x: x.clamp(min=0.3, max=1e4),
    "hardtanh": lambda x: F.hardtanh(x, 0.3, 9.0),
    "hardtanh_": lambda x: F.hardtanh(x, 0.3, 9.0, inplace=True),
    "below 0": lambda x: -(-x).clamp(max=-0.3),
    "below 0, two bounds": lambda x: -(-x).clamp(-7, -0.3),
}


@pytest.mark.parametrize("name", FLOORS)
def test_what_a_floor_adds_is_a_bias(name, expression):
    """R_in = R x / max(x, 0.3): bounded however close to 0 x is, and all of R above the floor."""
    x = torch.tensor([[2.0, 0.31, 0.29, 1e-30, 0.0, -1.0]], dtype=torch.float64)
    net = expression(lambda m, x: FLOORS[name](x.clone()))
    c = torch.randn(1, 6, dtype=torch.float64)
    output, relevance = attribute(net, x, c, ZERO)
    torch.testing.assert_close(output, x.clamp(min=0.3), rtol=0, atol=0)
    torch.testing.assert_close(relevance, c * output * x / output)
    (balance,) = [one for one in conservation(net, x, c, ZERO) if one.absorbed.abs().max() > 1e-9]
    torch.testing.assert_close(balance.bias, (c * (output - x)).sum(1))


def test_beyond_the_far_bound_relevance_passes():
    x = torch.tensor([[0.1, 1.0, 5.0]], dtype=torch.float64)
    for sign in (1, -1):

        class Bounded(nn.Module):
            def forward(self, x, low=0.3 if sign > 0 else -2, high=2 if sign > 0 else -0.3):
                return x.clamp(low, high)

        _, relevance = attribute(Bounded().eval(), sign * x, torch.ones(1, 3), ZERO)
        torch.testing.assert_close(relevance, sign * torch.tensor([[0.1, 1.0, 2.0]]).double())


@pytest.mark.parametrize("form", [F.threshold, F.threshold_])
def test_what_a_threshold_puts_in_is_a_constant(form, expression):
    x = torch.tensor([[2.0, 0.31, 0.29, 0.0, -1.0, 3.0]], dtype=torch.float64)
    _, relevance = attribute(
        expression(lambda m, x: form(x.clone(), 0.3, 20.0)), x, torch.ones(1, 6), ZERO
    )
    torch.testing.assert_close(relevance, torch.where(x > 0.3, x, 0))
