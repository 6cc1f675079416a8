"""Pools of every kind against their windows, found one by one."""

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, NotExplainable, Zero, attribute

ZERO = Composite([(nn.Module, Zero())])


def windows_of_axis(size, kernel, stride, padding=0, dilation=1, ceil=False):
    """The indices that each window along one axis sees, out of ``[0, size)``."""
    span = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (math.ceil if ceil else math.floor)(span / stride) + 1
    if ceil and (count - 1) * stride >= size + padding:
        count -= 1  # a window has to begin inside the input or the padding before it
    starts = [n * stride - padding for n in range(count)]
    windows = [[start + n * dilation for n in range(kernel)] for start in starts]
    return [[i for i in window if 0 <= i < size] for window in windows]


def adaptive_windows(size, count):
    return [range(n * size // count, -(-(n + 1) * size // count)) for n in range(count)]


def shared_out(x, axes, c, share):
    """``R_in``; every window of ``x [channels, ...]`` gives ``c`` by ``share(values)``."""
    relevance = torch.zeros_like(x)
    shape = [len(windows) for windows in axes]
    for channel in range(len(x)):
        for place in itertools.product(*map(range, shape)):
            found = (windows[n] for windows, n in zip(axes, place, strict=True))
            indices = [(channel, *index) for index in itertools.product(*found)]
            values = torch.stack([x[index] for index in indices])
            parts = c[(channel, *place)] * share(values)
            for index, part in zip(indices, parts, strict=True):
                relevance[index] += part
    return relevance


def to_the_winner(values):
    return torch.where(torch.arange(len(values)) == values.argmax(), values, 0.0)


def by_power(p, of=None):
    """``z x^p / sum x^p``; ``of``: the factor between the window's mean and torch's sum."""

    def share(values):
        powers = values**p
        total = powers.sum()
        scale = 1 if of is None else of / len(values)
        if total == 0:
            return torch.zeros_like(values)
        return (total * scale).abs() ** (1 / p) * torch.sign(total) * powers / total

    return share


def evenly(values):
    return values / len(values)


def check(pool, x, axes, share):
    """A random weighting of the outputs, the engine against windows one by one."""
    model = pool if isinstance(pool, nn.Module) else Wrapped(pool)
    expected = model(x).detach()
    c = torch.randn_like(expected)
    output, relevance = attribute(model.eval(), x, c, ZERO)
    torch.testing.assert_close(output, expected, rtol=0, atol=0)
    literal = [shared_out(one, axes, weights, share) for one, weights in zip(x, c, strict=True)]
    torch.testing.assert_close(relevance, torch.stack(literal))
    torch.testing.assert_close(relevance.sum(), (c * output).sum())


class Wrapped(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


MAX = [(nn.MaxPool1d, F.max_pool1d), (nn.MaxPool2d, F.max_pool2d), (nn.MaxPool3d, F.max_pool3d)]
LP = [(nn.LPPool1d, F.lp_pool1d), (nn.LPPool2d, F.lp_pool2d), (nn.LPPool3d, F.lp_pool3d)]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_max_pools(data):
    """Overlap, padding, dilation and ceil mode: all relevance to each window's winner."""

    def draw(low, high):
        return data.draw(st.integers(low, high))

    dims = draw(1, 3)
    kernel, stride, dilation = ([draw(1, 3) for _ in range(dims)] for _ in range(3))
    padding = [draw(0, k // 2) for k in kernel]
    sizes = [d * (k - 1) + draw(1, 4) for k, d in zip(kernel, dilation, strict=True)]
    ceil, module = data.draw(st.booleans()), data.draw(st.booleans())
    x = torch.randn(2, 2, *sizes, dtype=torch.float64)
    settings = zip(sizes, kernel, stride, padding, dilation, strict=True)
    axes = [windows_of_axis(*one, ceil=ceil) for one in settings]
    arguments = (kernel, stride, padding, dilation)
    if module:
        pool = MAX[dims - 1][0](*arguments, ceil_mode=ceil)
    else:
        pool = lambda x: MAX[dims - 1][1](x, *arguments, ceil_mode=ceil)  # noqa: E731
    check(pool, x, axes, to_the_winner)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_lp_pools(data):
    """Any power, overlap, windows at the edge, values that are exactly 0."""

    def draw(low, high):
        return data.draw(st.integers(low, high))

    dims, p = draw(1, 3), data.draw(st.sampled_from([1, 2, 3, 4, 1.5, 0.5, 2.0]))
    kernel, stride = ([draw(1, 3) for _ in range(dims)] for _ in range(2))
    sizes = [k + draw(0, 3) for k in kernel]
    ceil, module = data.draw(st.booleans()), data.draw(st.booleans())
    x = torch.randn(2, 2, *sizes, dtype=torch.float64)
    x = x if p in (1, 2, 4) else x.abs()
    x[x.abs() < 0.7] = 0
    settings = zip(sizes, kernel, stride, strict=True)
    axes = [windows_of_axis(*one, ceil=ceil) for one in settings]
    kernel, stride = (kernel, stride) if dims > 1 else (kernel[0], stride[0])
    if module and dims < 3:
        pool = LP[dims - 1][0](p, kernel, stride, ceil)
    else:
        pool = lambda x: LP[dims - 1][1](x, p, kernel, stride, ceil_mode=ceil)  # noqa: E731
    volume = kernel if dims == 1 else math.prod(kernel)
    # At an edge torch takes the mean over what is there, times the whole kernel.
    check(pool, x, axes, by_power(p, of=volume))


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("p", [1, 2, 3, math.inf])
def test_lp_pools_of_zeros_are_no_nan(dims, p):
    x = torch.zeros(1, 2, *[4] * dims, dtype=torch.float64)
    x[0, 0, 0] = 2.0
    model = nn.Sequential(LP[dims - 1][0](p, 2), nn.Flatten()).eval()
    output, relevance = attribute(model, x, torch.ones(1, 2 * 2**dims), ZERO)
    assert bool(torch.isfinite(relevance).all())
    torch.testing.assert_close(relevance.sum(), output.sum())


def test_lp_pool_whose_sum_has_no_root():
    """An odd power of negative numbers: the model's own output is NaN, which is said."""
    with pytest.raises(ValueError, match="not finite"):
        attribute(nn.LPPool1d(3, 2).eval(), -torch.ones(1, 1, 4), lambda z: z.sum(), ZERO)
    with pytest.raises(NotExplainable, match=r"lp_pool1d .* with norm_type=-1\.0"):
        attribute(nn.LPPool1d(-1, 2).eval(), torch.ones(1, 1, 4), lambda z: z.sum(), ZERO)


def test_infinite_power_is_the_largest_magnitude():
    x = torch.tensor([[[1.0, -3.0, 2.0, 0.5]]], dtype=torch.float64)
    model = nn.LPPool1d(math.inf, 2).eval()
    _, relevance = attribute(model, x, torch.ones(1, 1, 2), ZERO)
    assert relevance.tolist() == [[[0.0, 3.0, 2.0, 0.0]]]


ADAPTIVE = {
    "max 1d": (nn.AdaptiveMaxPool1d, (7,), (3,), to_the_winner),
    "max 2d": (nn.AdaptiveMaxPool2d, (7, 5), (3, 2), to_the_winner),
    "max 3d": (nn.AdaptiveMaxPool3d, (4, 5, 3), (3, 2, 1), to_the_winner),
    "global max 2d": (nn.AdaptiveMaxPool2d, (7, 5), (1, 1), to_the_winner),
    "avg 1d": (nn.AdaptiveAvgPool1d, (7,), (3,), evenly),
    "avg 2d": (nn.AdaptiveAvgPool2d, (7, 5), (3, 2), evenly),
    "avg 3d": (nn.AdaptiveAvgPool3d, (4, 5, 3), (3, 2, 1), evenly),
    "global avg 3d": (nn.AdaptiveAvgPool3d, (3, 2, 3), (1, 1, 1), evenly),
}
FUNCTIONAL = {
    nn.AdaptiveMaxPool1d: F.adaptive_max_pool1d,
    nn.AdaptiveMaxPool2d: F.adaptive_max_pool2d,
    nn.AdaptiveMaxPool3d: F.adaptive_max_pool3d,
    nn.AdaptiveAvgPool1d: F.adaptive_avg_pool1d,
    nn.AdaptiveAvgPool2d: F.adaptive_avg_pool2d,
    nn.AdaptiveAvgPool3d: F.adaptive_avg_pool3d,
}


@pytest.mark.parametrize("functional", [False, True])
@pytest.mark.parametrize("name", ADAPTIVE)
def test_adaptive_and_global_pools(name, functional):
    kind, sizes, counts, share = ADAPTIVE[name]
    x = torch.randn(2, 2, *sizes, dtype=torch.float64)
    axes = [adaptive_windows(*one) for one in zip(sizes, counts, strict=True)]
    shape = counts if len(counts) > 1 else counts[0]
    pool = (lambda x: FUNCTIONAL[kind](x, shape)) if functional else kind(shape)
    check(pool, x, axes, share)


GLOBAL = {
    "amax": (lambda x: x.amax((2, 3)), to_the_winner),
    "torch.amax": (lambda x: torch.amax(x, dim=(2, 3)), to_the_winner),
    "max of max": (lambda x: x.max(3).values.max(dim=2)[0], to_the_winner),
    "torch.max": (lambda x: torch.max(x.flatten(2), 2)[0], to_the_winner),
    "max_pool of all": (lambda x: F.max_pool2d(x, x.shape[2:]).flatten(1), to_the_winner),
    "mean": (lambda x: x.mean((2, 3)), evenly),
    "mean of mean": (lambda x: torch.mean(x, 3).mean(dim=-1), evenly),
    "topk": (lambda x: x.flatten(2).topk(1).values.squeeze(2), to_the_winner),
    "returned indices": (
        lambda x: F.max_pool2d(x, x.shape[2:], return_indices=True)[0].flatten(1),
        to_the_winner,
    ),
    "adaptive, returned indices": (
        lambda x: F.adaptive_max_pool2d(x, 1, return_indices=True)[0].flatten(1),
        to_the_winner,
    ),
}


@pytest.mark.parametrize("name", GLOBAL)
def test_global_pools_written_out(name):
    pool, share = GLOBAL[name]
    x = torch.randn(2, 2, 4, 3, dtype=torch.float64)
    axes = [[range(4)], [range(3)]]
    check(lambda x: pool(x)[:, :, None, None], x, axes, share)


def test_ceil_mode_may_be_positional():
    x = torch.randn(2, 2, 5, 4, dtype=torch.float64)
    axes = [windows_of_axis(size, 2, 2, ceil=True) for size in (5, 4)]
    check(lambda x: torch.max_pool2d(x, 2, 2, 0, 1, True), x, axes, to_the_winner)


RESIZED = {
    "nearest": lambda x: F.interpolate(x, scale_factor=2),
    "nn.Upsample": nn.Upsample(scale_factor=2),
    "nearest, smaller": lambda x: F.interpolate(x, size=(2, 3), mode="nearest"),
    "bilinear": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "bilinear, aligned": nn.Upsample(size=(7, 7), mode="bilinear", align_corners=True),
    "bicubic": lambda x: F.interpolate(x, scale_factor=1.5, mode="bicubic"),
    "area": lambda x: F.interpolate(x, size=(2, 2), mode="area"),
    "fold of unfold": lambda x: F.fold(F.unfold(x, 2, stride=2), (4, 4), 2, stride=2),
    "nn.Unfold, overlapping": nn.Unfold(3, padding=1),
    "nn.Fold": lambda x: nn.Fold((3, 3), 2)(x.reshape(-1, 4, 4)),
    "Tensor.unfold": lambda x: x.unfold(2, 3, 1).mean(-1),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "nn.PixelShuffle": nn.PixelShuffle(2),
    "nn.ChannelShuffle": nn.ChannelShuffle(2),
}


@pytest.mark.parametrize("name", RESIZED)
def test_resizing_is_its_dense_matrix(name, literal_rule):
    function = RESIZED[name]
    x = torch.randn(2, 4, 4, 4, dtype=torch.float64)[:, : 1 if name == "nn.Fold" else 4]
    model = function if isinstance(function, nn.Module) else Wrapped(function)
    c = torch.randn_like(model(x))
    _, relevance = attribute(model.eval(), x, c, ZERO)
    for one, weights, found in zip(x, c, relevance, strict=True):
        columns = torch.autograd.functional.jacobian(lambda x: model(x[None]).flatten(), one)
        W = columns.reshape(weights.numel(), one.numel())
        R = (W @ one.flatten()) * weights.flatten()
        expected = literal_rule(W, torch.zeros(len(W)).double(), one.flatten(), R, 0.0)
        torch.testing.assert_close(found.flatten(), expected)
