"""Variance, deviation, roots and norms: each conserves by itself."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, Epsilon, Zero, attribute, conservation

DIMS = {
    "last": (-1, (2,)),
    "one": (1, (1,)),
    "two": ((1, 2), (1, 2)),
    "list": ([2], (2,)),
}
CORRECTIONS = [{}, {"correction": 0}, {"correction": 1}, {"unbiased": False}, {"correction": 2}]


def over(x, axes, keep=True):
    """Mean over some axes and how many numbers it is of."""
    count = 1
    for axis in axes:
        count *= x.shape[axis]
    return x.sum(axes, keepdim=keep) / count, count


def variance_shares(x, axes, correction):
    """``x_i (x_i - m) / (N - correction)``: the summands of the variance, since the rest is 0."""
    mean, count = over(x, axes)
    return x * (x - mean) / (count - correction)


@pytest.mark.parametrize("options", CORRECTIONS, ids=str)
@pytest.mark.parametrize("dims", DIMS)
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("form", ["torch.var", "Tensor.var", "var_mean", "dim by name"])
def test_variance(form, keepdim, dims, options, expression, explained):
    """R_i = c x_i (x_i - m) / (N - correction)."""
    dim, axes = DIMS[dims]
    correction = options.get("correction", int(options.get("unbiased", True)))

    def body(m, x):
        if form == "torch.var":
            return torch.var(x, dim, keepdim=keepdim, **options)
        if form == "Tensor.var":
            return x.var(dim, keepdim=keepdim, **options)
        if form == "var_mean":
            return torch.var_mean(x, dim, keepdim=keepdim, **options)[0]
        return torch.var(input=x, dim=dim, keepdim=keepdim, **options)

    x = torch.randn(2, 3, 4, dtype=torch.float64)
    net = expression(body)
    c = torch.randn_like(net(x))
    relevance = explained(net, x, c)
    wide = c if keepdim else c.reshape(over(x, axes)[0].shape)
    torch.testing.assert_close(relevance, wide * variance_shares(x, axes, correction))
    torch.testing.assert_close(relevance.sum(), (c * net(x)).sum())


@pytest.mark.parametrize("options", CORRECTIONS, ids=str)
@pytest.mark.parametrize("form", ["torch.std", "Tensor.std", "std_mean", "sqrt of var", "** 0.5"])
def test_deviation(form, options, expression, explained):
    """R_i = c x_i (x_i - m) / ((N - correction) std)."""
    correction = options.get("correction", int(options.get("unbiased", True)))
    bodies = {
        "torch.std": lambda m, x: torch.std(x, dim=2, **options),
        "Tensor.std": lambda m, x: x.std(2, **options),
        "std_mean": lambda m, x: torch.std_mean(x, 2, **options)[0],
        "sqrt of var": lambda m, x: torch.sqrt(x.var(2, **options)),
        "** 0.5": lambda m, x: x.var(2, **options) ** 0.5,
    }
    x = torch.randn(2, 3, 4, dtype=torch.float64)
    c = torch.randn(2, 3, dtype=torch.float64)
    net = expression(bodies[form])
    relevance = explained(net, x, c)
    shares = variance_shares(x, (2,), correction)
    std = shares.sum(2, keepdim=True).sqrt()
    torch.testing.assert_close(relevance, c[:, :, None] * shares / std)
    torch.testing.assert_close(relevance.sum(), (c * net(x)).sum())


def test_without_dimensions_it_is_over_everything(expression, explained):
    x = torch.randn(1, 3, 4, dtype=torch.float64)
    for body in (lambda m, x: x.var()[None], lambda m, x: torch.std(x)[None]):
        net = expression(body)
        torch.testing.assert_close(explained(net, x).sum(), net(x).sum())


def test_variance_and_mean_of_one_call(expression, explained):
    """Two results of degrees two and one."""

    def body(m, x):
        return torch.stack(torch.var_mean(x, 2), 2)

    x, c = torch.randn(2, 3, 4, dtype=torch.float64), torch.randn(2, 3, 2, dtype=torch.float64)
    relevance = explained(expression(body), x, c)
    wanted = c[..., :1] * variance_shares(x, (2,), 1) + c[..., 1:] * x / 4
    torch.testing.assert_close(relevance, wanted)


WRITTEN = {
    "E[x^2] - E[x]^2": lambda m, x: (x**2).mean(2) - x.mean(2) ** 2,
    "with products": lambda m, x: (x * x).mean(2) - (mean := x.mean(2)) * mean,
    "with square and pow": lambda m, x: x.square().mean(2) - x.mean(2).pow(2),
    "of the centred": lambda m, x: ((x - x.mean(2, keepdim=True)) ** 2).mean(2),
    "with in place": lambda m, x: x.clone().square_().mean(2).sub_(x.mean(2).pow_(2)),
    "torch.var": lambda m, x: x.var(2, unbiased=False),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_variance_written_out(name, expression, explained):
    """R_i = c (x_i^2 - x_i m) / N, whichever way it is written."""
    x, c = torch.randn(2, 3, 4, dtype=torch.float64), torch.randn(2, 3, dtype=torch.float64)
    net = expression(WRITTEN[name])
    relevance = explained(net, x, c)
    torch.testing.assert_close(relevance.sum(2), c * net(x).detach())
    torch.testing.assert_close(relevance, c[:, :, None] * variance_shares(x, (2,), 0))


def test_statistics_of_constants_are_no_nan(expression):
    """std, sqrt and norms at 0, where gradients are infinite."""
    bodies = [
        lambda m, x: x.std(2),
        lambda m, x: torch.std_mean(x, 2)[0],
        lambda m, x: x.var(2).sqrt(),
        lambda m, x: x.var(2) ** 0.5,
        lambda m, x: torch.sqrt(F.relu(-x.abs())).sum(2),
        lambda m, x: x[:, :, :1].norm(dim=2) * 0 + torch.linalg.vector_norm(x * 0, dim=2),
        lambda m, x: torch.cat([x.mean(2), x.std(2)], 1),
    ]
    x = torch.full((2, 6, 4), 3.0, dtype=torch.float64)
    for body in bodies:
        net = expression(body)
        output, relevance = attribute(net, x, lambda z: z.sum(), Composite([(nn.Module, Zero())]))
        assert bool(torch.isfinite(relevance).all())
        torch.testing.assert_close(relevance.sum(), output.sum())


def test_an_epsilon_under_the_root_is_a_bias(expression):
    """sqrt(var + eps) hands on var / (var + eps) of its relevance."""
    net = expression(lambda m, x: torch.sqrt(x.var(2) + 0.5))
    x = torch.randn(2, 3, 4, dtype=torch.float64)
    c = torch.randn(2, 3, dtype=torch.float64)
    output, relevance = attribute(net, x, c, Composite([(nn.Module, Zero())]))
    var = x.var(2)
    torch.testing.assert_close(relevance.sum(2), c * output * var / (var + 0.5))
    balances = conservation(net, x, c, Composite([(nn.Module, Zero())]))
    kept = {one.operation: (one.passed - one.received).abs().max() for one in balances}
    assert {"sqrt", "add", "var"} == set(kept)
    assert kept["sqrt"] < 1e-12
    assert kept["var"] < 1e-12
    assert kept["add"] > 0.01


class StatisticsPooling(nn.Module):
    """Mean and deviation over time, as in x-vectors."""

    def __init__(self, root):
        super().__init__()
        self.frames = nn.Sequential(
            nn.Conv1d(2, 6, 3, padding=1, bias=False), nn.ReLU(), nn.Conv1d(6, 6, 1, bias=False)
        )
        self.head = nn.Linear(12, 3, bias=False)
        self.root = root

    def forward(self, x):
        x = self.frames(x)
        x = x + F.relu(x)
        return self.head(torch.cat([x.mean(dim=2), self.root(x)], dim=1))


ROOTS = {
    "std": lambda x: x.std(dim=2),
    "var and sqrt": lambda x: torch.var(x, 2).sqrt(),
    "var, clamped": lambda x: x.var(2, correction=0).clamp(min=1e-9).sqrt(),
    "std_mean": lambda x: torch.std_mean(x, dim=-1)[0],
    "norm of the centred": lambda x: torch.linalg.norm(x - x.mean(2, keepdim=True), dim=2),
    "written out": lambda x: torch.sqrt(F.relu((x**2).mean(2) - x.mean(2) ** 2)),
}


@pytest.mark.parametrize("name", ROOTS)
def test_statistics_pooling_conserves(name, gradient_times_input):
    torch.manual_seed(0)
    net = StatisticsPooling(ROOTS[name]).double().eval()
    x = torch.randn(4, 2, 9, dtype=torch.float64)
    output, relevance = attribute(net, x, 1, Composite([(nn.Module, Zero())]))
    torch.testing.assert_close(relevance.sum((1, 2)), output[:, 1], rtol=1e-6, atol=0)
    c = torch.zeros(4, 3, dtype=torch.float64)
    c[:, 1] = 1
    if name in ("std", "var and sqrt", "std_mean", "norm of the centred"):
        torch.testing.assert_close(relevance, gradient_times_input(net, x, c))
    _, stabilised = attribute(net, x, 1, Composite([(nn.Module, Epsilon(1e-9))]))
    torch.testing.assert_close(stabilised, relevance, rtol=1e-5, atol=1e-7)


NORMS = {
    "Tensor.norm": lambda m, x: m.dense(x).norm(dim=1, keepdim=True),
    "torch.norm": lambda m, x: torch.norm(m.dense(x), 2, 1, keepdim=True),
    "p = 1": lambda m, x: torch.norm(m.dense(x), p=1, dim=1, keepdim=True),
    "vector_norm": lambda m, x: torch.linalg.vector_norm(m.dense(x), dim=1, keepdim=True),
    "linalg.norm": lambda m, x: torch.linalg.norm(m.dense(x), dim=1, keepdim=True),
    "p = 3": lambda m, x: torch.linalg.vector_norm(m.dense(x), 3, 1, keepdim=True),
    "p = inf": lambda m, x: m.dense(x).norm(float("inf"), 1, keepdim=True),
    "written out": lambda m, x: (m.dense(x) ** 2).sum(1, keepdim=True).sqrt(),
}


@pytest.mark.parametrize("name", NORMS)
def test_norms_are_gradient_times_input(name, expression, explained, gradient_times_input):
    net = expression(NORMS[name])
    x, c = torch.randn(3, 6, dtype=torch.float64), torch.randn(3, 1, dtype=torch.float64)
    relevance = explained(net, x, c)
    torch.testing.assert_close(relevance.sum(1), (c * net(x)).sum(1).detach())
    torch.testing.assert_close(relevance, gradient_times_input(net, x, c))
