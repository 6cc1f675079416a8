"""Norms are layers: every rule on ``z = s (x - M x) + t``, the deviation a constant.

With ``constant_mean`` they are diagonal, ``z_i = s_i x_i + t_i``, as batch norms always are.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, Epsilon, NotExplainable, Zero, attribute
from tests.lrp.test_rules import RULES_, TINY


def filled(norm):
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    for name, buffer in norm.named_buffers():
        if name == "running_mean":
            buffer.normal_()
        if name == "running_var":
            buffer.uniform_(0.5, 2)
    return norm.double().eval()


def channels(value, x):
    return value.reshape(-1, *[1] * (x.dim() - 1)).expand_as(x)


def running(norm, x):
    return channels(norm.running_mean, x), channels(norm.running_var, x)


def of_groups(count):
    def statistics(norm, x):
        groups = x.reshape(count, -1)
        mean = groups.mean(1, keepdim=True)
        square = ((groups - mean) ** 2).mean(1, keepdim=True)
        return (one.expand_as(groups).reshape(x.shape) for one in (mean, square))

    return statistics


def of_last(count):
    def statistics(norm, x):
        dims = tuple(range(-count, 0))
        mean = x.mean(dims, keepdim=True)
        return mean.expand_as(x), ((x - mean) ** 2).mean(dims, keepdim=True).expand_as(x)

    return statistics


def root_mean_square(norm, x):
    return torch.zeros_like(x), (x**2).mean(-1, keepdim=True).expand_as(x)


torch.manual_seed(6)
# module, shape of one example, (mean, variance) of one example, whether weights are per channel
NORMS = {
    "BatchNorm1d": (nn.BatchNorm1d(4), (4,), running, True),
    "BatchNorm1d, frames": (nn.BatchNorm1d(4, eps=0.1), (4, 5), running, True),
    "BatchNorm2d": (nn.BatchNorm2d(3), (3, 2, 4), running, True),
    "BatchNorm3d": (nn.BatchNorm3d(2), (2, 2, 3, 2), running, True),
    "BatchNorm2d, bare": (nn.BatchNorm2d(3, affine=False), (3, 2, 4), running, True),
    "InstanceNorm1d": (nn.InstanceNorm1d(3), (3, 5), of_groups(3), True),
    "InstanceNorm2d": (nn.InstanceNorm2d(3, affine=True), (3, 2, 4), of_groups(3), True),
    "InstanceNorm2d, running": (
        nn.InstanceNorm2d(3, affine=True, track_running_stats=True),
        (3, 2, 4),
        running,
        True,
    ),
    "GroupNorm": (nn.GroupNorm(2, 4), (4, 5), of_groups(2), True),
    "GroupNorm of one": (nn.GroupNorm(1, 4, affine=False), (4, 2, 3), of_groups(1), True),
    "GroupNorm, vectors": (nn.GroupNorm(3, 6, eps=0.2), (6,), of_groups(3), True),
    "LayerNorm": (nn.LayerNorm(5), (3, 5), of_last(1), False),
    "LayerNorm of two": (nn.LayerNorm((4, 5), eps=0.1), (3, 4, 5), of_last(2), False),
    "LayerNorm without bias": (nn.LayerNorm(6, bias=False), (6,), of_last(1), False),
    "LayerNorm, bare": (nn.LayerNorm(6, elementwise_affine=False), (6,), of_last(1), False),
    "RMSNorm": (nn.RMSNorm(5), (3, 5), root_mean_square, False),
    "RMSNorm, eps": (nn.RMSNorm(5, eps=0.3, elementwise_affine=False), (5,), root_mean_square, 0),
}


def scale_and_shift(norm, x, statistics, per_channel):
    """``s`` and ``t`` of one example: gamma / sqrt(var + eps), beta - s mean."""
    mean, variance = statistics(norm, x)
    eps = torch.finfo(x.dtype).eps if norm.eps is None else norm.eps
    gamma, beta = (getattr(norm, name, None) for name in ("weight", "bias"))
    spread = channels if per_channel else lambda value, x: value.expand_as(x)
    s = 1 / torch.sqrt(variance + eps)
    s = s if gamma is None else s * spread(gamma, x)
    t = -s * mean
    return s.detach(), (t if beta is None else t + spread(beta, x)).detach()


def averaging(norm, shape, statistics):
    """``M`` with ``mean(x) = M x``, by unit vectors."""
    count = torch.Size(shape).numel()
    units = torch.eye(count, dtype=torch.float64).reshape(count, *shape)
    return torch.stack([next(iter(statistics(norm, unit))).flatten() for unit in units], 1)


@pytest.mark.parametrize("constant_mean", [False, True])
@pytest.mark.parametrize("case", RULES_)
@pytest.mark.parametrize("name", NORMS)
def test_rule_on_norm(name, case, constant_mean):
    norm, shape, statistics, per_channel = NORMS[name]
    norm = filled(norm)
    x = torch.randn(3, *shape, dtype=torch.float64).clamp(-4, 3.5)
    c = torch.randn_like(x)
    rule, expected_of = RULES_[case]
    composite = Composite([(nn.Module, rule)], constant_mean=constant_mean)
    output, relevance = attribute(norm, x, c, composite)
    torch.testing.assert_close(output, norm(x).detach(), rtol=0, atol=0)
    for one, weights, z, found in zip(x, c, output, relevance, strict=True):
        s, t = scale_and_shift(norm, one, statistics, per_channel)
        torch.testing.assert_close(s * one + t, z)
        W, t, R = torch.diag(s.flatten()), t.flatten(), (z * weights).flatten()
        if statistics is not running and not constant_mean:
            mean = W @ averaging(norm, shape, statistics)
            W, t = W - mean, t + mean @ one.flatten()
        expected = expected_of(W, t, one.flatten(), R, TINY)
        torch.testing.assert_close(found.flatten(), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", NORMS)
def test_without_a_rule_it_is_lrp_0(name):
    norm, shape, *_ = NORMS[name]
    x = torch.randn(2, *shape, dtype=torch.float64)
    c = torch.randn_like(x)
    found = attribute(filled(norm), x, c, Composite([]))[1]
    torch.testing.assert_close(found, attribute(norm, x, c, Composite([(nn.Module, Zero())]))[1])


FUNCTIONAL = {
    "batch_norm": lambda m, x: F.batch_norm(x, m.v, m.v + 1, m.v, m.v),
    "batch_norm by name": lambda m, x: F.batch_norm(
        input=x, running_mean=m.v, running_var=m.v + 1, bias=m.v, eps=1e-3
    ),
    "instance_norm": lambda m, x: F.instance_norm(x),
    "group_norm": lambda m, x: F.group_norm(x, 2, weight=m.v),
    "layer_norm": lambda m, x: F.layer_norm(x, (5,), bias=m.v[:1].expand(5)),
    "layer_norm of a list": lambda m, x: F.layer_norm(x, [4, 5]),
    "layer_norm of a shape": lambda m, x: F.layer_norm(x, x.shape[1:]),
    "rms_norm": lambda m, x: F.rms_norm(x, (5,), eps=1e-3),
}


@pytest.mark.parametrize("name", FUNCTIONAL)
def test_functions_have_constant_statistics(name, expression):
    """``R_in = x s / z R``: the slope at statistics held fixed, by finite steps of z."""
    net = expression(FUNCTIONAL[name])
    net.v = torch.rand(4, dtype=torch.float64) + 0.5
    x, c = torch.randn(2, 2, 4, 5, dtype=torch.float64)
    rules = Composite([(nn.Module, Epsilon(0.1))], constant_mean=True)
    output, relevance = attribute(net, x, c, rules)
    torch.testing.assert_close(output, net(x), rtol=0, atol=0)
    s = relevance * (output + 0.1 * torch.sign(output)) / (x * output * c)
    t = output - s * x  # all numbers of one group share s and t, if the statistics are constants
    dims = {"batch_norm": (0, 2), "layer_norm": (2,), "rms_norm": (2,)}
    shared = dims.get("_".join(name.split()[0].split("_")[:2]), (2,))
    torch.testing.assert_close(s, s.mean(shared, keepdim=True).expand_as(s))
    torch.testing.assert_close(t, t.mean(shared, keepdim=True).expand_as(t))


REFUSED = {
    "takes its statistics from the batch": [
        nn.BatchNorm1d(4, track_running_stats=False),
        lambda x: F.batch_norm(x, torch.zeros(4), torch.ones(4), training=True),
        lambda x: F.batch_norm(x, None, None, training=True),
    ],
    "has weights or statistics that depend on the input": [
        lambda x: F.layer_norm(x, (5,), weight=x[0, 0]),
        lambda x: F.batch_norm(x, torch.zeros(4), torch.ones(4), bias=x[0, :, 0]),
        lambda x: F.batch_norm(x, x[0, :, 0], torch.ones(4).double()),
        lambda x: F.instance_norm(x, x[0, :, 0], torch.ones(4).double(), use_input_stats=False),
    ],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_no_diagonal_layer_raises(reason, expression):
    for function in REFUSED[reason]:
        net = expression(lambda m, x, function=function: function(x))
        if isinstance(function, nn.Module):
            net = nn.Sequential(function).double().eval()
        x = torch.randn(2, 4, 5, dtype=torch.float64)
        with pytest.raises(NotExplainable, match=reason):
            attribute(net, x, lambda z: z.sum(), Composite([(nn.Module, Zero())]))


@pytest.mark.parametrize(("order", "dim"), [(2.0, 1), (1.0, -1), (3.0, 2)])
@pytest.mark.parametrize("name", RULES_)
def test_normalize_divides_by_a_constant(order, dim, name):
    class Unit(nn.Module):
        def forward(self, x):
            return F.normalize(x, order, dim=dim)

    x = torch.randn(3, 4, 5, dtype=torch.float64)
    c = torch.randn_like(x)
    rule, expected_of = RULES_[name]
    output, relevance = attribute(Unit().eval(), x, c, Composite([(nn.Module, rule)]))
    size = x.abs().pow(order).sum(dim, keepdim=True).pow(1 / order)
    torch.testing.assert_close(output, x / size)
    s, none = (1 / size).expand_as(x)[1].flatten(), torch.zeros(20, dtype=torch.float64)
    R = (output * c)[1].flatten()
    expected = expected_of(torch.diag(s), none, x[1].flatten(), R, TINY)
    torch.testing.assert_close(relevance[1].flatten(), expected, rtol=1e-8, atol=1e-9)


def test_a_cosine_head_conserves():
    class Cosine(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 6))

        def forward(self, x):
            return F.linear(F.normalize(x), F.normalize(self.weight))

    net, x = Cosine().double().eval(), torch.randn(3, 6, dtype=torch.float64)
    output, relevance = attribute(net, x, 2, Composite([(nn.Linear, Zero())]))
    torch.testing.assert_close(relevance.sum(1), output[:, 2])
