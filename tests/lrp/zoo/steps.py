"""Recurrent networks by their formulas, with rules written into them."""

import torch
from torch.nn import functional as F

from tests.lrp.zoo.reference import halved, held, passed


def part(x, rule):
    return halved(x) if rule == "halves" else x


def gate(x, rule):
    value = passed(torch.sigmoid, x)
    return halved(value) if rule == "halves" else held(value)


def lstm(x, state, weights, rule):
    h, c = state
    w_ih, w_hh, b_ih, b_hh, *projection = weights
    i, f, g, o = (F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh)).chunk(4, -1)
    c = gate(f, rule) * part(c, rule) + gate(i, rule) * part(passed(torch.tanh, g), rule)
    h = gate(o, rule) * part(passed(torch.tanh, c), rule)
    return (F.linear(h, projection[0]) if projection else h), c


def gru(x, state, weights, rule):
    (h,) = state
    w_ih, w_hh, b_ih, b_hh = weights
    x_r, x_z, x_n = F.linear(x, w_ih, b_ih).chunk(3, -1)
    h_r, h_z, h_n = F.linear(h, w_hh, b_hh).chunk(3, -1)
    n = passed(torch.tanh, x_n + gate(x_r + h_r, rule) * part(h_n, rule))
    kept = 1 - passed(torch.sigmoid, x_z + h_z)
    kept = halved(kept) if rule == "halves" else held(kept)
    return (kept * part(n, rule) + gate(x_z + h_z, rule) * part(h, rule),)


def plain(function):
    def step(x, state, weights, rule):
        w_ih, w_hh, b_ih, b_hh = weights
        z = F.linear(x, w_ih, b_ih) + F.linear(state[0], w_hh, b_hh)
        return (passed(function, z),)

    return step


STEPS = {"LSTM": lstm, "GRU": gru, "RNN": plain(torch.tanh), "RNN_RELU": plain(torch.relu)}


def weights_of(module, layer, direction):
    end = f"_l{layer}{'_reverse' * direction}"
    names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    every = [getattr(module, name + end, None) for name in names]
    return [*every, getattr(module, f"weight_hr{end}")] if module.proj_size else every


def by_hand(module, x, rule, length=None):
    """One example ``[T, I]`` through all layers and directions; from a state of zeros."""
    step = STEPS[module.mode.removesuffix("_TANH")]
    sequence, ends = list(x[:length]), []
    for layer in range(module.num_layers):
        sides = []
        for direction in range(1 + module.bidirectional):
            weights = weights_of(module, layer, direction)
            size = module.proj_size or module.hidden_size
            state = [torch.zeros(size, dtype=torch.float64)]
            if module.mode == "LSTM":
                state.append(torch.zeros(module.hidden_size, dtype=torch.float64))
            outputs = []
            for one in sequence[::-1] if direction else sequence:
                state = step(one, state, weights, rule)
                outputs.append(state[0])
            sides.append(outputs[::-1] if direction else outputs)
            ends.append(state[0])
        sequence = [torch.cat(pair, -1) for pair in zip(*sides, strict=True)]
    return torch.stack(sequence), torch.cat(ends)
