"""Operations that are explained as the torch calls that they consist of, such as LSTMs and GRUs.

Recurrent networks and their cells are written out in steps, what torch writes in Python is watched.
Gates are constants and the signals take all, unless a rule for products says otherwise (Arras
et al. 2017, "Explaining recurrent neural network predictions in sentiment analysis"). A gate
whose signal is a constant, as a first state is, passes a constant and gets nothing either. The
input's and the state's weights make two layers, each with the rule of dense layers.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.recorder import OFF, Call, Recorder

Handler = Callable[[Recorder, Call], Any]
State = tuple[Tensor, ...]
Gated = Callable[[Tensor, Tensor], Tensor]
Weights = Sequence[Any]
"""Tensors; ``None`` for a bias that is not there."""
Step = Callable[[Gated, Tensor, State, Weights], State]
"""From what the input contributes, the state, and the state's weights to the next state.

First comes the product of a gate and its signal.
"""


def _lstm(gated: Gated, a: Tensor, state: State, weights: Weights) -> State:
    hidden, cell = state
    parts = a + functional.linear(hidden, weights[0], weights[1])
    i, f, g, o = parts.chunk(4, -1)
    cell = gated(torch.sigmoid(f), cell) + gated(torch.sigmoid(i), torch.tanh(g))
    hidden = gated(torch.sigmoid(o), torch.tanh(cell))
    return (functional.linear(hidden, weights[2]) if len(weights) > 2 else hidden), cell


def _gru(gated: Gated, a: Tensor, state: State, weights: Weights) -> State:
    (hidden,) = state
    of_input = a.chunk(3, -1)
    of_state = functional.linear(hidden, weights[0], weights[1]).chunk(3, -1)
    reset, update = (torch.sigmoid(x + h) for x, h in zip(of_input[:2], of_state[:2], strict=True))
    new = torch.tanh(of_input[2] + gated(reset, of_state[2]))
    return (gated(1 - update, new) + gated(update, hidden),)


def _rnn(function: Callable[[Tensor], Tensor]) -> Step:
    def step(gated: Gated, a: Tensor, state: State, weights: Weights) -> State:
        return (function(a + functional.linear(state[0], weights[0], weights[1])),)

    return step


STEPS: dict[str, Step] = {
    "lstm": _lstm,
    "gru": _gru,
    "rnn_tanh": _rnn(torch.tanh),
    "rnn_relu": _rnn(torch.relu),
}


def recurrent(recorder: Recorder, call: Call) -> tuple[Tensor, ...]:
    """All layers and directions, of a padded ``[T, B, I]`` or a packed ``[N, I]`` input."""
    packed = isinstance(call.args[3], list | tuple)
    data, sizes, state, weights, biases, layers, dropout, training, both, *order = (
        call.args if packed else (call.args[0], None, *call.args[1:])
    )
    if dropout and training:
        raise recorder.refuse(call, "drops at random (training=True)", OFF)
    states = tuple(state) if isinstance(state, list | tuple) else (state,)
    batch_first, directions = order == [True], 1 + both
    count = len(weights) // (layers * directions)
    runs = [list(weights[i : i + count]) for i in range(0, len(weights), count)]
    runs = [run if biases else [*run[:2], None, None, *run[2:]] for run in runs]
    with recorder.watching():
        x = data.transpose(0, 1) if batch_first else data
        if not packed:
            sizes = torch.full((len(x),), x.shape[1])
            x = x.flatten(0, 1)
        counts, last = sizes.tolist(), []
        step = partial(STEPS[call.name], partial(_gated, recorder))
        for first in range(0, len(runs), directions):
            outputs = []
            for run in range(first, first + directions):
                begin = tuple(part[run] for part in states)
                output, end = _direction(step, x, counts, begin, runs[run], run > first)
                outputs.append(output)
                last.append(end)
            x = torch.cat(outputs, -1) if len(outputs) > 1 else outputs[0]
        x = x if packed else x.unflatten(0, (len(sizes), -1))
        ends = (torch.stack(parts) for parts in zip(*last, strict=True))
        return (x.transpose(0, 1) if batch_first else x), *ends


def cell(recorder: Recorder, call: Call) -> Tensor | State:
    """One step."""
    x, state, w_input, w_state, *biases = call.args
    b_input, b_state = biases or (None, None)
    several = isinstance(state, tuple | list)
    with recorder.watching():
        a, gated = functional.linear(x, w_input, b_input), partial(_gated, recorder)
        step = STEPS[call.name.removesuffix("_cell")]
        new = step(gated, a, tuple(state) if several else (state,), (w_state, b_state))
    return new if several else new[0]


def _gated(recorder: Recorder, gate: Tensor, signal: Tensor) -> Tensor:
    if recorder.tracks(signal):
        return gate * signal
    return recorder.numbers(gate) * signal


def _direction(
    step: Callable[[Tensor, State, Weights], State],
    x: Tensor,
    sizes: list[int],
    begin: State,
    weights: Weights,
    backwards: bool,
) -> tuple[Tensor, State]:
    """One layer's output ``[N, D]`` and the state behind the last step of each example.

    ``sizes`` is how many examples each step has.
    """
    w_input, w_state, b_input, b_state, *projection = weights
    steps = functional.linear(x, w_input, b_input).split(sizes)
    state, outputs = tuple(part[: sizes[-1 if backwards else 0]] for part in begin), []
    ended: list[State] = []
    for a in steps[::-1] if backwards else steps:
        state = _fitting(state, begin, len(a), ended)
        state = step(a, state, (w_state, b_state, *projection))
        outputs.append(state[0])
    whole = [torch.cat(parts) for parts in zip(state, *ended, strict=True)] if ended else state
    return torch.cat(outputs[::-1] if backwards else outputs), tuple(whole)


def _fitting(state: State, begin: State, count: int, ended: list[State]) -> State:
    """The state of ``count`` examples: some have ended, or others begin.

    Packed examples stand with the longest first, so that the last ones end first.
    """
    present = len(state[0])
    if present > count:
        ended.insert(0, tuple(part[count:] for part in state))
        return tuple(part[:count] for part in state)
    if present < count:
        pairs = zip(state, begin, strict=True)
        return tuple(torch.cat([one, new[present:count]]) for one, new in pairs)
    return state


def packed(recorder: Recorder, call: Call) -> tuple[Tensor, Tensor]:
    """``pack_padded_sequence``: the steps of all examples, one after the other."""
    x, lengths, batch_first = call.args
    _, sizes = call.function(recorder.numbers(x), lengths, batch_first)
    with recorder.watching():
        x = x.transpose(0, 1) if batch_first else x
        examples = x.shape[1]
        rows = [torch.arange(size) + examples * t for t, size in enumerate(sizes.tolist())]
        return x.flatten(0, 1).index_select(0, torch.cat(rows).to(x.device)), sizes


def padded(recorder: Recorder, call: Call) -> tuple[Tensor, Tensor]:
    """``pad_packed_sequence``: the steps back in their places, constants elsewhere."""
    data, sizes, batch_first, filling, total = call.args
    numbers = torch.arange(len(data), dtype=torch.float64)
    rows, lengths = call.function(numbers, sizes, batch_first, float(len(data)), total)
    with recorder.watching():
        constant = torch.full((1, *data.shape[1:]), filling, dtype=data.dtype, device=data.device)
        rows = rows.long().to(data.device)
        whole = torch.cat([data, constant]).index_select(0, rows.flatten())
        return whole.unflatten(0, rows.shape), lengths


def written_out(function: Any) -> Handler:
    """The handler of a function of torch's that is written in Python: its own body, watched.

    The body asks first whether a mode wants to see the call as a whole. Here it must not, so a
    copy runs for which the answer is no.
    """
    asking = [name for name in function.__code__.co_names if name.startswith("has_torch_function")]
    names = function.__globals__ | dict.fromkeys(asking, lambda *_: False)
    body = FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    body.__kwdefaults__ = function.__kwdefaults__

    def handle(recorder: Recorder, call: Call) -> Any:
        named = call.bound(function)
        if named.get("dropout_p") and named["training"]:  # of constants too it would draw anew
            raise recorder.refuse(call, "drops at random (training=True)", OFF)
        with recorder.watching():
            return body(*call.args, **call.kwargs)

    return handle


def handlers() -> Iterator[tuple[Callable[..., Any], Handler]]:
    """Torch's functions and what records them."""
    for name in STEPS:
        yield getattr(torch, name), recurrent
        yield getattr(torch, f"{name}_cell"), cell
    yield torch._pack_padded_sequence, packed
    yield torch._pad_packed_sequence, padded
    for name in ("multi_head_attention_forward", "local_response_norm", "softmin"):
        yield getattr(functional, name), written_out(getattr(functional, name))
