"""What strangers write between the layers: moving, picking, masking, in place."""

from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, NotExplainable, WSquare, Zero, attribute

MASK = torch.tensor([True, False, True, True, False, True])
ORDER = torch.tensor([4, 0, 0, 3])


def assigned(m, x):
    y = m.dense(x)
    y[:, 1:3] = x[:, :2]
    y[:, -1] = 0
    y[0, ...] = y[1].clone()
    return y


def assigned_by_mask(m, x):
    y = m.dense(x)
    y[:, MASK] = -x[:, MASK]
    return y


def assigned_in_a_view(m, x):
    y = m.dense(x)
    y[:, 2:].mul_(2)  # the view is thrown away, yet y changes with it
    return y.clone()


def masked_in_place(m, x):
    y = m.dense(x)
    y.masked_fill_(MASK, 0.0)
    y += x
    return y


def copied(m, x):
    y = m.dense(x)
    y.copy_(m.relu(x))
    return y


def in_place_chain(m, x):
    y = m.dense(x)
    y *= 2
    y -= x
    y /= 3
    y = y.relu_().clone()
    y += y
    return y.neg_().abs_()


LINEAR = {
    "lerp_": lambda m, x: m.dense(x).lerp_(x, 0.3),
    "lerp": lambda m, x: torch.lerp(m.dense(x), x, 0.3) + m.dense(x).lerp(x, MASK.double()),
    "outer": lambda m, x: torch.outer(m.dense(x)[0], torch.arange(3).double()),
    "diag_embed": lambda m, x: torch.diag_embed(m.dense(x)).flatten(1),
    "trace": lambda m, x: m.dense(x)[:, :3].trace().reshape(1, 1) + torch.diag(x[:, :3])[None],
    "hsplit": lambda m, x: torch.hsplit(m.dense(x), 3)[1],
    "outer by name": lambda m, x: torch.outer(m.dense(x)[0], vec2=torch.arange(3).double()),
    "broadcast with a constant": lambda m, x: torch.broadcast_tensors(
        m.dense(x)[:1], torch.ones(3, 6).double()
    )[0],
    "meshgrid with a constant": lambda m, x: torch.meshgrid(
        x[0], torch.ones(2).double(), indexing="ij"
    )[0],
    "broadcast_tensors": lambda m, x: torch.broadcast_tensors(m.dense(x)[:1], x)[0],
    "column_stack": lambda m, x: torch.column_stack([m.dense(x)[:, 0], x[:, 1]]),
    "nansum": lambda m, x: m.dense(x).nansum(1, keepdim=True) + x.nanmean(1, keepdim=True),
    "grid_sample": lambda m, x: F.grid_sample(
        m.dense(x).view(1, 1, 3, 6), torch.linspace(-1, 1, 8).double().view(1, 2, 2, 2),
        align_corners=True,
    ).flatten(1),
    "type": lambda m, x: m.dense(x).type(torch.float32).type(x.dtype) if x.type() else x,
    "where": lambda m, x: torch.where(MASK, m.dense(x), x),
    "where, a number": lambda m, x: torch.where(MASK, m.dense(x), 0.0),
    "Tensor.where": lambda m, x: m.dense(x).where(MASK, -x),
    "masked_fill": lambda m, x: m.dense(x).masked_fill(MASK, 0),
    "masked_fill_": masked_in_place,
    "masked_select": lambda m, x: m.dense(x).masked_select(MASK.expand(3, 6)).view(3, 4),
    "tril": lambda m, x: m.dense(x).tril() + torch.triu(x, diagonal=1),
    "minimum": lambda m, x: torch.minimum(m.dense(x), x),
    "maximum": lambda m, x: torch.maximum(m.dense(x), -x) + x.fmax(m.dense(x)),
    "maximum with a constant": lambda m, x: m.dense(x).maximum(torch.zeros(6).double()),
    "torch.max of two": lambda m, x: torch.max(m.dense(x), x),
    "torch.min of two": lambda m, x: torch.min(m.dense(x), other=x),
    "max of a dimension": lambda m, x: m.dense(x).max(dim=1, keepdim=True).values,
    "min of a dimension": lambda m, x: torch.min(m.dense(x), 1, keepdim=True)[0],
    "amin": lambda m, x: m.dense(x).amin(1, keepdim=True),
    "maxout": lambda m, x: m.dense(x).view(-1, 2, 3).max(1)[0],
    "topk": lambda m, x: m.dense(x).topk(3, dim=1).values,
    "sort": lambda m, x: m.dense(x).sort(1, descending=True)[0] * torch.arange(6),
    "median": lambda m, x: m.dense(x).median(1, keepdim=True).values,
    "kthvalue": lambda m, x: torch.kthvalue(m.dense(x), 2, dim=1, keepdim=True)[0],
    "quantile": lambda m, x: m.dense(x).quantile(torch.tensor([0.3, 0.5]).double(), dim=1).T,
    "cummax": lambda m, x: m.dense(x).cummax(1).values - torch.cummin(x, 1)[0],
    "max_unpool1d": lambda m, x: F.max_unpool1d(
        *F.max_pool1d(m.dense(x)[:, None], 2, return_indices=True), 2
    ).flatten(1),
    "scatter_reduce": lambda m, x: m.dense(x).scatter_reduce(
        1, ORDER.expand(3, 4), x[:, :4], "mean"
    ),
    "scatter_reduce, amax": lambda m, x: torch.scatter_reduce(
        m.dense(x), 1, ORDER.expand(3, 4), x[:, :4], reduce="amax"
    ),
    "cdist": lambda m, x: torch.cdist(m.dense(x)[None], x[None])[0],
    "pairwise_distance": lambda m, x: F.pairwise_distance(m.dense(x), x, eps=0)[:, None],
    "dist": lambda m, x: torch.dist(m.dense(x), x, p=3)[None, None],
    "cumsum": lambda m, x: m.dense(x).cumsum(1),
    "diff": lambda m, x: torch.diff(m.dense(x), dim=1),
    "gather": lambda m, x: m.dense(x).gather(1, ORDER.expand(3, 4)),
    "index_select": lambda m, x: m.dense(x).index_select(1, ORDER),
    "fancy index": lambda m, x: m.dense(x)[:, ORDER],
    "take_along_dim": lambda m, x: m.dense(x).take_along_dim(ORDER.expand(3, 4), 1),
    "repeat_interleave": lambda m, x: m.dense(x).repeat_interleave(2, dim=1),
    "tile": lambda m, x: m.dense(x).tile(1, 2) + torch.broadcast_to(x[:, :1], (3, 12)),
    "flip and roll": lambda m, x: torch.fliplr(m.dense(x)) + x.roll(2, 1).flip(1),
    "diagonal": lambda m, x: m.dense(x)[:, :3].diagonal()[:, None] + x[:, :1],
    "unbind": lambda m, x: sum(m.dense(x).unbind(1))[:, None] + x,
    "setitem": assigned,
    "setitem by mask": assigned_by_mask,
    "copy_": copied,
    "in place": in_place_chain,
    "nested results": lambda m, x: {"a": [m.dense(x), (x,)]}["a"][1][0] + m.dense(x),
    "comprehension": lambda m, x: torch.stack([m.relu(part) for part in m.dense(x).split(2, 1)], 2)
    .sum(2),
    "std beside": lambda m, x: torch.cat([m.dense(x), m.dense(x).std(1, keepdim=True) + x * 0], 1),
    "a branch of zeros": lambda m, x: m.dense(x) + x.mul(0.0),
    "leaky": lambda m, x: F.leaky_relu(m.dense(x), 0.2) + F.prelu(x, torch.ones(6).double() * 0.3),
    "abs": lambda m, x: m.dense(x).abs() - abs(x),
    "clamp": lambda m, x: m.dense(x).clamp(min=0) + x.clamp_min(0),
    "rsub": lambda m, x: torch.rsub(m.dense(x), x),
}  # fmt: skip


@pytest.mark.parametrize("name", LINEAR)
def test_degree_one_is_gradient_times_input(name, expression, explained, gradient_times_input):
    net = expression(LINEAR[name])
    x = torch.randn(3, 6, dtype=torch.float64)
    c = torch.randn_like(net(x))
    relevance = explained(net, x, c)
    torch.testing.assert_close(relevance, gradient_times_input(net, x, c))
    torch.testing.assert_close(relevance.sum(), (c * net(x)).sum().detach(), rtol=1e-6, atol=1e-12)


PICKED = {
    "max of a dimension": lambda x: x.gather(1, x.max(1, keepdim=True).indices),
    "argmax": lambda x: x.gather(1, x.argmax(1, keepdim=True)),
    "topk": lambda x: x.take_along_dim(x.topk(1, dim=1).indices, 1),
    "sort": lambda x: x.gather(1, x.sort(1, descending=True)[1][:, :1]),
    "argsort": lambda x: x.gather(1, torch.argsort(x, dim=1)[:, -1:]),
    "scattered": lambda x: (
        x * torch.zeros_like(x).scatter_(1, x.argmax(1, keepdim=True), 1.0)
    ).sum(1, keepdim=True),
    "one hot": lambda x: (x * F.one_hot(x.argmax(1), 6)).sum(1, keepdim=True),
    "nonzero": lambda x: x[(x == x.amax(1, keepdim=True)).nonzero(as_tuple=True)][:, None],
}


@pytest.mark.parametrize("name", PICKED)
def test_where_the_winner_stands_is_a_constant(name, expression, explained):
    x, c = torch.randn(3, 6).double(), torch.randn(3, 1).double()
    relevance = explained(expression(lambda m, x: PICKED[name](x)), x, c)
    winner = torch.eye(6).double()[x.argmax(1)]
    torch.testing.assert_close(relevance, c * x * winner)


WIDE = {
    "scatter": lambda y, x: y.scatter(1, ORDER[2:].expand(2, 2), x),
    "scatter_add_": lambda y, x: y.scatter_add_(1, ORDER[2:].expand(2, 2), src=x),
    "scatter_reduce": lambda y, x: y.scatter_reduce(1, ORDER[2:].expand(2, 2), x, "sum"),
}


@pytest.mark.parametrize("name", WIDE)
def test_what_is_scattered_may_be_wider_than_its_index(name, expression, explained):
    """Torch itself takes no gradient there."""
    x, c = torch.randn(3, 6).double(), torch.randn(3, 6).double()
    found, expected = (
        explained(expression(lambda m, x, cut=cut: WIDE[name](m.dense(x), x[cut])), x, c)
        for cut in ((slice(None),), (slice(2), slice(2)))
    )
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dim", [1, None])
def test_a_product_of_n_numbers_is_shared_equally(dim, expression, explained):
    def body(m, x):
        return x.prod(1, keepdim=True) if dim else torch.prod(x)[None, None]

    x = torch.randn(3, 6, dtype=torch.float64)
    relevance = explained(expression(body), x)
    each = body(None, x) / (6 if dim else 18)
    torch.testing.assert_close(relevance, each.expand(3, 6))


def test_a_view_changed_in_place_raises(expression):
    with pytest.raises(NotExplainable, match="through a view"):
        attribute(
            expression(assigned_in_a_view), torch.randn(3, 6).double(), 0,
            Composite([(nn.Module, Zero())]),
        )  # fmt: skip


class Block(nn.Module):
    """A stranger's block: keyword arguments, reuse, statistics, a residual in place."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleDict(
            OrderedDict(
                conv=nn.Conv1d(4, 4, 3, padding=1, bias=False),
                shared=nn.ModuleList([nn.ReLU(inplace=True), nn.AvgPool1d(3, 1, 1)]),
            )
        )
        self.gate = nn.Parameter(torch.rand(4, 1))

    def forward(self, x, *, scale=1.0):
        out = self.layers["conv"](input=x)
        out = self.layers["shared"][0](out)
        out = self.layers["conv"](out).mul_(scale)
        spread = torch.var(x, dim=2, keepdim=True).sqrt()
        out += x * self.gate
        return self.layers["shared"][1](out) + spread.expand_as(x)


class Stranger(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv1d(2, 4, 3, padding=1, bias=False), nn.Sequential())
        self.block = Block()
        self.head = nn.Linear(in_features=8, out_features=3, bias=False)

    def forward(self, x):
        x = self.stem(x)
        for scale in (1.0, 0.5):
            x = self.block(x, scale=scale)
            x = F.lp_pool1d(x, norm_type=2, kernel_size=2, ceil_mode=True)
        std, mean = torch.std_mean(x, dim=2)
        return self.head(torch.cat([mean, std], dim=-1))


def test_a_stranger_conserves(gradient_times_input):
    torch.manual_seed(0)
    net = Stranger().double().eval()
    x = torch.randn(4, 2, 11, dtype=torch.float64)
    output, relevance = attribute(net, x, 2, Composite([(nn.Module, Zero())]))
    torch.testing.assert_close(relevance.sum((1, 2)), output[:, 2], rtol=1e-6, atol=0)
    c = torch.zeros(4, 3, dtype=torch.float64)
    c[:, 2] = 1
    torch.testing.assert_close(relevance, gradient_times_input(net, x, c))


CARRIED = {
    "activation": lambda m, x: torch.tanh(m.pick(x)),
    "leaky": lambda m, x: F.leaky_relu(m.pick(x), 0.1),
    "square": lambda m, x: m.pick(x) ** 2,
    "where": lambda m, x: torch.where(MASK, m.pick(x), m.pick(x)),
    "setitem": lambda m, x: in_place_of(m.pick(x)),
    "max": lambda m, x: m.pick(x).unsqueeze(2).max(2)[0],
    "nearest": lambda m, x: F.interpolate(m.pick(x).unsqueeze(1), scale_factor=1.0)[:, 0],
}


def in_place_of(x):
    y = x.clone()
    y[:, 1:] = x[:, 1:]
    return y


@pytest.mark.parametrize("name", CARRIED)
def test_relevance_that_zeros_hold_is_carried_on(name):
    """w^2 gives relevance to inputs of 0; moving and activations pass it on unchanged."""

    class Net(nn.Module):
        def __init__(self, body):
            super().__init__()
            self.body, self.last = body, nn.Linear(6, 2, bias=False)

        def pick(self, x):
            return x.roll(1, 1)

        def forward(self, x):
            return self.last(self.body(self, x))

    net = Net(CARRIED[name]).double().eval()
    x = torch.zeros(1, 6, dtype=torch.float64)
    x[0, 2] = 0.5
    output, relevance = attribute(net, x, 1, Composite([(nn.Linear, WSquare(1e-12))]))
    shares = net.last.weight.detach()[1] ** 2
    expected = output[0, 1] * (shares / shares.sum()).roll(-1)
    torch.testing.assert_close(relevance[0], expected)
