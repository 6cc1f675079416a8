"""Constants that change: before they are read, which is no matter, and afterwards, which is."""

import operator

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, Gamma, NotExplainable, attribute

SOME = torch.tensor([0.5, 1.0, 2.0, 1.5, 1.0, 3.0], dtype=torch.float64)
READERS = {
    "a weight": (lambda x, w: F.linear(x, w), torch.eye(6).double()),
    "a kernel": (lambda x, w: F.conv1d(x[:, None], w).flatten(1), torch.ones(1, 1, 2).double()),
    "a matrix": (lambda x, w: x @ w, torch.eye(6).double()),
    "a bias": (lambda x, w: F.linear(x, torch.eye(6).double(), w), SOME),
    "a factor": (lambda x, w: x * w, SOME),
    "a divisor": (lambda x, w: x / w, SOME),
    "a norm": (lambda x, w: F.layer_norm(x, (6,), w), SOME),
    "statistics": (lambda x, w: F.batch_norm(x, w, SOME), SOME.clone()),
    "an exponent": (lambda x, w: x.abs() ** w, SOME),
    "a slope": (lambda x, w: F.prelu(x, w), SOME),
    "a mask": (lambda x, w: torch.where(w, x, 2 * x), torch.eye(6)[0] > 0),
    "indices": (lambda x, w: x[:, w], torch.tensor([0, 1, 2])),
}
CHANGES = {
    "in place": lambda w: w.copy_(w == 0),
    "by index": lambda w: operator.setitem(w, ..., w == 0),
    "a view": lambda w: w.view(-1).copy_(w.view(-1) == 0),
    "data": lambda w: w.data.copy_(w == 0),
    "other data": lambda w: setattr(w, "data", (w == 0).to(w.dtype)),
    "out": lambda w: torch.eq(w, 0, out=w),
}


@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", READERS)
def test_a_constant_that_changes_after_it_was_read_is_told(name, change, checkpoint, expression):
    """The sweep would read what it has become."""
    function, constant = READERS[name]

    def body(m, x):
        w = constant.clone()
        y = function(x, w)
        CHANGES[change](w)
        return y

    x, rules = torch.randn(3, 6).double(), Composite([(nn.Module, Gamma(0.2))])
    with pytest.raises(NotExplainable, match="changes a constant that"):
        attribute(expression(body), x, 0, rules, checkpoint=checkpoint)


def test_a_constant_may_change_before_it_is_read_and_stay_as_it_is_afterwards(
    expression, explained
):
    def body(m, x):
        w = SOME.clone()
        w *= 2
        y = x * w
        return y + w.clamp_(min=0)

    x, c = torch.randn(3, 6).double(), torch.randn(3, 6).double()
    torch.testing.assert_close(explained(expression(body), x, c), 2 * c * SOME * x)
