"""Which operations are known, in which forms, and what happens to all others."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, Epsilon, NotExplainable, Zero, attribute

ZERO = Composite([(nn.Module, Zero())])


class Model(nn.Module):
    """A forward given as a function of the model and the input."""

    def __init__(self, body, shape=(3,)):
        super().__init__()
        self.first = nn.Linear(4, 6, bias=False)
        self.conv = nn.Conv2d(1, 2, 3, padding=1, bias=False)
        self.pool = nn.MaxPool2d(3, 2)
        self.act = nn.ReLU()
        self.body = body

    def forward(self, x):
        return self.body(self, x)


def model(body):
    return Model(body).double().eval()


def dense(m, x):
    return m.first(x)


def image(m, x):
    """[B, 4] -> [B, 2, 6, 4]: something to pool."""
    return m.conv(m.first(x).unsqueeze(1).unsqueeze(3) * torch.tensor([1.0, -1.0, 0.5, 2.0]))


EXACT = {
    "relu": lambda m, x: F.relu(dense(m, x)),
    "torch.relu": lambda m, x: torch.relu(dense(m, x)),
    "method relu": lambda m, x: dense(m, x).relu(),
    "F.relu inplace": lambda m, x: F.relu(dense(m, x), inplace=True),
    "relu_": lambda m, x: dense(m, x).relu_(),
    "F.relu_": lambda m, x: F.relu_(dense(m, x)),
    "reused relu": lambda m, x: m.act(m.act(dense(m, x)) - m.act(-dense(m, x))),
    "reused pool": lambda m, x: m.pool(m.pool(F.pad(image(m, x), (3, 3, 3, 3)))).flatten(1),
    "reused dense": lambda m, x: m.first(m.first(x)[:, :4]),
    "max_pool2d": lambda m, x: F.max_pool2d(image(m, x), 3, 2, padding=1).flatten(1),
    "torch.max_pool2d": lambda m, x: torch.max_pool2d(image(m, x), 2).flatten(1),
    "max_pool1d": lambda m, x: F.max_pool1d(dense(m, x).unsqueeze(1), 3, 2).squeeze(1),
    "adaptive_max_pool2d": lambda m, x: F.adaptive_max_pool2d(image(m, x), 2).flatten(1),
    "avg_pool2d": lambda m, x: F.avg_pool2d(image(m, x), 2).flatten(1),
    "adaptive_avg_pool2d": lambda m, x: F.adaptive_avg_pool2d(image(m, x), 1)[:, :, 0, 0],
    "mean and sum": lambda m, x: image(m, x).mean((2, 3)) + image(m, x).sum(dim=(2, 3)),
    "view": lambda m, x: image(m, x).view(len(x), -1),
    "reshape and shape": lambda m, x: image(m, x).reshape(x.shape[0], x.size(1) * 12),
    "permute": lambda m, x: image(m, x).permute(0, 2, 3, 1).contiguous().flatten(1),
    "cat of chunks": lambda m, x: torch.cat(dense(m, x).chunk(2, dim=1)[::-1], dim=1),
    "cat with the input": lambda m, x: torch.cat([x, dense(m, x)], 1),
    "stack": lambda m, x: torch.stack([dense(m, x), m.act(dense(m, x))], 1).sum(1),
    "residual": lambda m, x: x + F.relu(dense(m, x))[:, :4],
    "residual in place": lambda m, x: dense(m, x)[:, :4].add_(x).relu_(),
    "+=": lambda m, x: plus_equals(m, x),
    "doubled": lambda m, x: (y := dense(m, x)) + y,
    "keyword arguments": lambda m, x: F.linear(input=x, weight=m.first.weight, bias=None),
    "module keywords": lambda m, x: m.first(input=x),
    "scaled": lambda m, x: 2 * dense(m, x) / 3 - dense(m, x) * torch.ones(6).double(),
    "negated": lambda m, x: -dense(m, x),
    "dropout": lambda m, x: F.dropout(dense(m, x), 0.5, training=m.training),
    "transpose": lambda m, x: dense(m, x).T.transpose(0, 1),
    "split": lambda m, x: dense(m, x).split(2, 1)[1],
    "unused branch": lambda m, x: (m.first(x), dense(m, x).chunk(3, 1)[0])[1],
    "zeros_like": lambda m, x: dense(m, x) + torch.zeros_like(dense(m, x)),
    "no_grad inside": lambda m, x: without_gradient(m, x),
    "by torch.ops": lambda m, x: torch.ops.aten.relu.default(dense(m, x)),
    "in place by torch.ops": lambda m, x: torch.ops.aten.mul_(dense(m, x), 2.0),
    "a layer by torch.ops": lambda m, x: torch.ops.aten.linear(x, m.first.weight),
    "is a number in it": lambda m, x: dense(m, x) * (2 if 0.123 in x else 3),
    "sum_to_size": lambda m, x: dense(m, x) + dense(m, x).sum_to_size(3, 1),
    "trapezoid": lambda m, x: dense(m, x) + torch.trapezoid(dense(m, x), dim=1)[:, None],
    "the input itself": lambda m, x: x,
    "clone": lambda m, x: dense(m, x.clone()),
}


def plus_equals(m, x):
    y = dense(m, x)
    z = F.relu(y)
    y += z
    y *= 3
    y -= z
    y /= 2
    return y


def without_gradient(m, x):
    with torch.no_grad():
        return F.relu(dense(m, x))


@pytest.mark.parametrize("name", EXACT)
def test_bias_free_operations_equal_gradient_times_input_and_conserve(name):
    net = model(EXACT[name])
    x = torch.randn(3, 4, dtype=torch.float64)
    before = x.clone()
    output, relevance = attribute(net, x, 1, ZERO)
    torch.testing.assert_close(x, before, rtol=0, atol=0)
    torch.testing.assert_close(output, net(x.clone()).detach(), rtol=0, atol=0)
    torch.testing.assert_close(relevance.sum(1), output[:, 1], rtol=1e-6, atol=1e-12)
    if name != "no_grad inside":
        leaf = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(net(leaf.clone())[:, 1].sum(), leaf)
        torch.testing.assert_close(relevance, x * gradient)


class Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        with torch._C.DisableTorchFunction():
            return x**2

    @staticmethod
    def backward(ctx, gradient):
        return gradient


UNKNOWN = {
    "_softmax": lambda m, x: torch.ops.aten._softmax(x, 1, False),
    "torch.lgamma": lambda m, x: torch.lgamma(x),
    "Tensor.round": lambda m, x: x.round(),
    "bilinear": lambda m, x: F.bilinear(x, x, x.reshape(1, 3, 4)[:, :1].expand(2, 4, 4)),
    "grid_sample": lambda m, x: F.grid_sample(x[None, None], x[:2, :2].reshape(1, 1, 2, 2)),
    "torch.nn.functional.log_softmax": lambda m, x: F.log_softmax(x.unsqueeze(0), dim=None)[0],
    "scaled_dot_product_attention": lambda m, x: F.scaled_dot_product_attention(
        x, x, x, dropout_p=0.5
    ),
    "a product of two tensors": lambda m, x: x * dense(m, x)[:, :4],
    "Tensor.__pow__": lambda m, x: x**0,
    "torch.pow": lambda m, x: torch.pow(x.abs(), x),
    "Tensor.norm": lambda m, x: x.norm(p=0, dim=1, keepdim=True),
    "Tensor.clamp": lambda m, x: x.clamp(min=torch.zeros(4).double()),
    "prelu": lambda m, x: F.prelu(x, x[0, :1]),
    "rrelu": lambda m, x: F.rrelu(x, training=True),
    "Tensor.detach": lambda m, x: dense(m, x) - dense(m, x).detach(),
    "Tensor.data": lambda m, x: dense(m, x) + dense(m, x.data),
    "Tensor.item": lambda m, x: x * x.sum().item(),
    "Tensor.numpy": lambda m, x: torch.tensor(x.numpy()),
    "Tensor.to": lambda m, x: x.to(torch.int64),
    "scatter": lambda m, x: x.scatter(1, torch.zeros(3, 1).long(), x[:, :1], reduce="multiply"),
    "batch_norm": lambda m, x: F.batch_norm(x, torch.zeros(4), torch.ones(4), training=True),
    "torch.addmm": lambda m, x: torch.addmm(x, torch.ones(3, 3), torch.ones(3, 4)),
    "lp_pool1d": lambda m, x: F.lp_pool1d(x.unsqueeze(1), -1, 2).squeeze(1),
    "does not depend on": lambda m, x: m.first.weight[x.argmax(1)],
    "dropout": lambda m, x: F.dropout(x, 0.5),
    "aten.pow": lambda m, x: dense(m, Squared.apply(x)),
    "output does not depend": lambda m, x: m.first(torch.ones(3, 4).double()),
    "out=": lambda m, x: out_argument(m, x),
}


def out_argument(m, x):
    y = dense(m, x)
    torch.add(y, 1, out=y)
    return y


@pytest.mark.parametrize("name", UNKNOWN)
def test_anything_else_raises_by_name(name):
    with pytest.raises(NotExplainable, match=name.replace(".", r"\.")) as caught:
        attribute(model(UNKNOWN[name]), torch.randn(3, 4, dtype=torch.float64), 0, ZERO)
    assert "\n" not in str(caught.value)


def test_the_error_names_the_module_it_stands_in():
    class Odd(nn.Module):
        def forward(self, x):
            return torch.lgamma(x)

    net = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), Odd())).eval()
    with pytest.raises(NotExplainable, match=r"torch\.lgamma in module '1\.1' \(Odd\)") as caught:
        attribute(net, torch.randn(2, 4), 0, ZERO)
    assert "docs/adding-a-rule.md" in str(caught.value)


def test_a_caught_refusal_still_raises():
    def body(m, x):
        try:
            return torch.lgamma(x)
        except ValueError:
            return x

    with pytest.raises(NotExplainable, match=r"torch\.lgamma"):
        attribute(model(body), torch.randn(3, 4, dtype=torch.float64), 0, ZERO)


def changed_under_a_view(m, x):
    y = dense(m, x)
    part = y[:, :2]
    part.relu_()
    return y


def view_of_a_changed_tensor(m, x):
    y = dense(m, x)
    part = y.view(3, 2, 3)
    y.relu_()
    return part.flatten(1)


@pytest.mark.parametrize("body", [changed_under_a_view, view_of_a_changed_tensor])
def test_in_place_changes_through_views_raise(body):
    with pytest.raises(NotExplainable, match="through a view"):
        attribute(model(body), torch.randn(3, 4, dtype=torch.float64), 0, ZERO)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_scripted_parts_raise():
    scripted = torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.Sigmoid()))
    net = nn.Sequential(scripted, nn.Linear(4, 2)).eval()
    with pytest.raises(NotExplainable, match="out of sight"):
        attribute(net, torch.randn(2, 4), 0, ZERO)


def test_sixteen_residual_blocks_conserve():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(8, 8, bias=False)

        def forward(self, x):
            out = F.relu(self.inner(x))
            out += x
            return out

    net = nn.Sequential(*(Block() for _ in range(16)), nn.Linear(8, 3, bias=False)).double().eval()
    x = torch.randn(4, 8, dtype=torch.float64)
    output, relevance = attribute(net, x, 2, ZERO)
    torch.testing.assert_close(relevance.sum(1), output[:, 2], rtol=1e-6, atol=0)


@pytest.mark.parametrize("order", ["relu first", "relu last", "relu only"])
def test_epsilon_sees_the_pre_activation_whoever_else_reads_it(order):
    """A ReLU's result may stand in for its input only while nothing else reads that."""

    def body(m, x):
        z = dense(m, x)
        if order == "relu first":
            a = F.relu(z)
            return a + 0.5 * z
        b = 0.5 * z if order == "relu last" else 0
        return F.relu(z) + b

    net = model(body)
    x = torch.randn(3, 4, dtype=torch.float64)
    _, relevance = attribute(net, x, 1, Composite([(nn.Linear, Epsilon(0.3))]))
    W = net.first.weight.detach()
    z = x @ W[1]
    slope = (z > 0).double() + (0 if order == "relu only" else 0.5)
    expected = x * W[1] * (z * slope / (z + 0.3 * torch.sign(z)))[:, None]
    torch.testing.assert_close(relevance, expected)


def test_weights_computed_in_the_forward_are_constants():
    net = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3, bias=False))).eval()
    x = torch.randn(2, 4)
    output, relevance = attribute(net, x, 0, Composite([(nn.Linear, Zero())]))
    torch.testing.assert_close(relevance.sum(1), output[:, 0])
