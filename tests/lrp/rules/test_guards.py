"""What keeps rules finite and boxes closed, at the edge where it counts."""

import pytest
import torch
from torch import nn

from speechlrp.lrp import Composite, Flat, LRPError, SignCorrected, WSquare, ZBox, attribute


@pytest.mark.parametrize("rule", [WSquare, Flat, lambda s: ZBox(-1, 1, s)])
@pytest.mark.parametrize("value", [0, -1e-6, float("inf")])
def test_a_stabiliser_is_above_0(rule, value):
    with pytest.raises(LRPError, match=f"stabilizer must be a finite number above 0; .* {value}"):
        rule(value)


@pytest.mark.parametrize("value", [0, -1e-21])
def test_the_sign_corrected_rules_eps_is_above_0(value):
    with pytest.raises(LRPError, match="eps must be a finite number above 0"):
        SignCorrected(value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_a_neuron_at_0_divides_by_the_least_number_of_the_precision(dtype):
    """An eps of 1e-21 is 0 in half precision."""
    layer = nn.Linear(3, 2, bias=False).to(dtype).eval()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -1.0, 0.0], [1.0, 2.0, 3.0]]))
    x = torch.ones(1, 3, dtype=dtype)
    _, relevance = attribute(layer, x, torch.sum, Composite([(nn.Module, SignCorrected())]))
    expected = torch.tensor([[1 / 3, 2 / 3, 1]]).to(dtype)
    torch.testing.assert_close(relevance, expected)


def test_an_example_without_relevance_is_not_divided_by_its_largest():
    layer = nn.Linear(3, 2, bias=False).double().eval()
    x = torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]], dtype=torch.float64)
    _, relevance = attribute(layer, x, 1, Composite([(nn.Module, SignCorrected())]))
    assert relevance[0].tolist() == [0, 0, 0]
    assert float(relevance[1].abs().max()) == 1


@pytest.mark.parametrize("side", [-1, 1])
def test_rounding_may_leave_the_box_by_a_hundred_thousandth_of_its_width(side):
    layer, width = nn.Linear(2, 1).double().eval(), 4.0
    composite = Composite([(nn.Module, ZBox(-2, 2))])

    def explain(beyond):
        edge = side * (2 + beyond * width)
        return attribute(layer, torch.tensor([[edge, 0.0]], dtype=torch.float64), 0, composite)

    explain(0.9e-5)
    with pytest.raises(LRPError, match="outside the box"):
        explain(1.1e-5)
