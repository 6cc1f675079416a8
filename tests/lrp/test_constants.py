"""What takes only type, device or shape from the input, and masks, are constants."""

import pytest
import torch
from torch import nn

from speechlrp.lrp import Composite, Zero, attribute

C = torch.rand(2, 4, dtype=torch.float64)
HALF = C.half().double()

CONSTANTS = {
    "to": (lambda x: C.half().to(x), HALF),
    "to, as keyword": (lambda x: C.half().to(tensor=x), HALF),
    "to a type": (lambda x: C.half().to(x.dtype), HALF),
    "type_as": (lambda x: C.half().type_as(x), HALF),
    "expand_as": (lambda x: C[:1].expand_as(x), C[:1]),
    "view_as": (lambda x: C.flatten().view_as(x), C),
    "reshape_as": (lambda x: C.T.contiguous().T.reshape_as(x), C),
    "ones_like": (lambda x: 2 * torch.ones_like(x), 2.0),
    "full_like": (lambda x: torch.full_like(x, 3), 3.0),
    "full_like, as keyword": (lambda x: torch.full_like(input=x, fill_value=3), 3.0),
    "empty_like": (lambda x: torch.empty_like(x).fill_(3), 3.0),
    "rand_like": (lambda x: torch.rand_like(x).ceil(), 1.0),
    "randn_like": (lambda x: torch.randn_like(x).abs().sign(), 1.0),
    "new_tensor": (lambda x: x.new_tensor([1.0, 2, 3, 4]), torch.arange(1.0, 5).double()),
    "new_ones": (lambda x: x.new_ones(4), 1.0),
    "new_empty": (lambda x: x.new_empty(4).fill_(5), 5.0),
    "a mask's": (lambda x: (torch.arange(4) < 3).to(x), torch.tensor([1.0, 1, 1, 0]).double()),
    "a shape": (lambda x: torch.full((x.size(-1),), float(x.shape[0])), 2.0),
}


@pytest.mark.parametrize("meeting", ["times", "plus"])
@pytest.mark.parametrize("name", CONSTANTS)
def test_only_type_device_or_shape(name, meeting):
    make, constant = CONSTANTS[name]

    class Model(nn.Module):
        def forward(self, x):
            return x * make(x) if meeting == "times" else make(x) + x

    x = torch.randn(2, 4, dtype=torch.float64)
    torch.manual_seed(0)  # of what draws at random
    output, relevance = attribute(Model().eval(), x, torch.sum, Composite([(nn.Module, Zero())]))
    expected = x * constant if meeting == "times" else x
    torch.testing.assert_close(relevance, expected.expand(2, 4))
    torch.testing.assert_close(output, expected if meeting == "times" else x + constant)


MASKED = {
    "x * (x > 0)": lambda x: x * (x > 0),
    "where": lambda x: torch.where(x.gt(0), x, 0.0),
    "a comparison with a tensor": lambda x: x * torch.ge(x, -x),
    "masked_fill": lambda x: x.masked_fill(x < 0, 0.0),
    "logical": lambda x: x * torch.logical_not(x <= 0) * (x == x),
    "isnan": lambda x: torch.relu(x.masked_fill(torch.isnan(x), 7.0)),
    "a branch": lambda x: torch.relu(x) if torch.isfinite(x).all() else x * 9,
    "a branch on a number": lambda x: torch.relu(x) if x.abs().sum() else x * 9,
    "bool": lambda x: torch.relu(x) * x.bool(),
    "any": lambda x: torch.relu(x) * x.any(),
    "allclose": lambda x: torch.relu(x) if not torch.allclose(x, -x) else x * 9,
}


@pytest.mark.parametrize("name", MASKED)
def test_a_mask_is_a_constant(name):
    class Model(nn.Module):
        def forward(self, x):
            return MASKED[name](x)

    x = torch.randn(2, 4, dtype=torch.float64)
    output, relevance = attribute(Model().eval(), x, torch.sum, Composite([(nn.Module, Zero())]))
    torch.testing.assert_close(output, x.relu())
    torch.testing.assert_close(relevance, x.relu())


def test_leaky_by_hand_is_leaky():
    class Model(nn.Module):
        def forward(self, x):
            return torch.where(x > 0, x, 0.1 * x)

    x = torch.randn(2, 4, dtype=torch.float64)
    output, relevance = attribute(Model().eval(), x, torch.sum, Composite([(nn.Module, Zero())]))
    torch.testing.assert_close(relevance, output)
