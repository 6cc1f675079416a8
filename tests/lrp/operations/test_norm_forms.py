"""A norm is explained alike in one call and in every way to write it out, and keeps the sum."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import PRESETS, Composite, Uniform, Zero, attribute

EPS = 1e-5
RULES = {
    "signal takes all": Composite([(nn.Module, Zero())]),
    "halves": Composite([(nn.Module, Uniform()), (nn.Module, Zero())]),
}


def centred(x, dim):
    return x - x.mean(dim, keepdim=True)


def moments(x, dim):
    variance, mean = torch.var_mean(x, dim, correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + EPS)


def grouped(norm):
    return lambda x: norm(x.reshape(len(x), 2, -1), 2).reshape(x.shape)


DEVIATIONS = {
    "sqrt": lambda x, d: centred(x, d) / torch.sqrt(centred(x, d).pow(2).mean(d, True) + EPS),
    "var": lambda x, d: centred(x, d) / (x.var(d, correction=0, keepdim=True) + EPS).sqrt(),
    "rsqrt": lambda x, d: centred(x, d) * torch.rsqrt(x.var(d, False, True) + EPS),
    "rsqrt first": lambda x, d: (x.var(d, False, True) + EPS).rsqrt() * centred(x, d),
    "moments": moments,
    "power": lambda x, d: centred(x, d) * (centred(x, d).square().mean(d, True) + EPS).pow(-0.5),
    "**": lambda x, d: centred(x, d) * (centred(x, d).square().mean(d, True) + EPS) ** -0.5,
    "reciprocal": lambda x, d: centred(x, d) * (x.var(d, False, True) + EPS).sqrt().reciprocal(),
    "1 over it": lambda x, d: centred(x, d) * (1 / (x.var(d, False, True) + EPS).sqrt()),
    "in place": lambda x, d: centred(x, d).mul_((x.var(d, False, True) + EPS).rsqrt_()),
    "standard deviation": lambda x, d: centred(x, d) / x.std(d, False, True).clamp(min=EPS),
}
SQUARES = {
    "rsqrt": lambda x: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS),
    "sqrt": lambda x: x / (x.square().mean(-1, keepdim=True) + EPS).sqrt(),
    "power": lambda x: x * (x * x).mean(-1, keepdim=True).add(EPS).pow(-0.5),
    "in float": lambda x: (y := x.double()) * torch.rsqrt((y**2).mean(-1, keepdim=True) + EPS),
}
LENGTHS = {
    "norm": lambda x: x / x.norm(dim=-1, keepdim=True),
    "clamped": lambda x: x / x.norm(p=2, dim=-1, keepdim=True).clamp_min(1e-12).expand_as(x),
    "linalg": lambda x: x / torch.linalg.vector_norm(x, dim=-1, keepdim=True),
    "linalg.norm": lambda x: x / torch.linalg.norm(x, dim=-1, keepdim=True),
    "root of the sum": lambda x: x * x.pow(2).sum(-1, keepdim=True).rsqrt(),
}
FORMS = (
    [(lambda x: F.layer_norm(x, (6,)), lambda x, f=f: f(x, -1)) for f in DEVIATIONS.values()]
    + [(lambda x: F.instance_norm(x), lambda x, f=f: f(x, 2)) for f in DEVIATIONS.values()]
    + [(lambda x: F.group_norm(x, 2), grouped(f)) for f in DEVIATIONS.values()]
    + [(lambda x: F.rms_norm(x, (6,), eps=EPS), f) for f in SQUARES.values()]
    + [(lambda x: F.normalize(x, dim=-1), f) for f in LENGTHS.values()]
)
NAMES = [f"{norm} {form}" for norm in ("layer", "instance", "group") for form in DEVIATIONS]
NAMES += [f"rms {form}" for form in SQUARES] + [f"normalize {form}" for form in LENGTHS]


class Blocks(nn.Module):
    """Three residual blocks that norm first, on ``[B, 4, 6]``, without biases."""

    def __init__(self, norm):
        super().__init__()
        torch.manual_seed(9)
        self.norm = norm
        self.layers = nn.ModuleList(nn.Linear(6, 6, bias=False) for _ in range(3))

    def forward(self, x):
        for layer in self.layers:
            x = x + torch.relu(layer(self.norm(x)))
        return self.norm(x).flatten(1)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(("fused", "written"), FORMS, ids=NAMES)
def test_in_one_call_and_written_out(fused, written, rules):
    x = torch.randn(2, 4, 6, dtype=torch.float64) + 3
    models = [Blocks(norm).double().eval() for norm in (fused, written)]
    deviating = written(x) - fused(x)
    (output, one), (_, other) = (attribute(model, x, 5, RULES[rules]) for model in models)
    torch.testing.assert_close(one.sum((1, 2)), output[:, 5], rtol=1e-12, atol=1e-12)
    if deviating.abs().max() < 1e-12:  # the standard deviation has no eps
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("offset", [0, 1, 10, 100])
def test_a_common_offset_of_the_input_is_not_lost(offset):
    net = Blocks(nn.LayerNorm(6, elementwise_affine=False)).double().eval()
    x = torch.randn(3, 4, 6, dtype=torch.float64) + offset
    output, relevance = attribute(net, x, 2, RULES["halves"])
    torch.testing.assert_close(relevance.sum((1, 2)), output[:, 2], rtol=1e-9, atol=1e-9)


def test_the_old_way_is_an_option_of_composites_and_presets():
    net = nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 3, bias=False)).double().eval()
    x = torch.randn(2, 6, dtype=torch.float64) + 1
    deviation = (x.var(1, correction=0, keepdim=True) + EPS).sqrt()
    for composite in (
        Composite([(nn.Linear, Zero())], constant_mean=True),
        PRESETS["thesis_alexnet"](constant_mean=True),
    ):
        assert "constant_mean=True" in repr(composite)
        _, relevance = attribute(net, x, 1, composite)
        torch.testing.assert_close(relevance, x / deviation * net[1].weight[1].detach())
