"""Attention against its formula: rules, masks, and what is compared."""

import math

import torch
from torch import nn

from speechlrp.lrp import (
    Composite,
    Uniform,
    Zero,
    attribute,
    conservation,
)
from tests.lrp.zoo.reference import relevance

RULES = {
    "cp": Composite([(nn.Module, Zero())]),
    "halves": Composite([(nn.Module, Uniform()), (nn.Module, Zero())]),
}
SOME = torch.tensor([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1] * 5, [0, 0, 0, 1, 0], [1, 1, 0, 0, 1]])
ADDED = torch.linspace(-2, 2, 25, dtype=torch.float64).reshape(5, 5)
CAUSAL = torch.full((5, 5), -math.inf, dtype=torch.float64).triu(1)
NONE = torch.zeros(5, 5, dtype=torch.float64)
HIDDEN = NONE.masked_fill(SOME == 0, -math.inf)


def checked(net, forward, x, rule, rtol=1e-12, books=True):
    """Output and relevance against the reference, and the books of every operation.

    Those are kept example by example, so not of a model that holds a batch's mask.
    """
    c = torch.randn_like(net(x))
    output, found = attribute(net, x, c, RULES[rule])
    expected_output, expected = relevance(forward, x, c)
    torch.testing.assert_close(output, expected_output, rtol=rtol, atol=rtol)
    torch.testing.assert_close(found, expected, rtol=rtol, atol=rtol * float(expected.abs().max()))
    if not books:
        return
    balances = conservation(net, x, c, RULES[rule])
    lost = sum(one.bias + one.stabiliser for one in balances)
    kept = found.flatten(1).sum(1)
    torch.testing.assert_close(kept + lost, (c * output).flatten(1).sum(1), rtol=1e-9, atol=1e-9)
    for one in balances:
        assert one.stabiliser.abs().max() < 1e-9, one.operation
