"""Tensors that are changed in place: their shape, and constants that are written into."""

import pytest
import torch
from torch import nn

from speechlrp.lrp import Composite, NotExplainable, Zero, attribute

ZERO = Composite([(nn.Module, Zero())])
ORDER, TWICE = torch.tensor([2, 0, 5]), torch.tensor([2, 2, 5])


def reshaped(m, x):
    y = m.dense(x)  # [3, 6]
    y.unsqueeze_(1).transpose_(0, 2)  # [6, 1, 3]
    assert y.shape == (6, 1, 3)
    y.squeeze_(1).t_()
    y.swapaxes_(0, 1).swapdims_(1, 0)
    return y.squeeze_(0)


def input_reshaped(m, x):
    """wespeaker's ResNets begin so."""
    x.unsqueeze_(1)
    return m.dense(x).squeeze_(1)


def view_beside(m, x):
    y = m.dense(x)
    part = y[:, :2]  # is the same numbers as before
    y.unsqueeze_(0)
    return torch.cat([y[0], part], 1)


def steps(m, x):
    out = torch.zeros(3, 4, 6, dtype=x.dtype)
    for t in range(4):
        out[:, t] = m.dense(x) * (t + 1)
    return out.flatten(1)


def padded(m, x):
    out = x.new_zeros(3, 10)
    out[:, 2:8] = m.dense(x)
    return out


def empty(m, x):
    out = torch.empty(2, 3, 6, dtype=x.dtype)
    out[0], out[1] = m.dense(x), -x
    return out.transpose(0, 1).flatten(1)


def added(m, x):
    total = torch.zeros_like(x)
    for _ in range(2):
        total += m.dense(x)
    return total.add_(x)


def copied(m, x):
    out = torch.full((3, 6), 7.0, dtype=x.dtype)
    out.copy_(m.dense(x))
    return out


def by_mask(m, x):
    out = torch.zeros(3, 6, dtype=x.dtype)
    mask = torch.arange(6) % 2 == 0
    out[:, mask] = m.dense(x)[:, mask]
    return out


def in_single(m, x):
    out = torch.zeros(3, 6)
    out[:] = m.dense(x)
    return out.double()


def added_to_a_part(m, x):
    """Pre-emphasis, and a part of a part."""
    y = m.dense(x)
    y[:, 1:] -= 0.9 * x[:, :-1]
    y[:, 2] *= 3
    y[1:, :2] += x[:-1, 3:5]
    return y


def added_to_a_part_of_a_buffer(m, x):
    out = torch.zeros(3, 8, dtype=x.dtype)
    out[:, 1:7] += m.dense(x)
    out[:, :6] += x
    return out


LINEAR = {
    "added to a part": added_to_a_part,
    "added to a part of a buffer": added_to_a_part_of_a_buffer,
    "reshaped": reshaped,
    "input reshaped": input_reshaped,
    "view beside": view_beside,
    "steps": steps,
    "padded": padded,
    "empty": empty,
    "added": added,
    "copied": copied,
    "by mask": by_mask,
    "index_copy_": lambda m, x: torch.zeros(3, 6).double().index_copy_(1, ORDER, x[:, :3]),
    "index_copy": lambda m, x: m.dense(x).index_copy(1, ORDER, x[:, :3]),
    "index_add_": lambda m, x: torch.zeros(3, 6).double().index_add_(1, ORDER, x[:, 3:]),
    "index_fill_, twice": lambda m, x: m.dense(x).index_fill_(dim=1, index=TWICE, value=x[0, 0]),
    "index_fill_": lambda m, x: m.dense(x).index_fill_(1, ORDER, 0),
    "scatter_": lambda m, x: torch.zeros(3, 6).double().scatter_(1, ORDER.expand(3, 3), x[:, :3]),
    "scatter_add": lambda m, x: torch.scatter_add(m.dense(x), 1, ORDER.expand(3, 3), x[:, :3]),
    "index_put_": lambda m, x: m.dense(x).index_put_((ORDER[:2],), x[:2]),
    "index_put_, adding": lambda m, x: m.dense(x).index_put_((ORDER[:2],), x[:2], True),
    "masked_scatter": lambda m, x: m.dense(x).masked_scatter(torch.eye(3, 6) > 0, x),
    "select_scatter": lambda m, x: m.dense(x).select_scatter(x[:, 0], 1, 2),
    "slice_scatter": lambda m, x: m.dense(x).slice_scatter(x[:, :2], 1, 0, 2),
    "as_strided": lambda m, x: m.dense(x).as_strided((3, 4, 3), (6, 1, 1)).flatten(1),
}


@pytest.mark.parametrize("name", LINEAR)
def test_what_is_written_is_explained(name, expression, explained, gradient_times_input):
    net = expression(LINEAR[name])
    x = torch.randn(3, 6, dtype=torch.float64)
    if name in ("index_put_", "index_put_, adding"):
        net.body = lambda m, x: LINEAR[name](m, torch.cat([x, x]))
    c = torch.randn_like(net(x.clone()))
    relevance = explained(net, x, c)
    torch.testing.assert_close(relevance, gradient_times_input(net, x, c))


def test_a_buffer_of_another_precision(expression, explained, gradient_times_input):
    net, x = expression(in_single), torch.randn(3, 6, dtype=torch.float64)
    c = torch.randn(3, 6, dtype=torch.float64)
    torch.testing.assert_close(
        explained(net, x, c), gradient_times_input(net, x, c), rtol=1e-6, atol=1e-6
    )


def view_of_what_was_added_to(m, x):
    y = m.dense(x)
    part = y[:, :3]
    y[:, 1] += x[:, 0]
    return part + x[:, :3]


def another_part_assigned(m, x):
    y = m.dense(x)
    part = y[:, :3]
    part += x[:, :3]
    y[:, 3:] = part  # not where it came from: the first three have changed too
    return y


def changed_twice(m, x):
    y = m.dense(x)
    first, second = y[:, :3], y[:, 3:]
    first += x[:, :3]
    second += x[:, 3:]
    y[:, 3:] = second
    return y


@pytest.mark.parametrize("body", [view_of_what_was_added_to, another_part_assigned, changed_twice])
def test_changes_through_other_views_are_refused(body, expression):
    x = torch.randn(3, 6, dtype=torch.float64)
    with pytest.raises(NotExplainable, match="changed it through a view"):
        attribute(expression(body), x, lambda z: z.sum(), ZERO)


def a_view_and_a_part(m, x):
    out = torch.zeros(3, 6, dtype=x.dtype)
    out[:, :2].copy_(x[:, :2])
    out[:, 3] += x[:, 0]
    return out + m.dense(x)


def through_a_view(m, x):
    out = torch.zeros(3, 6, dtype=x.dtype)
    out[:, :2].copy_(x[:, :2])
    return out + m.dense(x)


def view_made_before(m, x):
    out = torch.zeros(3, 6, dtype=x.dtype)
    part = out[:, :2]
    out[:] = x
    return torch.cat([part, x], 1)


def of_a_view(m, x):
    out = torch.zeros(3, 6, dtype=x.dtype)
    out.view(6, 3)[0] = x[0, :3]
    return x + out.sum()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (a_view_and_a_part, "numbers of the input were written"),
        (through_a_view, "numbers of the input were written"),
        (of_a_view, "numbers of the input were written"),
        (view_made_before, "into a constant that has views"),
    ],
)
def test_constants_that_share_what_was_written_are_not_read(body, message, expression):
    x = torch.randn(3, 6, dtype=torch.float64)
    with pytest.raises(NotExplainable, match=message):
        attribute(expression(body), x, lambda z: z.sum(), ZERO)


def test_parameters_and_buffers_are_not_written_into(expression):
    def into_weight(m, x):
        m.dense.weight[0] = x[0]
        return m.dense(x)

    def into_buffer(m, x):
        m.memory[0].copy_(x[0])
        return m.dense(x)

    x = torch.randn(3, 6, dtype=torch.float64)
    for body in (into_weight, into_buffer):
        net = expression(body)
        net.register_buffer("memory", torch.zeros(3, 6).double())
        before = [one.clone() for one in (*net.parameters(), *net.buffers())]
        with pytest.raises(NotExplainable, match="into a parameter or buffer of the model"):
            attribute(net, x, lambda z: z.sum(), ZERO)
        for one, expected in zip((*net.parameters(), *net.buffers()), before, strict=True):
            torch.testing.assert_close(one, expected, rtol=0, atol=0)


def test_a_tensor_that_the_model_keeps_is_an_ordinary_one_again(expression):
    net, x = expression(lambda m, x: keep(m, x)), torch.randn(3, 6, dtype=torch.float64)

    def keep(m, x):
        m.kept[:] = m.dense(x)
        return m.kept * 2

    net.kept = torch.zeros(3, 6, dtype=torch.float64)
    attribute(net, x, lambda z: z.sum(), ZERO)
    assert type(net.kept) is torch.Tensor
    assert not net.kept.requires_grad
    torch.testing.assert_close(net.kept, net.dense(x).detach())
