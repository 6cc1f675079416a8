"""Networks that compute a spectrum, and complex numbers on the way."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import (
    Composite,
    Epsilon,
    Flat,
    NotExplainable,
    Uniform,
    Zero,
    attribute,
    attribute_layers,
    conservation,
)
from tests.lrp.zoo.reference import attended, halved, held, passed, relevance

ZERO = Composite([(nn.Module, Zero())])
HALVES = Composite([(nn.Module, Uniform()), (nn.Module, Zero())])
WINDOW = torch.hann_window(16, dtype=torch.float64)


def short_time(x):
    return torch.stft(x, 16, 5, window=WINDOW, center=True, return_complex=True)


def square(x):
    return passed(torch.square, x)


class Spectrum(nn.Module):
    """``[B, 60]`` samples, a spectrum ``[B, 9, 13]``, a convolution, a mean, two classes."""

    def __init__(self, magnitude, function):
        super().__init__()
        torch.manual_seed(2)
        self.magnitude, self.function = magnitude, function
        self.front = nn.Identity()
        self.conv = nn.Conv1d(9, 4, 3, bias=False)
        self.head = nn.Linear(4, 2, bias=False)

    def forward(self, x):
        spectrum = self.front(self.function(self.magnitude(short_time(x))))
        return self.head(torch.relu(self.conv(spectrum)).mean(2))


MAGNITUDES = {
    "abs": (lambda z: z.abs(), lambda z: z.abs()),
    "torch.abs": (torch.abs, lambda z: z.abs()),
    "norm": (
        lambda z: torch.view_as_real(z).norm(dim=-1),
        lambda z: (z.real**2 + z.imag**2).sqrt(),
    ),
    "hypot": (lambda z: torch.hypot(z.real, z.imag), lambda z: z.abs()),
    "root": (lambda z: torch.sqrt(z.real**2 + z.imag.square()), lambda z: z.abs()),
}
POWERS = {
    "abs squared": lambda z: z.abs().pow(2),
    "abs times abs": lambda z: (m := z.abs()) * m,
    "pairs": lambda z: torch.view_as_real(z).pow(2).sum(-1),
    "parts": lambda z: z.real**2 + z.imag**2,
    "conjugates": lambda z: (z * z.conj()).real,
    "conjugate first": lambda z: (torch.conj(z) * z).real,
    "resolved": lambda z: z.mul(z.conj().resolve_conj()).real,
}
for _name, _power in POWERS.items():
    MAGNITUDES[_name] = (_power, lambda z: square(z.real) + square(z.imag))
FUNCTIONS = {
    "as it is": (lambda m: m, lambda m: m),
    "log": (lambda m: torch.log(m + 1e-3), lambda m: passed(torch.log, m + 1e-3)),
    "decibels": (
        lambda m: 10 * torch.log10(m.clamp(min=1e-10)),
        lambda m: 10 * passed(torch.log10, m.clamp(min=1e-10)),
    ),
    "log1p": (lambda m: torch.log1p(3 * m), lambda m: passed(torch.log1p, 3 * m)),
    "cube root": (lambda m: m ** (1 / 3), lambda m: passed(lambda x: x ** (1 / 3), m)),
}


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("name", MAGNITUDES)
def test_a_network_with_its_spectrogram_inside(name, function):
    (magnitude, by_hand), (apply, by_rule) = MAGNITUDES[name], FUNCTIONS[function]
    x, c = torch.randn(3, 60, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)
    net = Spectrum(magnitude, apply).double().eval()
    output, found = attribute(net, x, c, ZERO)
    expected_output, expected = relevance(Spectrum(by_hand, by_rule).double(), x, c)
    torch.testing.assert_close(output, expected_output, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    if function != "log":  # whose added constant absorbs
        torch.testing.assert_close(found.sum(1), (c * output).sum(1))
    if name == "abs":
        balances = conservation(net, x, c, ZERO)
        lost = sum(one.absorbed for one in balances)
        torch.testing.assert_close(found.sum(1) + lost, (c * output).sum(1))


@pytest.mark.parametrize("name", ["abs", "conjugates"])
def test_the_spectrum_itself_is_explained_in_the_same_pass(name):
    class Transform(nn.Module):
        def forward(self, x):
            return short_time(x)

    net = Spectrum(MAGNITUDES[name][0], torch.log1p).double().eval()
    net.front, net.transform = nn.Tanh(), Transform()
    net.forward = lambda x: net.head(
        net.conv(net.front(net.magnitude(net.transform(x)))).relu().mean(2)
    )
    net.eval()
    x = torch.randn(3, 60, dtype=torch.float64)
    output, inner = attribute_layers(net, x, 1, ZERO, ["transform", "front", "input"])
    assert inner["transform"].shape == (3, 9, 13)
    assert inner["transform"].dtype == torch.float64
    for one in inner.values():
        torch.testing.assert_close(one.flatten(1).sum(1), output[:, 1])


def test_bins_of_zero_hold_nothing_and_harm_nothing():
    net = Spectrum(torch.abs, lambda m: m).double().eval()
    x = torch.randn(2, 60, dtype=torch.float64)
    x[0] = 0
    output, found = attribute(net, x, 1, ZERO)
    assert bool(torch.isfinite(found).all())
    torch.testing.assert_close(found.sum(1), output[:, 1])


def inverse(z):
    return torch.istft(z, 16, 5, window=WINDOW, length=60)


LINEAR = {
    "fft": lambda x: torch.fft.fft(x).real + torch.fft.fft(x).imag,
    "rfft": lambda x: torch.view_as_real(torch.fft.rfft(x)).flatten(1),
    "rfft and back": lambda x: torch.fft.irfft(torch.fft.rfft(x)[:, :9], n=60),
    "two dimensions": lambda x: torch.fft.irfft2(torch.fft.rfft2(x.view(-1, 6, 10))).flatten(1),
    "many": lambda x: torch.fft.ifftn(torch.fft.fftn(x, dim=1), dim=(1,)).real,
    "shifted": lambda x: torch.fft.fftshift(torch.fft.fft(x), dim=1).imag,
    "there and back": lambda x: inverse(short_time(x)),
    "methods": lambda x: x.stft(16, 5, window=WINDOW, return_complex=True).real.flatten(1),
    "istft, a method": lambda x: short_time(x).istft(16, 5, window=WINDOW),
    "rotated": lambda x: (torch.fft.rfft(x) * torch.polar(
        torch.ones(31).double(), torch.arange(31).double())).real,
    "of pairs": lambda x: torch.view_as_complex(x.view(-1, 30, 2)).imag,
    "joined": lambda x: (torch.complex(x, x.flip(1)) / (1 + 2j)).real,
    "conjugated": lambda x: torch.fft.fft(x).conj().resolve_conj().imag - 3 * x,
    "divided by its size": lambda x: (z := torch.fft.rfft(x)).div(held(z.abs())).real,
    "by a complex matrix": lambda x: (
        x.to(torch.complex128) @ torch.exp(1j * torch.arange(240).reshape(60, 4).double())
    ).real,
    "polar": lambda x: torch.polar(x.square(), torch.ones(60).double()).imag,
    "negated": lambda x: (-torch.fft.rfft(x)).mH.mT.imag,
}  # fmt: skip


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize("name", LINEAR)
def test_linear_transforms_follow_their_transpose(name):
    x = torch.randn(3, 60, dtype=torch.float64)
    function = LINEAR[name]
    net = Function(
        (lambda x: (z := torch.fft.rfft(x)).div(z.abs()).real)
        if name == "divided by its size"
        else function
    ).eval()
    c = torch.randn_like(net(x))
    output, found = attribute(net, x, c, ZERO)
    _, expected = relevance(function, x, c)
    expected = expected / 2 if name == "polar" else expected  # of degree two by its square
    torch.testing.assert_close(output, net(x))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.sum(1), (c * output).sum(1))


@pytest.mark.parametrize("rule", ["cp", "halves"])
def test_a_network_that_masks_its_spectrum(rule):
    """Speech enhancement: a gate for every bin, and back to samples."""
    torch.manual_seed(6)
    dense, x = nn.Linear(9, 9).double(), torch.randn(2, 60, dtype=torch.float64)
    part = halved if rule == "halves" else (lambda x: x)

    def masked(x):
        spectrum = short_time(x)
        gate = torch.sigmoid(dense(spectrum.abs().mT).mT)
        return inverse(spectrum * gate)

    def by_hand(x):
        spectrum = short_time(x)
        gate = passed(torch.sigmoid, dense(spectrum.abs().mT).mT)
        gate = halved(gate) if rule == "halves" else held(gate)
        return inverse(part(spectrum) * gate)

    net, c = Function(masked), torch.randn(2, 60, dtype=torch.float64)
    net.dense = dense
    net.eval()
    output, found = attribute(net, x, c, HALVES if rule == "halves" else ZERO)
    expected_output, expected = relevance(by_hand, x, c)
    torch.testing.assert_close(output, expected_output)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)


def rotated(x, complex_numbers):
    """Rotary position embeddings, as a product of complex numbers or of real ones."""
    angles = torch.arange(5).double()[:, None] / 10 ** torch.arange(2).double()
    if complex_numbers:
        pairs = torch.view_as_complex(x.unflatten(-1, (2, 2)))
        turn = torch.polar(torch.ones_like(angles), angles)
        return torch.view_as_real(pairs * turn).flatten(-2)
    cos, sin = (f(angles).repeat_interleave(2, -1) for f in (torch.cos, torch.sin))
    half = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
    return x * cos + half * sin


@pytest.mark.parametrize("rule", ["cp", "halves"])
def test_rotary_embeddings(rule):
    x, c = torch.randn(2, 5, 4, dtype=torch.float64), torch.randn(2, 5, 4, dtype=torch.float64)
    nets = [
        Function(lambda x, f=flag: F.scaled_dot_product_attention(
            rotated(x, f), rotated(x.flip(-1), f), x)).eval()
        for flag in (True, False)
    ]  # fmt: skip
    composite = HALVES if rule == "halves" else ZERO
    (_, one), (_, other) = (attribute(net, x, c, composite) for net in nets)
    _, expected = relevance(
        lambda x: attended(rotated(x, False), rotated(x.flip(-1), False), x, rule), x, c
    )
    torch.testing.assert_close(one, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(other, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rule", [Epsilon(0.1), Flat()])
def test_rules_below_the_spectrum(rule):
    """A filter before the transform: relevance arrives as that of its output's values."""
    net = nn.Sequential(
        nn.Conv1d(1, 1, 3, padding=1, bias=False), nn.Flatten(), Spectrum(torch.abs, torch.log1p)
    )
    net = net.double().eval()
    x = torch.randn(2, 1, 60, dtype=torch.float64)
    rules = Composite([("0", rule), (nn.Module, Zero())])
    output, found = attribute(net, x, 0, rules)
    inner = attribute_layers(net, x, 0, rules, ["0"])[1]["0"]
    torch.testing.assert_close(inner.sum((1, 2)), output[:, 0])
    if not isinstance(rule, Epsilon):
        torch.testing.assert_close(found.sum((1, 2)), output[:, 0], rtol=1e-4, atol=1e-4)


REFUSED = {
    "angle": lambda x: torch.fft.rfft(x).angle(),
    "phase that depends on the input": lambda x: torch.polar(torch.ones(3, 60).double(), x).real,
    "window that depends on the input": lambda x: torch.stft(
        x, 16, 5, window=x[0, :16], return_complex=True
    ).abs(),
    "acts on complex numbers": lambda x: torch.tanh(torch.fft.rfft(x)).real,
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_no_linear_map_raises(reason):
    x = torch.randn(3, 60, dtype=torch.float64)
    with pytest.raises(NotExplainable, match=reason):
        attribute(Function(REFUSED[reason]).eval(), x, lambda z: z.sum(), ZERO)


def test_the_soft_maximum_by_its_expansion():
    x, c = torch.randn(3, 6, dtype=torch.float64), torch.randn(3, 1, dtype=torch.float64)
    net = Function(lambda x: torch.logsumexp(x, 1, keepdim=True)).eval()
    _, found = attribute(net, x, c, ZERO)
    torch.testing.assert_close(found, x * torch.softmax(x, 1) * c)


@pytest.mark.parametrize("both", [True, False])
def test_cosine_similarity_divides_by_constants(both):
    torch.manual_seed(0)
    other, x = torch.randn(4, 1, 6, dtype=torch.float64), torch.randn(3, 6, dtype=torch.float64)
    c = torch.randn(4, 3, dtype=torch.float64)
    net = Function(lambda x: F.cosine_similarity(x, 2 * x.flip(0) if both else other, dim=-1))
    c = c[0] if both else c
    output, found = attribute(net.eval(), x, c, HALVES)

    def by_hand(x):
        first, second = (halved(x), halved(2 * x.flip(0))) if both else (x, other)
        return (first * second).sum(-1) / held(first.norm(dim=-1) * second.norm(dim=-1))

    expected_output, expected = relevance(by_hand, x, c)
    torch.testing.assert_close(output, expected_output)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    assert math.isclose(float(found.sum()), float((c * output).sum()))
