"""Operations whose gradient carries relevance exactly, by autograd on each call alone."""

from collections.abc import Callable, Sequence
from itertools import cycle
from types import EllipsisType
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge, get_gradient_edge

from speechlrp.lrp.arguments import mapped, tensors_in
from speechlrp.lrp.layer import plain
from speechlrp.lrp.recorder import BEHIND, Call, Recorder
from speechlrp.lrp.tape import Coefficients


class _Entry(torch.autograd.Function):
    """A tensor's numbers as the beginning of a graph that does not keep them alive.

    A leaf would: autograd holds it, though sums and rearrangements have no use for it.
    """

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, numbers: Tensor) -> Tensor:
        """The numbers; ``anchor`` is anything that requires a gradient."""
        return numbers.detach()

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[None, None]:
        """Never reached: the sweep ends at the entry itself."""
        return None, None


def gradient(recorder: Recorder, call: Call) -> Any:
    """``c_in`` is the gradient: for functions of degree one, ``sum x c_in = sum z c_out``.

    Sums, means and repetitions, of one tensor or several, with one result or several.
    """
    return _recorded(recorder, call, moves=False)


def linear_with(what: str, name: str = "") -> Callable[[Recorder, Call], Any]:
    """The handler of what is linear in its first argument: the gradient, by autograd.

    Args:
        what: the other arguments, which must be constants.
        name: the name of the first.
    """

    def handle(recorder: Recorder, call: Call) -> Any:
        rest, named = call.rest
        others = [*rest, *(value for key, value in named.items() if key != name)]
        if any(map(recorder.tracks, others)):
            raise recorder.refuse(call, f"has {what} on the input")
        return gradient(recorder, call)

    return handle


def interpolated(recorder: Recorder, call: Call) -> Any:
    """``start + weight (end - start)``: linear, and a product where the weight is a gate."""
    named = call.named("input", "end", "weight")
    if not recorder.tracks(named["weight"]):
        return gradient(recorder, call)
    with recorder.watching():
        return named["input"] + named["weight"] * (named["end"] - named["input"])


def moved(recorder: Recorder, call: Call) -> Any:
    """As ``gradient``, where every number of a result is one of an argument's, or a constant.

    Of several equal winners the one that torch picks takes all, or they share equally,
    as the operation's gradient has it.
    """
    name = call.name
    if (name in _SHAPING or name in _SWAPPING) and recorder.tracks(call.first):
        visible = _straight(recorder, call, name in _SWAPPING)
        if visible is not None:
            return visible
    return _recorded(recorder, call, moves=True)


_SHAPING = frozenset(["flatten", "unflatten", "ravel", "view", "reshape", "squeeze", "unsqueeze"])
"""What keeps the order of the numbers, whose way back is another shape."""
_SWAPPING = frozenset(["transpose", "swapaxes", "swapdims"])
"""What is its own way back."""


def _straight(recorder: Recorder, call: Call, swaps: bool) -> Tensor | None:
    """Record what leads back without a graph, which costs more than to move the numbers."""
    x, (rest, named) = call.first, call.rest
    numbers = recorder.numbers(x)
    with torch.no_grad():
        result = call.function(numbers, *rest, **named)
    if result is numbers:
        return x
    if result.dtype != numbers.dtype:  # x.view(dtype) reads the bytes anew
        return None
    shape, dims = numbers.shape, (*rest, *named.values())

    def backward(outgoing: Coefficients) -> Coefficients:
        c = outgoing[0]
        return [c.transpose(*dims) if swaps else c.reshape(shape)]

    return recorder.write(call, [x], result, backward, backward)


def typed(recorder: Recorder, call: Call) -> Any:
    """``x.type(dtype)``; without one, the name of the type that ``x`` has."""
    if len(call.args) == 1 and not call.kwargs.get("dtype"):
        return recorder.numbers(call.args[0]).type()
    return moved(recorder, call)


def scattered(recorder: Recorder, call: Call) -> Any:
    """As ``moved``, or a sum where numbers are added to those that are there."""
    named = call.named("input", "dim", "index", "src", "reduce")
    how = named.get("reduce", "sum" if "add" in call.name else None)
    if named.get("reduce") in ("multiply", "prod", "add"):  # of the last autograd has no gradient
        raise recorder.refuse(call, f"writes with reduce={how!r}", "take scatter_add for sums")
    source, shape = named.get("src"), named["index"].shape
    if recorder.tracks(source) and source.shape != shape:  # which torch knows no gradient of
        part = tuple(slice(size) for size in shape)
        source = moved(recorder, Call(Tensor.__getitem__, (source, part), {}))
        named.pop("input"), named.pop("src")
        call = Call(call.function, (call.first,), named | {"src": source})
    return {None: written, "amax": moved, "amin": moved}.get(how, gradient)(recorder, call)


def put(recorder: Recorder, call: Call) -> Any:
    """As ``moved``, or a sum where numbers are added to those that are there."""
    adds = call.kwargs.get("accumulate") or any(one is True for one in call.args[3:])
    return (gradient if adds else written)(recorder, call)


def written(recorder: Recorder, call: Call) -> Any:
    """As ``moved``, into places that an index names, each of them once.

    Of several numbers for one place one stays, and the operation's gradient is that of all.
    """
    if call.name == "__setitem__":
        index = call.args[1] if isinstance(call.args[1], tuple) else call.args[1:2]
        if all(isinstance(one, int | slice | EllipsisType | None) for one in index):
            return moved(recorder, call)
    one = torch.ones((), dtype=torch.float64, requires_grad=True)

    def counting(tensor: Tensor) -> Tensor:
        if not (tensor.is_floating_point() or tensor.is_complex()):
            return tensor  # where to
        number = one if recorder.tracks(tensor) else torch.zeros_like(one)
        return number.to(tensor.device).expand(tensor.shape)

    if any(map(recorder.tracks, tensors_in(call.rest))) or "unpool" in call.name:
        args, kwargs = mapped(counting, (call.args, call.kwargs))
        stayed = call.function(*args, **kwargs).sum()
        if torch.autograd.grad(stayed, one)[0] != stayed:
            raise recorder.refuse(call, "writes several numbers to one place", "write each once")
    return moved(recorder, call)


def quadratic(recorder: Recorder, call: Call) -> Any:
    """Half the gradient of what is of degree two (Euler).

    Of a variance ``c_in = c (x - m) / (N - 1)``; the mean beside one is of degree one.
    """
    return _recorded(recorder, call, moves=False, degrees=(2, 1))


def multiplied_out(recorder: Recorder, call: Call) -> Any:
    """The product of ``n`` numbers, of degree ``n``: each gets an equal part.

    Source: Achtibat et al. 2024, "AttnLRP", proposition 3.2.
    """
    x, (rest, named) = call.first, call.rest
    axes = (rest or [named.get("dim")])[0]
    count = x.shape[axes] if axes is not None and x.dim() else x.numel()
    return _recorded(recorder, call, moves=False, degrees=(count,))


def norm(recorder: Recorder, call: Call) -> Any:
    """A norm, or that of a difference, is of degree one; a count of what is not 0 is none."""
    orders = [one for one in call.args if not isinstance(one, Tensor)]
    order = orders[0] if orders else call.kwargs.get("p", call.kwargs.get("ord"))
    if order == 0:
        raise recorder.refuse(call, "counts (p=0)")
    return gradient(recorder, call)


def _recorded(recorder: Recorder, call: Call, moves: bool, degrees: Sequence[int] = (1,)) -> Any:
    leaves: dict[int, tuple[Tensor, Tensor]] = {}

    def swap(tensor: Tensor) -> Tensor:
        numbers = plain(recorder.numbers(tensor))
        if not recorder.tracks(tensor):
            return numbers
        if id(tensor) not in leaves:
            leaves[id(tensor)] = (tensor, _Entry.apply(recorder.anchor, numbers))
        return leaves[id(tensor)][1]

    with torch.enable_grad():
        result = call.function(*mapped(swap, call.args), **mapped(swap, call.kwargs))
    results = [result] if isinstance(result, Tensor) else list(result)
    for tensor, leaf in leaves.values():
        if len(results) == 1 and results[0] is leaf:
            return tensor
    numbers = [one for one in results if one.requires_grad]
    continuous = (one.is_floating_point() or one.is_complex() for one in results)
    others = any(a != b.requires_grad for a, b in zip(continuous, results, strict=True))
    if not numbers or (others and not moves):  # what only moves may move a constant too
        raise recorder.refuse(call, "gives a result without a gradient", BEHIND)
    inputs = [recorder.consume(tensor) for tensor, _ in leaves.values()]
    emitted = [recorder.emit(one) for one in numbers]
    entries = [get_gradient_edge(leaf) for _, leaf in leaves.values()]
    backward = _backward(numbers, entries, degrees)
    outputs = [value for _, value in emitted]
    recorder.record(call, inputs, outputs, backward, carry=backward if moves else None)
    visible = iter(one for one, _ in emitted)
    # Indices of winners are constants, as the pattern of a ReLU is.
    seen = [next(visible) if one.requires_grad else one for one in results]
    return seen[0] if isinstance(result, Tensor) else type(result)(seen)


def _backward(
    results: list[Tensor], entries: list[GradientEdge], degrees: Sequence[int]
) -> Callable[[Coefficients], Coefficients]:
    """The vector-Jacobian product, without keeping arguments or results alive by itself."""
    edges = [get_gradient_edge(one) for one in results]

    def backward(outgoing: Coefficients) -> Coefficients:
        used = [
            (edge, c if degree == 1 else c / degree)
            for edge, c, degree in zip(edges, outgoing, cycle(degrees), strict=False)
            if c is not None
        ]
        ends, cs = zip(*used, strict=True)
        # Of what moves numbers it is asked twice where there is both c and r.
        return torch.autograd.grad(ends, entries, cs, retain_graph=True, allow_unused=True)

    return backward
