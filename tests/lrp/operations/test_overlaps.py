"""Several numbers for one place, and places that are one: what no gradient tells apart."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, NotExplainable, Zero, attribute

ZERO = Composite([(nn.Module, Zero())])
ORDER, TWICE = torch.tensor([2, 0, 5]), torch.tensor([2, 2, 5])


def over_itself(m, x):
    y = torch.zeros(3, 6, dtype=x.dtype)
    y[:, [0, 1, 1]] = x[:, :3]
    return m.dense(y)


def repeated_over_itself(m, x):
    y = m.dense(x)
    y[1, torch.tensor([0, 4, 4])] = x[0, 0]  # thrice the same number
    return y


def unpooled(m, x):
    pooled, where = F.max_pool1d(m.dense(x)[:, None], 3, 1, return_indices=True)
    return F.max_unpool1d(pooled, where, 3, 1).flatten(1)


@pytest.mark.parametrize(
    "body",
    [
        over_itself,
        repeated_over_itself,
        unpooled,
        lambda m, x: torch.zeros(3, 6).double().scatter_(1, TWICE.expand(3, 3), x[:, :3]),
        lambda m, x: m.dense(x).index_copy(1, TWICE, x[:, :3]),
        lambda m, x: m.dense(x).index_put((torch.tensor([1, 1, 0]),), x),
    ],
)
def test_what_is_overwritten_takes_no_part_unseen(body, expression):
    """Autograd gives the whole gradient to each of the numbers of which one stays."""
    x = torch.arange(18, dtype=torch.float64).reshape(3, 6) - 7
    with pytest.raises(NotExplainable, match="writes several numbers to one place"):
        attribute(expression(body), x, lambda z: z.sum(), ZERO)


def part_of_what_was_expanded(m, x):
    y = m.dense(x)[:, :1].expand(-1, 6)
    y[:, :1] *= 0.3  # which changes all six
    return y


def expanded_and_set(m, x):
    y = m.dense(x)[:, :1].expand(-1, 6)
    y[:, 2] = 0
    return y


def constant_expanded(m, x):
    y = torch.zeros(3, 1, dtype=x.dtype).expand(3, 6)
    y[:, 2] = x[:, 0]
    return m.dense(y)


def windows(m, x):
    y = m.dense(x).unfold(1, 3, 1)
    y[:, 0] += x[:, :3]
    return y.flatten(1)


@pytest.mark.parametrize(
    "body", [part_of_what_was_expanded, expanded_and_set, constant_expanded, windows]
)
def test_what_lies_on_itself_is_not_changed_in_part(body, expression):
    x = torch.randn(3, 6, dtype=torch.float64)
    with pytest.raises(NotExplainable, match="changes a tensor whose places overlap"):
        attribute(expression(body), x, lambda z: z.sum(), ZERO)


def test_a_sum_that_autograd_cannot_lead_back_is_refused(expression):
    net = expression(lambda m, x: x.scatter(1, ORDER.expand(3, 3), m.dense(x), reduce="add"))
    with pytest.raises(NotExplainable, match="writes with reduce='add'"):
        attribute(net, torch.randn(3, 6).double(), lambda z: z.sum(), ZERO)
