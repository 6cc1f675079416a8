"""Batch norm as a layer (T 3.16), merged into the layer before it, and the sign-corrected rule."""

import copy

import pytest
import torch
from torch import nn

from speechlrp.lrp import (
    AlphaBeta,
    Composite,
    Epsilon,
    Gamma,
    LRPError,
    Pass,
    SignCorrected,
    WSquare,
    Zero,
    ZPlus,
    attribute,
)
from tests.lrp import literal

PAIRS = {
    "conv1d": (nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4), (2, 6)),
    "conv2d without bias": (nn.Conv2d(2, 4, 2, bias=False), nn.BatchNorm2d(4), (2, 3, 4)),
    "conv3d groups": (nn.Conv3d(2, 4, 2, groups=2), nn.BatchNorm3d(4), (2, 2, 3, 3)),
    "linear": (nn.Linear(5, 4), nn.BatchNorm1d(4), (5,)),
    "transposed": (nn.ConvTranspose1d(2, 4, 3, stride=2), nn.BatchNorm1d(4), (2, 3)),
    "transposed groups": (nn.ConvTranspose2d(4, 4, 2, groups=2), nn.BatchNorm2d(4), (4, 2, 2)),
    "transposed depthwise": (
        nn.ConvTranspose1d(6, 6, 3, groups=3),
        nn.BatchNorm1d(6),
        (6, 5),
    ),
    "no affine": (nn.Conv1d(2, 4, 3), nn.BatchNorm1d(4, affine=False), (2, 6)),
}


def network(name):
    layer, norm, shape = copy.deepcopy(PAIRS[name])
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.3, 3)
    if norm.affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return nn.Sequential(layer, norm, nn.ReLU(), nn.Flatten()).double().eval(), shape


def inputs(shape):
    return torch.randn(3, *shape, dtype=torch.float64)


@pytest.mark.parametrize("rule", [Zero(), Epsilon(0.2), Gamma(2), ZPlus(), AlphaBeta(), WSquare()])
@pytest.mark.parametrize("name", PAIRS)
def test_merged_is_one_layer_with_the_norm_in_its_weights(name, rule, dense_matrix):
    net, shape = network(name)
    x = inputs(shape)
    target = torch.randn_like(net(x))
    _, found = attribute(net, x, target, Composite([(nn.Module, rule)], merge_batch_norm=True))
    W, b = dense_matrix(net[:2], shape)
    one = nn.Sequential(nn.Flatten(), nn.Linear(*W.T.shape), nn.ReLU()).double().eval()
    one.load_state_dict({"1.weight": W, "1.bias": b})
    if isinstance(rule, WSquare):
        one[1].weight.data[W == 0] = 0  # what a dense layer does not connect has no share
    _, expected = attribute(one, x, target, Composite([(nn.Module, rule)]))
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("eps", [0.0, 0.5])
def test_alone_it_follows_the_thesis(eps):
    """T 3.16: R_in = x s R / z, s = gamma / sqrt(var + eps), z the norm's output."""
    net, _ = network("conv2d without bias")
    norm = net[1]
    x = torch.randn(3, 4, 5, dtype=torch.float64)
    rule = Epsilon(eps) if eps else Zero()
    target = torch.randn(3, 4, 5, dtype=torch.float64)
    norm2 = nn.BatchNorm1d(4).double().eval()
    norm2.load_state_dict(norm.state_dict())
    output, found = attribute(norm2, x, target, Composite([(nn.BatchNorm1d, rule)]))
    s = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()[:, None]
    z = (x - norm.running_mean[:, None]) * s + norm.bias.detach()[:, None]
    expected = x * s * (z * target) / (z + eps * torch.sign(z))
    torch.testing.assert_close(output, z)
    torch.testing.assert_close(found, expected)


def test_without_a_rule_it_is_lrp_0():
    net, shape = network("conv1d")
    x = inputs(shape)
    _, named = attribute(net, x, torch.sum, Composite([(nn.Module, Zero())]))
    _, unnamed = attribute(net, x, torch.sum, Composite([(nn.Conv1d, Zero())]))
    torch.testing.assert_close(named, unnamed, rtol=0, atol=0)


@pytest.mark.parametrize("norm_rule", [Pass(), None])
def test_pass_hands_relevance_through_the_norm(norm_rule, dense_matrix):
    net, shape = network("conv1d")
    x = inputs(shape)[:1]
    pairs = [(nn.Conv1d, ZPlus())] + ([(nn.BatchNorm1d, norm_rule)] if norm_rule else [])
    output, found = attribute(net, x, torch.sum, Composite(pairs))
    W, b = dense_matrix(net[0], shape)
    R = output.flatten()
    if norm_rule is None:
        norm, z = net[1], (W @ x.flatten() + b).reshape(4, -1)
        s = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        R = (z * s[:, None] * (output.reshape(4, -1) > 0)).flatten().detach()
    expected = literal.z_plus(W, b, x.flatten(), R, 1e-6)
    torch.testing.assert_close(found.flatten(), expected)


def test_pass_needs_equal_shapes():
    net = nn.Sequential(nn.Linear(3, 2)).double().eval()
    with pytest.raises(LRPError, match=r"Pass needs an output shaped like the input; module '0'"):
        attribute(net, torch.randn(1, 3).double(), 0, Composite([(nn.Module, Pass())]))


def sign_corrected(W, b, x, R, sign, scale):
    z = W @ x + b
    r = (W * x) / (z.abs()[:, None] + 1e-21) * sign[:, None]
    passed = (r * R[:, None]).sum(0)
    return passed / passed.abs().max() if scale else passed


@pytest.mark.parametrize("scale", [False, True])
def test_sign_corrected_layer_by_layer(scale, dense_matrix):
    """conv -> bn -> relu twice, then a convolution, as the paper writes it."""
    first, shape = network("conv1d")
    second, _ = network("conv1d")
    conv2 = nn.Conv1d(4, 4, 2).double()
    last = nn.Conv1d(4, 3, 3).double()
    net = nn.Sequential(*first[:3], conv2, *second[1:3], last).eval()
    x = inputs(shape)
    rules = Composite([(nn.Module, SignCorrected(scale=scale))])
    _, found = attribute(net, x, lambda z: z[:, 2, 0], rules)
    for one, result in zip(x, found, strict=True):
        with torch.no_grad():
            a1 = net[:3](one[None])
            a2 = net[:6](one[None])
        W, b = dense_matrix(last, (4, 3))
        R = torch.zeros(3, 1, dtype=torch.float64)
        R[2, 0] = float(last(a2).detach()[0, 2, 0])
        z = W @ a2.flatten() + b
        R = sign_corrected(W, b, a2.flatten(), R.flatten(), torch.sign(z), scale)
        W, b = dense_matrix(conv2, (4, 4))
        R = sign_corrected(W, b, a1.flatten(), R, torch.sign(net[:5](one[None]).flatten()), scale)
        W, b = dense_matrix(net[0], shape)
        R = sign_corrected(W, b, one.flatten(), R, torch.sign(net[:2](one[None]).flatten()), scale)
        torch.testing.assert_close(result.flatten(), R.detach())


def test_merging_keeps_the_model_and_its_output():
    net, shape = network("conv3d groups")
    before = copy.deepcopy(net.state_dict())
    x = inputs(shape)
    output, _ = attribute(net, x, 0, Composite([(nn.Module, Zero())], merge_batch_norm=True))
    torch.testing.assert_close(output, net(x).detach(), rtol=0, atol=0)
    for key, value in net.state_dict().items():
        torch.testing.assert_close(value, before[key], rtol=0, atol=0)


def test_an_output_read_twice_is_not_merged():
    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)
            self.norm.running_mean.fill_(0.7)

        def forward(self, x):
            z = self.linear(x)
            return self.norm(z) + z

    net, x = Both().double().eval(), torch.randn(2, 4, dtype=torch.float64)
    pairs = [(nn.Linear, Gamma(1)), (nn.BatchNorm1d, Zero())]
    _, merged = attribute(net, x, 1, Composite(pairs, merge_batch_norm=True))
    _, apart = attribute(net, x, 1, Composite(pairs))
    torch.testing.assert_close(merged, apart, rtol=0, atol=0)
