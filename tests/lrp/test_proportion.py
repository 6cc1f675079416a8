"""Explanations that say nothing are told, and a pass that is not the model's is refused."""

import random
import warnings

import pytest
import torch
from torch import nn

from speechlrp.lrp import (
    Composite,
    LRPWarning,
    NotExplainable,
    SignalTakesAll,
    Uniform,
    Zero,
    attribute,
)

ZERO = Composite([(nn.Module, Zero())])


class Cell(nn.Module):
    """An LSTM written out, with weights as large as trained ones are."""

    def __init__(self):
        super().__init__()
        self.inputs, self.state, self.head = nn.Linear(4, 256), nn.Linear(64, 256), nn.Linear(64, 2)
        for parameter in self.parameters():
            parameter.data *= 4

    def forward(self, x):
        h = c = x.new_zeros(len(x), 64)
        for t in range(x.shape[1]):
            i, f, g, o = (self.inputs(x[:, t]) + self.state(h)).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return self.head(h)


def test_an_explosion_is_told_with_what_to_take_instead():
    torch.manual_seed(0)
    net, x = Cell().double().eval(), torch.randn(1, 60, 4, dtype=torch.float64)
    halves = Composite([(nn.Module, Uniform()), (nn.Module, Zero())])
    with pytest.warns(LRPWarning, match=r"out of all proportion; .* take SignalTakesAll\(\)"):
        attribute(net, x, 0, halves)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attribute(net, x, 0, Composite([(nn.Module, SignalTakesAll()), (nn.Module, Zero())]))


def test_sums_that_cancel_are_told_with_what_to_take_instead():
    net = nn.Linear(2, 2, bias=False).double().eval()
    net.weight.data = torch.tensor([[1.0, -1.0], [1.0, 1.0]]).double() * 1e8
    x = torch.tensor([[1.0, 1.0 + 1e-9], [1.0, 0.5]], dtype=torch.float64)
    deep = nn.Sequential(net, nn.Linear(2, 1, bias=False)).double().eval()
    deep[1].weight.data = torch.tensor([[1.0, 0.0]]).double()
    with pytest.warns(LRPWarning, match=r"of example 0 sums to 2e\+09, .* take Epsilon\(") as told:
        attribute(deep, x, 0, ZERO, start="one")
    assert len(told) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attribute(deep, x[1:], 0, ZERO)


def test_a_dead_logit_is_told():
    net = nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU()).double().eval()
    net[0].weight.data = torch.ones(1, 2).double()
    x = torch.tensor([[1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    with pytest.warns(LRPWarning, match=r"example 1 is 0 everywhere: .*\(a dead logit\)"):
        attribute(net, x, 0, ZERO)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attribute(net, x[:1], 0, ZERO)
        attribute(net, torch.zeros(1, 2).double(), 0, ZERO)  # an input of zeros has none


def test_an_output_that_is_a_bias_alone_is_told():
    net = nn.Sequential(nn.Linear(2, 1, bias=False), nn.ReLU(), nn.Linear(1, 1)).double().eval()
    net[0].weight.data = torch.ones(1, 2).double()
    x = -torch.ones(1, 2, dtype=torch.float64)
    with pytest.warns(LRPWarning, match="0 everywhere: all of it was absorbed on the way"):
        attribute(net, x, 0, ZERO)


class Branching(nn.Module):
    """A model that asks how it is run."""

    def __init__(self, asks):
        super().__init__()
        self.asks, self.head, self.calls = asks, nn.Linear(4, 2), 0

    def forward(self, x):
        self.calls += 1
        return self.head(x) * (2 if self.asks(self, x) else 1)


ASKS = {
    "the type of a tensor": lambda m, x: type(x) is torch.Tensor,
    "which call it is": lambda m, x: m.calls > 1,
    "chance": lambda m, x: random.random() < (m.calls > 1),
}


@pytest.mark.parametrize("name", ASKS)
def test_the_check_finds_a_model_that_asks_how_it_is_run(name):
    net, x = Branching(ASKS[name]).eval(), torch.randn(2, 4)
    with pytest.raises(NotExplainable, match="another output than the model by itself"):
        attribute(net, x, 1, ZERO, check=True)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_check_passes_what_is_the_same(dtype):
    layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)
    net = nn.Sequential(layer, nn.Flatten(), nn.Linear(40, 3)).to(dtype).eval()
    x = torch.randn(2, 5, 8, dtype=dtype)
    rules = Composite([(nn.Module, Uniform()), (nn.Module, Zero())])
    before = x.clone()
    checked = attribute(net, x, 1, rules, check=True)
    for one, other in zip(checked, attribute(net, x, 1, rules), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(x, before)


def test_the_check_leaves_torchs_fused_layer_out(monkeypatch):
    layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)
    net = nn.Sequential(layer, nn.Flatten(), nn.Linear(40, 2)).requires_grad_(False).eval()
    x, fused = torch.randn(2, 5, 8), torch._transformer_encoder_layer_fwd

    def close(*arguments):  # as a GPU's is in double precision
        return fused(*arguments) * 1.01

    monkeypatch.setattr(torch, "_transformer_encoder_layer_fwd", close)
    rules = Composite([(nn.Module, Uniform()), (nn.Module, Zero())])
    output, _ = attribute(net, x, 1, rules, check=True)
    assert not torch.equal(net(x), output)  # by itself it takes the fused layer
    assert torch.backends.mha.get_fastpath_enabled()


def test_the_check_finds_an_output_of_another_shape():
    net = Branching(lambda m, x: False).eval()
    net.head.register_forward_hook(lambda m, i, out: out if net.calls == 1 else out[:1])
    with pytest.raises(NotExplainable, match=r"of shape \[2, 2\], the model by itself \[1, 2\]"):
        attribute(net, torch.randn(2, 4), 1, ZERO, check=True)
