"""Networks of several families: state spaces, ConvNeXt, complex masks, attention pooling."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, NotExplainable, SignalTakesAll, Zero, attribute
from tests.lrp.zoo.reference import held, normed, passed, relevance

ZERO = [(nn.Module, Zero())]
SAID = Composite([(nn.Module, SignalTakesAll(otherwise="second")), *ZERO])


def act(function, x):
    return function(x)


def assert_explained(model, x, by_hand, composite):
    """Relevance of class 1 against gradient times input of the network written by hand."""
    model.double().eval()
    output, found = attribute(model, x, 1, composite, check=True)
    again = attribute(model, x, 1, composite, checkpoint=True)[1]
    c = torch.zeros_like(output)
    c[:, 1] = 1
    _, wanted = relevance(by_hand, x, c)
    size = float(wanted.abs().max())
    assert size > 0
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-12 * size)
    torch.testing.assert_close(again, wanted, rtol=0, atol=1e-12 * size)


class StateSpace(nn.Module):
    """A selective scan (Mamba) in plain torch: step, input and output matrices from the input."""

    def __init__(self, width=6, states=3):
        super().__init__()
        self.inner = nn.Linear(4, 2 * width)
        self.conv = nn.Conv1d(width, width, 3, padding=2, groups=width)
        self.select, self.step = nn.Linear(width, 1 + 2 * states), nn.Linear(1, width)
        self.decay = nn.Parameter(torch.rand(width, states))
        self.head, self.states = nn.Linear(width, 3), states

    def forward(self, x, act=act, held=lambda x: x):
        u, gate = self.inner(x).chunk(2, -1)
        u = act(F.silu, self.conv(u.mT)[..., : x.shape[1]].mT)
        step, enter, leave = self.select(u).split([1, self.states, self.states], -1)
        step, enter, leave = held(F.softplus(self.step(step))), held(enter), held(leave)
        state, outputs = x.new_zeros(len(x), u.shape[-1], self.states), []
        for t in range(x.shape[1]):
            state = torch.exp(step[:, t, :, None] * -self.decay) * state
            state = state + (step[:, t] * u[:, t])[..., None] * enter[:, t, None, :]
            outputs.append((state * leave[:, t, None, :]).sum(-1) + u[:, t])
        return self.head((torch.stack(outputs, 1) * held(F.silu(gate))).mean(1))


def test_a_state_space_with_its_selection_for_constants():
    model, x = StateSpace(), torch.randn(2, 5, 4, dtype=torch.float64)
    assert_explained(model, x, lambda x: model(x, passed, held), SAID)


def test_a_state_space_asks_which_factor_is_the_gate():
    """Of its input and output matrices; the step, a softplus, is known for one."""
    model, x = StateSpace().double().eval(), torch.randn(2, 5, 4, dtype=torch.float64)
    with pytest.raises(NotExplainable, match="neither factor comes"):
        attribute(model, x, 1, Composite(ZERO))


class ConvNeXt(nn.Module):
    def __init__(self, width=6):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 2, 2)
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale, self.head = nn.Parameter(torch.rand(width)), nn.Linear(width, 3)

    def forward(self, x, act=act, norm=None):
        before = self.stem(x)
        x = (norm or self.norm)(self.depthwise(before).permute(0, 2, 3, 1))
        x = self.scale * self.narrow(act(F.gelu, self.wide(x)))
        x = before + x.permute(0, 3, 1, 2)
        return self.head(F.adaptive_avg_pool2d(x, 1).flatten(1))


def test_a_convnext_block_with_layer_scale():
    model, x = ConvNeXt(), torch.randn(2, 1, 8, 6, dtype=torch.float64)

    def norm(y):
        return normed(y, -1, 1e-5) * model.norm.weight + model.norm.bias

    assert_explained(model, x, lambda x: model(x, passed, norm), Composite(ZERO))


class Masking(nn.Module):
    """A U-Net that makes a complex mask for its spectrum, and classes of the waveform behind it."""

    def __init__(self):
        super().__init__()
        self.down, self.deep = nn.Conv2d(2, 4, 3, 2, 1), nn.Conv2d(4, 8, 3, 2, 1)
        self.norm = nn.GroupNorm(2, 8)
        self.up, self.mask = nn.Conv2d(12, 4, 3, padding=1), nn.Conv2d(4, 2, 3, padding=1)
        self.head = nn.Linear(81, 3)
        self.register_buffer("window", torch.hann_window(16, dtype=torch.float64))

    def forward(self, x, act=act, norm=None, held=lambda x: x):
        X = torch.stft(x, 16, 8, window=self.window, return_complex=True, pad_mode="constant")
        parts = torch.view_as_real(X).permute(0, 3, 1, 2)
        skip = act(F.elu, self.down(parts))
        deep = act(F.elu, (norm or self.norm)(self.deep(skip)))
        up = F.interpolate(deep, size=skip.shape[-2:], mode="nearest")
        up = F.leaky_relu(self.up(torch.cat([up, skip], 1)), 0.2)
        up = F.interpolate(up, size=parts.shape[-2:], mode="bilinear", align_corners=False)
        real, imaginary = act(torch.tanh, self.mask(up)).unbind(1)
        masked = X * held(torch.complex(real, imaginary))
        y = torch.istft(masked, 16, 8, window=self.window, length=x.shape[-1])
        return self.head(F.leaky_relu(y.unfold(-1, 9, 7)[:, :9].flatten(1), 0.3))


def test_a_complex_mask_is_a_gate_that_has_to_be_named():
    model, x = Masking(), torch.randn(2, 72, dtype=torch.float64)

    def norm(y):
        return normed(y.reshape(len(y), 2, -1), 2, 1e-5).reshape(y.shape)

    assert_explained(model, x, lambda x: model(x, passed, norm, held), SAID)


class Experts(nn.Module):
    """A mixture of experts: two of four take each frame, by their indices."""

    def __init__(self):
        super().__init__()
        self.router, self.head = nn.Linear(4, 4), nn.Linear(4, 3)
        self.experts = nn.ModuleList(nn.Linear(4, 4) for _ in range(4))

    def forward(self, x):
        frames = x.flatten(0, 1)
        weights, chosen = self.router(frames).softmax(-1).topk(2, dim=-1)
        weights = weights / weights.sum(-1, keepdim=True)
        mixed = torch.zeros_like(frames)
        for index, expert in enumerate(self.experts):
            rows, place = torch.where(chosen == index)
            mixed.index_add_(0, rows, expert(frames[rows]).relu() * weights[rows, place, None])
        return self.head(mixed.view_as(x).mean(1))

    def by_hand(self, x):
        weights = self.router(x).softmax(-1)
        least = weights.sort(-1).values[..., -2:-1]
        weights = torch.where(weights >= least, weights, 0)
        weights = held(weights / weights.sum(-1, keepdim=True))
        experts = torch.stack([expert(x).relu() for expert in self.experts], -1)
        return self.head((experts * weights[:, :, None]).sum(-1).mean(1))


def test_experts_that_are_chosen_by_their_indices():
    model, x = Experts(), torch.randn(2, 6, 4, dtype=torch.float64)
    assert_explained(model, x, model.by_hand, Composite(ZERO))


class Pooling(nn.Module):
    """Both directions of a GRU over packed examples, attention pooling, a log-softmax."""

    lengths = (7, 4)

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(4, 5, bidirectional=True, batch_first=True)
        self.hidden, self.score, self.head = nn.Linear(10, 6), nn.Linear(6, 1), nn.Linear(10, 3)

    def forward(self, x):
        packed = nn.utils.rnn.pack_padded_sequence(x, self.lengths, batch_first=True)
        y, _ = nn.utils.rnn.pad_packed_sequence(self.gru(packed)[0], batch_first=True)
        scores = self.score(torch.tanh(self.hidden(y))).squeeze(-1)
        padding = torch.arange(y.shape[1])[None] >= torch.tensor(self.lengths)[:, None]
        weights = scores.masked_fill(padding, -math.inf).softmax(-1)
        return F.log_softmax(self.head((weights[..., None] * y).sum(1)), -1)

    def direction(self, steps, suffix):
        w_i, w_h, b_i, b_h = (
            getattr(self.gru, f"{name}_l0{suffix}")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        state, outputs = steps.new_zeros(5), []
        for step in steps:
            of_input, of_state = (w_i @ step + b_i).chunk(3), (w_h @ state + b_h).chunk(3)
            reset = held(torch.sigmoid(of_input[0] + of_state[0]))
            update = held(torch.sigmoid(of_input[1] + of_state[1]))
            new = passed(torch.tanh, of_input[2] + reset * of_state[2])
            state = (1 - update) * new + update * state
            outputs.append(state)
        return torch.stack(outputs)

    def logits(self, x):
        rows = []
        for one, length in zip(x, self.lengths, strict=True):
            steps = one[:length]
            backwards = self.direction(steps.flip(0), "_reverse").flip(0)
            y = torch.cat([self.direction(steps, ""), backwards], 1)
            weights = held(self.score(torch.tanh(self.hidden(y))).softmax(0))
            rows.append(self.head((weights * y).sum(0)))
        return torch.stack(rows)


def test_packed_attention_pooling_before_a_log_softmax():
    model, x = Pooling(), torch.randn(2, 7, 4, dtype=torch.float64)
    assert_explained(model, x, model.logits, Composite(ZERO))
