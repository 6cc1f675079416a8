"""LSTMs and GRUs as their steps, with halves, for ``zoo_reference.py``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from zoo_primitives import halved, passed


def lstm(x: Tensor, state: Any, weights: Any, *settings: Any) -> Any:
    """``torch.lstm``, of a padded or a packed input."""
    if isinstance(weights, tuple):  # of a packed input, whose sizes stand second
        return _packed(x, state, weights, *settings)
    return _recurrent(_lstm_step, x, state, weights, *settings)


def gru(x: Tensor, state: Tensor, weights: Any, *settings: Any) -> Any:
    """``torch.gru``, of a padded input."""
    return _recurrent(_gru_step, x, (state,), weights, *settings)


def _recurrent(
    step, x, state, weights, biases, layers, dropout, training, both, batch_first
) -> Any:
    x = x.transpose(0, 1) if batch_first else x
    count, ends = len(weights) // (layers * (1 + both)), []
    for layer in range(layers):
        sides = []
        for back in range(1 + both):
            run = layer * (1 + both) + back
            now = tuple(part[run] for part in state)
            own = list(weights[run * count : (run + 1) * count])
            own = own if biases else [*own, None, None]
            outputs = []
            for one in x.flip(0) if back else x:
                now = step(one, now, *own)
                outputs.append(now[0])
            sides.append(torch.stack(outputs[::-1] if back else outputs))
            ends.append(now)
        x = torch.cat(sides, -1)
    ends = [torch.stack(parts) for parts in zip(*ends, strict=True)]
    return (x.transpose(0, 1) if batch_first else x), *ends


def _packed(data, sizes, state, weights, *settings: Any) -> Any:
    """Examples of one length."""
    count = int(sizes[0])
    if int(sizes[-1]) != count:
        raise NotImplementedError("packed sequences of several lengths")
    x, *ends = lstm(data.unflatten(0, (-1, count)), state, weights, *settings, False)
    return x.flatten(0, 1), *ends


def _gate(gate: Tensor, signal: Tensor) -> Tensor:
    if not signal.requires_grad:
        return gate.detach() * signal
    return halved(gate) * halved(signal)


def _lstm_step(x, state, w_ih, w_hh, b_ih, b_hh):
    hidden, cell = state
    a = functional.linear(x, w_ih, b_ih) + functional.linear(hidden, w_hh, b_hh)
    i, f, g, o = a.chunk(4, -1)
    i, f, o = (passed(one, torch.sigmoid(one)) for one in (i, f, o))
    cell = _gate(f, cell) + _gate(i, passed(g, torch.tanh(g)))
    return _gate(o, passed(cell, torch.tanh(cell))), cell


def _gru_step(x, state, w_ih, w_hh, b_ih, b_hh):
    (hidden,) = state
    x_r, x_z, x_n = functional.linear(x, w_ih, b_ih).chunk(3, -1)
    h_r, h_z, h_n = functional.linear(hidden, w_hh, b_hh).chunk(3, -1)
    r, z = (passed(one, torch.sigmoid(one)) for one in (x_r + h_r, x_z + h_z))
    n = x_n + _gate(r, h_n)
    n = passed(n, torch.tanh(n))
    return (_gate(1 - z, n) + _gate(z, hidden),)
