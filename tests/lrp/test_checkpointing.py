"""Explanations that run the pass again piece by piece: the same relevance, in less memory."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from speechlrp.lrp import (
    PRESETS,
    Composite,
    Epsilon,
    First,
    Flat,
    Gamma,
    NotExplainable,
    STFTView,
    Uniform,
    WSquare,
    Zero,
    attribute,
    attribute_view,
)
from speechlrp.lrp.selectors import Depth

OPTIONS = {"epsilon_gamma_box": {"low": -4.0, "high": 4.0}}


def both(model, inputs, composite, target=1, **more):
    plain = attribute(model, inputs, target, composite, **more)
    output, relevance = attribute(model, inputs, target, composite, checkpoint=True, **more)
    torch.testing.assert_close(output, plain[0], rtol=0, atol=0)
    return plain[1], relevance


def assert_same(plain, again):
    size = float(plain.abs().max())
    assert size > 0
    torch.testing.assert_close(again, plain, rtol=0, atol=1e-12 * size)


def normed(channels):
    norm = nn.BatchNorm1d(channels)
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    nn.init.normal_(norm.bias)
    return norm


class Residual(nn.Module):
    """Blocks whose sums are in place, with norms to merge, and two branches side by side."""

    def __init__(self, blocks=4):
        super().__init__()
        self.stem = nn.Conv1d(3, 6, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.ModuleList([nn.Conv1d(6, 6, 3, padding=1), normed(6), nn.Conv1d(6, 6, 1), normed(6)])
            for _ in range(blocks)
        )
        self.head = nn.Linear(12, 3)

    def forward(self, x):
        x = F.relu(self.stem(x), inplace=True)
        for first, one, second, two in self.blocks:
            inner, beside = first(x), second(x)  # both wait for their norms
            out = F.leaky_relu(one(inner)) * 0.5
            out += two(beside)
            x = F.relu_(out + x)
        return self.head(torch.cat([x.mean(2), torch.var(x, 2).sqrt()], 1))


class Written(nn.Module):
    """Buffers that are written into, views, constants made on the way, a gate, a skip."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(5, 5) for _ in range(6))
        self.gate, self.head = nn.Linear(5, 5), nn.Linear(10, 3)

    def forward(self, x):
        kept = x.new_zeros(len(x), 10)
        steps = torch.arange(5).to(x) + 1
        first = x
        for layer in self.layers:
            x = torch.tanh(layer(x * steps)) / (1 + x.square().mean(-1, keepdim=True)).sqrt()
            x[:, 1] += x[:, 0]
        kept[:, :5] = x * torch.sigmoid(self.gate(first))
        kept[:, 5:] = F.gelu(first).flip(1)
        return self.head(kept).log_softmax(1)


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 12, activation="gelu", batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, x, mask=None):
        return self.head(self.encoder(x, src_key_padding_mask=mask).mean(1))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True)
        self.gru, self.head = nn.GRU(10, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.gru(self.lstm(x)[0])[0][:, -1])


SHAPES = {Residual: (2, 3, 12), Written: (2, 5), Attending: (2, 6, 8), Recurrent: (2, 5, 4)}


@pytest.mark.filterwarnings("ignore::speechlrp.lrp.LRPWarning")  # of LSTMs with equal shares
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("build", SHAPES)
def test_every_preset_on_every_family(build, preset):
    model, x = build().double().eval(), torch.randn(SHAPES[build], dtype=torch.float64)
    assert_same(*both(model, x, PRESETS[preset](**OPTIONS.get(preset, {}))))


@pytest.mark.parametrize(
    "rules",
    [
        [(First(), WSquare()), (nn.Module, Epsilon(0.1))],
        [("blocks.2.*", Flat()), (nn.Module, Epsilon(0.1))],  # relevance of zeros, inside
        [(Depth(0.4, 0.8), Gamma(0.5)), (nn.Module, Zero())],
    ],
)
def test_rules_go_by_the_place_in_the_whole_pass(rules):
    model, x = Residual().double().eval(), torch.randn(2, 3, 12, dtype=torch.float64)
    assert_same(*both(model, x, Composite(rules)))


def test_means_that_are_constants_and_halves():
    model, x = Attending().double().eval(), torch.randn(2, 6, 8, dtype=torch.float64)
    composite = Composite([(nn.Module, Uniform()), (nn.Module, Zero())], constant_mean=True)
    mask = torch.tensor([[False] * 6, [False] * 4 + [True] * 2])
    assert_same(*both(model, x, composite, kwargs={"mask": mask}))


def test_several_inputs_the_check_and_a_view():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = Residual(2)

        def forward(self, x, y):
            return self.net(x * torch.sigmoid(y)).softmax(1)

    model = Two().double().eval()
    inputs = tuple(torch.randn(2, 3, 12, dtype=torch.float64) for _ in range(2))
    plain, again = both(model, inputs, PRESETS["attnlrp"](), check=True, start="softmax")
    for one, other in zip(plain, again, strict=True):
        assert_same(one, other)
    waves = nn.Sequential(nn.Conv1d(1, 4, 8, 4), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))
    x = torch.randn(2, 1, 40, dtype=torch.float64)
    arguments = waves.double().eval(), x, 1, PRESETS["epsilon"](), STFTView(16, 8)
    (_, one), (_, other) = (attribute_view(*arguments, checkpoint=c) for c in (False, True))
    assert_same(one, other)


def test_under_autocast_precision_is_the_models():
    model, x = Residual().eval(), torch.randn(2, 3, 12)
    with torch.autocast("cpu", torch.bfloat16):
        plain, again = both(model, x, PRESETS["epsilon_plus"]())
    torch.testing.assert_close(again, plain, rtol=0, atol=0)


def test_a_constant_that_changes_afterwards_is_told():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            position = torch.ones(4, dtype=x.dtype)
            for _ in range(5):
                x = torch.relu(self.layer(x)) + position
                position += 1
            return x

    model, x = Counting().double().eval(), torch.randn(2, 4, dtype=torch.float64)
    composite = Composite([(nn.Linear, Epsilon(0.1))])
    attribute(model, x, 1, composite)
    with pytest.raises(NotExplainable, match="changes a constant that"):
        attribute(model, x, 1, composite, checkpoint=True)


class Forwards(TorchDispatchMode):
    """Counts convolutions."""

    def __init__(self):
        super().__init__()
        self.forwards = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.forwards += function is torch.ops.aten.convolution.default
        return function(*args, **(kwargs or {}))


def chain(depth):
    layers = [layer for _ in range(depth) for layer in (nn.Conv1d(4, 4, 3, padding=1), nn.ReLU())]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4 * 2000, 2)).double().eval()


@pytest.mark.parametrize("rule", [WSquare(), Flat()])
@pytest.mark.parametrize("before", range(5))
def test_relevance_of_zeros_behind_a_closed_relu(rule, before):
    """Wherever a norm, whose ReLU's result stands in for its own, is cut from the ReLU."""
    flat = [nn.Flatten(), nn.Unflatten(1, (2, 3))] * before
    blocks = [part for _ in range(3) for part in (nn.Linear(6, 6), normed(6), nn.ReLU())]
    model = nn.Sequential(*flat, nn.Flatten(), *blocks, nn.Linear(6, 3)).double().eval()
    inputs = torch.randn(4, 2, 3, dtype=torch.float64).clamp(-4, 4)
    assert_same(*both(model, inputs, Composite([(nn.Module, rule)])))


@pytest.mark.parametrize("rule", [Epsilon(0.1), Gamma(0.5)])
def test_it_takes_one_more_forward(rule):
    model, x = chain(10), torch.randn(1, 4, 2000, dtype=torch.float64)
    composite, counts = Composite([(nn.Module, rule)]), []
    for checkpoint in (False, True):
        with Forwards() as counting:
            attribute(model, x, 0, composite, checkpoint=checkpoint)
        counts.append(counting.forwards)
    assert counts[1] - counts[0] == 10


def peak(depth, checkpoint):
    model, x = chain(depth), torch.randn(1, 4, 2000, dtype=torch.float64)
    composite = Composite([(nn.Module, Epsilon(0.1))])
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as log:
        attribute(model, x, 0, composite, checkpoint=checkpoint)
    held = most = 0
    for event in log.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


def test_memory_grows_with_the_root_of_the_depth():
    assert peak(64, False) > 3 * peak(16, False)
    assert peak(64, True) < 2.4 * peak(16, True)
    assert peak(64, True) < peak(64, False) / 2.2
