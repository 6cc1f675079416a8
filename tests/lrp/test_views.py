"""Views: the same network and output, relevance one linear transform further."""

import math

import pytest
import torch
from torch import nn

from speechlrp.lrp import (
    PRESETS,
    Composite,
    Epsilon,
    First,
    Flat,
    LinearView,
    LRPError,
    STFTView,
    Zero,
    attribute,
    attribute_view,
)

RULES = Composite([("conv", Epsilon(0.01)), (nn.Module, Zero())])


class Waveform(nn.Module):
    """``[B, 1, T]`` samples to three classes."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(7)
        self.conv, self.norm = nn.Conv1d(1, 8, 9, stride=2), nn.BatchNorm1d(8)
        self.inner, self.head = nn.Conv1d(8, 8, 5, stride=2), nn.Linear(8, 3)

    def forward(self, x, scale=1.0):
        x = torch.relu(self.norm(self.conv(x)))
        return scale * self.head(torch.relu(self.inner(x)).mean(2))


@pytest.fixture
def net():
    return Waveform().double().eval()


@pytest.mark.parametrize("length", [200, 201, 233, 256, 40])
@pytest.mark.parametrize(("window", "hop"), [(64, 16), (64, 32), (50, 20), (62, 13)])
def test_same_output_and_same_sum(net, window, hop, length):
    x = torch.randn(2, 1, length, dtype=torch.float64)
    view = STFTView(window, hop)
    expected_output, expected = attribute(net, x, 1, RULES)
    output, relevance = attribute_view(net, x, 1, RULES, view)
    assert relevance.shape == (2, 1, window // 2 + 1, 1 + math.ceil(length / hop))
    torch.testing.assert_close(output, expected_output, rtol=1e-12, atol=1e-12)
    sums = relevance.flatten(1).sum(1)
    torch.testing.assert_close(sums, expected.flatten(1).sum(1), rtol=1e-12, atol=1e-12)


def test_in_single_precision(net):
    net, x = net.float(), torch.randn(2, 1, 4000)
    expected_output, expected = attribute(net, x, 0, RULES)
    output, relevance = attribute_view(net, x, 0, RULES, STFTView(512, 128))
    torch.testing.assert_close(output, expected_output, rtol=1e-5, atol=1e-5)
    scale = float(expected.abs().sum())
    assert (relevance.flatten(1).sum(1) - expected.flatten(1).sum(1)).abs().max() < 1e-6 * scale


def test_relevance_is_that_of_the_transposed_synthesis(net):
    """``R_X = X S^T c`` with the inverse as a dense matrix, by unit vectors."""
    x = torch.randn(1, 1, 60, dtype=torch.float64)
    view = STFTView(16, 8)
    X = view.analysis(x)
    units = torch.eye(X.numel(), dtype=torch.float64).reshape(-1, *X.shape[1:])
    S = view.synthesis(units, torch.Size([len(units), 1, 60])).flatten(1)  # [X, x]
    torch.testing.assert_close(X.flatten() @ S, x.flatten())
    c = attribute(net, x, 2, RULES)[1].flatten() / x.flatten()
    expected = (X.flatten() * (S @ c)).reshape(X.shape).sum(-1)
    torch.testing.assert_close(attribute_view(net, x, 2, RULES, view)[1], expected)


class Pooled(nn.Module):
    """Max-pools, whose windows are equal where a recording is padded."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.convs = nn.ModuleList(
            nn.Conv1d(one, 8, 3, padding=1) for one in (1, 8, 8)
        )  # with biases
        self.head = nn.Linear(8 * 50, 3)

    def forward(self, x):
        for conv in self.convs:
            x = torch.max_pool1d(torch.relu(conv(x)), 2)
        return self.head(x.flatten(1))


@pytest.mark.parametrize("rule", [Zero(), Flat()])
def test_rounding_in_silence_decides_nothing(rule):
    """Else the maps in single and in double precision have little in common."""
    net, x = Pooled().double().eval(), torch.zeros(2, 1, 400, dtype=torch.float64)
    x[0, :, 90:250], x[1, :, 200:] = torch.randn(1, 160), torch.randn(1, 200)
    rules, view = Composite([(First(), rule), (nn.Module, Zero())]), STFTView(32, 8)
    _, expected = attribute_view(net, x, 1, rules, view)
    _, found = attribute_view(Pooled().eval(), x.float(), 1, rules, view)
    size = float(expected.abs().max())
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=1e-4 * size)
    if isinstance(rule, Zero):
        sums = attribute(net, x, 1, rules)[1].sum((1, 2))
        torch.testing.assert_close(expected.sum((1, 2, 3)), sums)


def test_a_tone_is_found_where_it_sounds():
    """A matched filter for 1 kHz, and a louder tone at 3 kHz that it does not hear."""
    rate, time = 8000, torch.arange(8000, dtype=torch.float64) / 8000
    wave = torch.arange(64).double() / rate * 2 * torch.pi * 1000
    net = nn.Sequential(nn.Conv1d(1, 2, 64, bias=False), nn.ReLU(), nn.AdaptiveAvgPool1d(1))
    net = nn.Sequential(net, nn.Flatten(), nn.Linear(2, 1, bias=False)).double().eval()
    net[0][0].weight.data = torch.stack([wave.sin(), wave.cos()]).unsqueeze(1)
    net[2].weight.data.fill_(1)
    heard = torch.sin(2 * torch.pi * 1000 * time) * (time > 0.5)
    x = (heard + 3 * torch.sin(2 * torch.pi * 3000 * time)).reshape(1, 1, -1)
    rules = Composite([(nn.Module, Zero())])
    output, relevance = attribute_view(net, x, 0, rules, STFTView(256, 64))
    near = relevance[0, 0, 28:37, 62:].sum()  # 1 kHz is bin 32, half a second frame 62.5
    assert near > 0.97 * output[0, 0]
    assert relevance[0, 0, 90:103].abs().sum() < 0.05 * near


def haar(x):
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.cat([a + b, a - b], -1) / 2**0.5


def haar_back(X):
    a, b = X.chunk(2, -1)
    return torch.stack([a + b, a - b], -1).flatten(-2) / 2**0.5


VIEWS = {
    "haar": LinearView(haar, haar_back),
    "the whole spectrum": LinearView(torch.fft.rfft, lambda X: torch.fft.irfft(X, n=200)),
    "another order": LinearView(lambda x: x.flip(-1), lambda X: X.flip(-1)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_any_invertible_transform(net, name):
    x = torch.randn(2, 1, 200, dtype=torch.float64)
    expected_output, expected = attribute(net, x, 1, RULES)
    output, relevance = attribute_view(net, x, 1, RULES, VIEWS[name])
    assert relevance.shape == {"the whole spectrum": (2, 1, 101)}.get(name, x.shape)
    torch.testing.assert_close(output, expected_output)
    torch.testing.assert_close(relevance.flatten(1).sum(1), expected.flatten(1).sum(1))
    if name == "another order":
        torch.testing.assert_close(relevance, expected.flip(-1))


def test_rules_are_chosen_as_without_a_view(net):
    """By path, first layer, preset; rules that look at the input's zeros too."""
    x = torch.randn(2, 1, 200, dtype=torch.float64)
    composites = [
        PRESETS["epsilon_plus_flat"](),
        Composite([("conv", Flat()), (nn.Module, Zero())]),
        Composite([(First(), Flat()), (nn.Module, Zero())]),
    ]
    for composite in composites:
        _, expected = attribute(net, x, 1, composite)
        _, relevance = attribute_view(net, x, 1, composite, STFTView(64, 16))
        torch.testing.assert_close(relevance.sum((1, 2, 3)), expected.sum((1, 2)))


def test_the_model_stays_as_it_is(net):
    net.head.train()
    x = torch.randn(2, 1, 200, dtype=torch.float64)
    with pytest.raises(LRPError, match=r"module 'head' \(Linear\) is in training mode"):
        attribute_view(net, x, 1, RULES, STFTView(64, 16))
    assert net.head.training
    assert not net.training


def test_start_and_other_options_reach_attribute(net):
    x = torch.randn(2, 1, 200, dtype=torch.float64)
    _, relevance = attribute_view(net, x, 1, RULES, STFTView(64, 16), start="one")
    expected = attribute(net, x, 1, RULES, start="one")[1]
    torch.testing.assert_close(relevance.sum((1, 2, 3)), expected.sum((1, 2)))


@pytest.mark.parametrize(("window", "hop"), [(64, 33), (64, 0), (64, -2), (63, 16), (64.0, 16)])
def test_frames_have_to_overlap(window, hop):
    with pytest.raises(LRPError, match=f"window_length={window}, hop={hop}"):
        STFTView(window, hop)


@pytest.mark.parametrize(
    ("shape", "message"), [((50,), r"\[B, ..., T\]"), ((2, 1, 0), "hold no example")]
)
def test_what_is_no_batch_of_waveforms_is_refused(net, shape, message):
    with pytest.raises(LRPError, match=message):
        attribute_view(net, torch.ones(shape).double(), 0, RULES, STFTView(16, 4))


@pytest.mark.parametrize(
    ("synthesis", "message"),
    [(lambda X: X, "numbers that are up to"), (lambda X: haar_back(X)[..., :50], "leads back to")],
)
def test_what_does_not_lead_back_is_no_view(net, synthesis, message):
    x = torch.randn(2, 1, 200, dtype=torch.float64)
    with pytest.raises(LRPError, match=message):
        attribute_view(net, x, 1, RULES, LinearView(haar, synthesis))
