"""Small networks of every family that speech is done with, against autograd alone."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, Uniform, Zero, attribute
from tests.lrp.zoo.reference import attended, halved, held, normed, passed, relevance

RULES = {
    "cp": Composite([(nn.Module, Zero())]),
    "halves": Composite([(nn.Module, Uniform()), (nn.Module, Zero())]),
}


class Torch:
    """The operations as a model calls them."""

    def __init__(self, rule):
        pass

    def layer_norm(self, x, weight=None):
        return F.layer_norm(x, x.shape[-1:], weight)

    def group_norm(self, x, groups):
        return F.group_norm(x, groups)

    def rms_norm(self, x):
        return F.rms_norm(x, x.shape[-1:], eps=1e-6)

    def act(self, function, x):
        return function(x)

    def gated(self, signal, gate):
        return signal * gate

    def attend(self, q, k, v, mask=None):
        return F.scaled_dot_product_attention(q, k, v, mask)

    def softmax(self, x, dim):
        return torch.softmax(x, dim)

    def glu(self, x):
        return F.glu(x, 1)

    def divided(self, x, by):
        return x / by

    def weighed(self, values, weights):
        return (values * weights).sum(2)


class ByHand(Torch):
    """The same with the rules written in."""

    def __init__(self, rule):
        self.rule = rule

    def layer_norm(self, x, weight=None):
        y = normed(x, -1, 1e-5)
        return y if weight is None else y * weight

    def group_norm(self, x, groups):
        return normed(x.reshape(len(x), groups, -1), 2, 1e-5).reshape(x.shape)

    def rms_norm(self, x):
        return normed(x, -1, 1e-6, centred=False)

    def act(self, function, x):
        return passed(function, x)

    def gated(self, signal, gate):
        if self.rule == "halves":
            return halved(signal) * halved(gate)
        return signal * held(gate)

    def attend(self, q, k, v, mask=None):
        return attended(q, k, v, self.rule, mask)

    def glu(self, x):
        signal, gate = x.chunk(2, 1)
        return self.gated(signal, passed(torch.sigmoid, gate))

    def divided(self, x, by):
        return x / held(by)

    def weighed(self, values, weights):
        return self.gated(values, weights).sum(2)


class Network(nn.Module):
    """A forward in the terms of ``Torch`` or ``ByHand``, without biases."""

    def __init__(self, ops):
        super().__init__()
        torch.manual_seed(15)
        self.ops = ops
        self.make()

    def heads(self, x, linear, count=2):
        return linear(x).unflatten(-1, (count, -1)).transpose(1, 2)

    def joined(self, x):
        return x.transpose(1, 2).flatten(2)


def dense(*sizes):
    return nn.Linear(*sizes, bias=False)


class Wav2Vec(Network):
    """wav2vec 2.0: waveform, convolutions with norms, positions by convolution, encoder."""

    shape = (80,)

    def make(self):
        self.first = nn.Conv1d(1, 8, 10, 5, bias=False)
        self.second = nn.Conv1d(8, 8, 3, bias=False)
        self.places = nn.utils.parametrizations.weight_norm(
            nn.Conv1d(8, 8, 4, padding=2, groups=2, bias=False), dim=2
        )
        self.q, self.k, self.v, self.out = (dense(8, 8) for _ in range(4))
        self.up, self.down, self.head = dense(8, 12), dense(12, 8), dense(8, 3)

    def forward(self, x):
        o = self.ops
        x = o.act(F.gelu, o.group_norm(self.first(x.unsqueeze(1)), 8))
        x = o.act(F.gelu, self.second(x))
        x = o.layer_norm(x + o.act(F.gelu, self.places(x)[..., :-1]).mul(0.5)).transpose(1, 2)
        q, k, v = (self.heads(x, one) for one in (self.q, self.k, self.v))
        x = o.layer_norm(x + self.out(self.joined(o.attend(q, k, v))))
        x = o.layer_norm(x + self.down(o.act(F.gelu, self.up(x))))
        return self.head(x.mean(1))


class Conformer(Network):
    """Half-step feed-forward layers, attention, a gated convolution with batch norm."""

    shape = (9, 8)

    def make(self):
        self.up, self.down = dense(8, 12), dense(12, 8)
        self.q, self.k, self.v = (dense(8, 8) for _ in range(3))
        self.wide = nn.Conv1d(8, 16, 1, bias=False)
        self.deep = nn.Conv1d(8, 8, 3, padding=1, groups=8, bias=False)
        self.norm = nn.BatchNorm1d(8, affine=False)
        self.head = dense(8, 3)

    def forward(self, x):
        o = self.ops
        x = x + 0.5 * self.down(o.act(F.silu, self.up(o.layer_norm(x))))
        y = o.layer_norm(x)
        x = x + self.joined(o.attend(*(self.heads(y, one) for one in (self.q, self.k, self.v))))
        y = o.glu(self.wide(o.layer_norm(x).transpose(1, 2)))
        x = x + o.act(F.silu, self.norm(self.deep(y))).transpose(1, 2)
        return self.head(o.layer_norm(x).mean(1))


class Llama(Network):
    """A decoder of today: root mean square norms, rotary positions, grouped queries, SwiGLU."""

    shape = (6, 8)

    def make(self):
        self.q, self.k, self.v = dense(8, 8), dense(8, 4), dense(8, 4)
        self.gate, self.up, self.down = dense(8, 12), dense(8, 12), dense(12, 8)
        self.head = dense(8, 3)

    def turned(self, x):
        angle = torch.arange(6).double()[:, None] / 10 ** torch.arange(1).double()
        pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
        turn = torch.polar(torch.ones_like(angle), angle)
        return torch.view_as_real(pairs * turn).flatten(-2)

    def forward(self, x):
        o = self.ops
        y = o.rms_norm(x)
        q, k = self.heads(y, self.q, 4), self.heads(y, self.k)
        k, v = (one.repeat_interleave(2, 1) for one in (self.turned(k), self.heads(y, self.v)))
        mask = torch.full((6, 6), -math.inf).double().triu(1)
        x = x + self.joined(o.attend(self.turned(q), k, v, mask))
        y = o.rms_norm(x)
        x = x + self.down(o.gated(self.up(y), o.act(F.silu, self.gate(y))))
        return self.head(o.rms_norm(x)[:, -1])


class Ecapa(Network):
    """Squeeze and excitation, scales in a row, attentive mean and deviation."""

    shape = (8, 10)

    def make(self):
        self.first = nn.Conv1d(8, 8, 3, padding=1, bias=False)
        self.scales = nn.ModuleList(nn.Conv1d(4, 4, 3, padding=1, bias=False) for _ in range(2))
        self.squeeze, self.excite = dense(8, 4), dense(4, 8)
        self.score, self.head = nn.Conv1d(8, 8, 1, bias=False), dense(16, 3)

    def forward(self, x):
        o = self.ops
        x = torch.relu(self.first(x))
        parts, before = [], 0
        for part, layer in zip(x.chunk(2, 1), self.scales, strict=True):
            before = torch.relu(layer(part + before))
            parts.append(before)
        y = torch.cat(parts, 1)
        gate = o.act(torch.sigmoid, self.excite(torch.relu(self.squeeze(y.mean(2)))))
        x = x + o.gated(y, gate.unsqueeze(2))
        weights = o.softmax(o.act(torch.tanh, self.score(x)), 2)
        mean = o.weighed(x, weights)
        square = o.weighed(o.act(torch.square, x), weights)
        variance = square - o.act(torch.square, mean)
        return self.head(torch.cat([mean, o.act(torch.sqrt, variance)], 1))


class WaveNet(Network):
    """Gated, dilated convolutions with skips, over a spectrum that the network computes."""

    shape = (200,)

    def make(self):
        self.start = nn.Conv1d(9, 8, 1, bias=False)
        self.layers = nn.ModuleList(
            nn.Conv1d(8, 16, 3, padding=d, dilation=d, bias=False) for d in (1, 2)
        )
        self.head = dense(8, 3)

    def forward(self, x):
        o = self.ops
        window = torch.hann_window(16, dtype=x.dtype)
        x = torch.stft(x, 16, 8, window=window, return_complex=True).abs()
        x = self.start(o.act(torch.log1p, x))
        skips = 0
        for layer in self.layers:
            signal, gate = layer(x).chunk(2, 1)
            y = o.gated(o.act(torch.tanh, signal), o.act(torch.sigmoid, gate))
            x, skips = x + y, skips + y
        return self.head(torch.relu(skips).mean(2))


class Vocoder(Network):
    """Snake activations between transposed convolutions."""

    shape = (4, 6)

    def make(self):
        self.up = nn.ModuleList(
            nn.ConvTranspose1d(4, 4, 4, 2, padding=1, bias=False) for _ in range(2)
        )
        self.out = nn.Conv1d(4, 1, 3, bias=False)

    def forward(self, x):
        o = self.ops
        for layer in self.up:
            x = layer(x)
            x = x + o.act(torch.square, o.act(torch.sin, 2 * x)) / 2
        return o.act(torch.tanh, self.out(x)).flatten(1)


class Cosine(Network):
    """A speaker model's embedding, compared by its direction."""

    shape = (8,)

    def make(self):
        self.one, self.two = dense(8, 6), dense(6, 4)
        self.centres = nn.Parameter(torch.randn(5, 4))

    def forward(self, x):
        o = self.ops
        y = self.two(o.act(F.gelu, self.one(x)))
        y = o.divided(y, y.norm(dim=1, keepdim=True))
        return y @ F.normalize(self.centres).T


FAMILIES = [Wav2Vec, Conformer, Llama, Ecapa, WaveNet, Vocoder, Cosine]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: one.__name__)
def test_a_network_of_the_family(family, rule):
    net, by_hand = (family(ops(rule)).double().eval() for ops in (Torch, ByHand))
    x = torch.randn(2, *family.shape, dtype=torch.float64)
    c = torch.randn_like(net(x))
    output, found = attribute(net, x, c, RULES[rule])
    expected_output, expected = relevance(by_hand, x, c)
    torch.testing.assert_close(output, expected_output, rtol=1e-12, atol=1e-12)
    scale = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12 * scale)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda one: one.__name__)
def test_without_biases_relevance_sums_to_the_output(family):
    net = family(Torch("cp")).double().eval()
    x = torch.randn(2, *family.shape, dtype=torch.float64)
    output, found = attribute(net, x, lambda z: z[:, 1], RULES["cp"])
    sums = found.flatten(1).sum(1)
    torch.testing.assert_close(sums, output[:, 1], rtol=1e-9, atol=1e-10)
