"""Products of tensors: of two that depend on the input, and with a constant, which are layers."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.layer import Bilinear, Layer, Product
from speechlrp.lrp.operations.affine import arguments_of, in_this_precision, layer, recorded
from speechlrp.lrp.operations.gradient import gradient
from speechlrp.lrp.recorder import Call, Recorder
from speechlrp.lrp.tape import by_a_rule

Compute = Callable[[Tensor | None, Tensor, Tensor], Tensor]

SUM = "write it as a sum: start + a @ b"

_OPERANDS = ["input", "self", "mat1", "batch1", "mat", "mat2", "batch2", "vec", "vec2", "other"]
_OPERANDS += ["tensor"]


def multiplied(
    recorder: Recorder,
    function: Bilinear,
    factors: Sequence[Tensor],
    operation: str = "product",
    elementwise: bool = False,
) -> Tensor:
    """Record ``z = function(*factors)`` as a product, which a rule for products shares out."""
    place = recorder.places.running()
    product = Product(operation, place, function, [*map(recorder.numbers, factors)], elementwise)
    return recorder.write(None, factors, product.compute(), by_a_rule, layer=product)


def glu(recorder: Recorder, call: Call) -> Any:
    """A gated linear unit: the first half of a dimension times the sigmoid of the second."""
    named = call.named("input", "dim")
    with recorder.watching():
        signal, gate = named["input"].chunk(2, named.get("dim", -1))
        return signal * gate.sigmoid()


def cosine_similarity(recorder: Recorder, call: Call) -> Any:
    """A sum of products over two lengths that are constants."""
    named = call.named("x1", "x2", "dim", "eps")
    dim, eps = named.get("dim", 1), named.get("eps", 1e-8)
    pair = torch.broadcast_tensors(*(recorder.numbers(named[one]) for one in ("x1", "x2")))
    lengths = [torch.linalg.vector_norm(one, dim=dim).clamp_min(eps) for one in pair]

    def cosine_similarity(first: Tensor, second: Tensor) -> Tensor:
        return (first * second).sum(dim) / (lengths[0] * lengths[1])

    factors = named["x1"], named["x2"]
    if all(recorder.tracks(one) for one in factors):
        return multiplied(recorder, cosine_similarity, factors)
    return gradient(recorder, Call(cosine_similarity, factors, {}))


def bilinear(recorder: Recorder, call: Call) -> Any:
    """``x1^T W x2 + b``: a product, and a bias; with a constant for one of the two linear."""
    named = call.named("input1", "input2", "weight", "bias")
    first, second, weight = (named[name] for name in ("input1", "input2", "weight"))
    if recorder.tracks(weight) or recorder.tracks(named.get("bias")):
        raise recorder.refuse(call, "has weights that depend on the input")
    if not (recorder.tracks(first) and recorder.tracks(second)):
        return gradient(recorder, call)

    def function(a: Tensor, b: Tensor) -> Tensor:
        return functional.bilinear(a, b, weight)

    product = multiplied(recorder, function, (first, second))
    if named.get("bias") is None:
        return product
    return gradient(recorder, Call(torch.add, (product, named["bias"]), {}))


def weighted(recorder: Recorder, call: Call) -> Any:
    """A layer; with weights that depend on the input a product, and such a bias a summand."""
    named = call.named(*arguments_of(call.name))
    x, weight, bias = (named.pop(name, None) for name in ("input", "weight", "bias"))
    if not (recorder.tracks(weight) or recorder.tracks(bias)):
        return layer(recorder, call)

    def compute(bias: Tensor | None, first: Tensor, second: Tensor) -> Tensor:
        return call.function(first, second, **named)

    if recorder.tracks(weight):
        z = _product(recorder, call, "matmul", compute, [x, weight])
    elif not recorder.tracks(x):
        z = call.function(x, weight, **named)
    else:
        z = layer(recorder, Call(call.function, (x, weight), named))
    if bias is None:
        return z
    with recorder.watching():
        return z + bias.reshape(-1, *[1] * (weight.dim() - 2))


def matmul(recorder: Recorder, call: Call) -> Tensor:
    """``x @ w``, ``w @ x``: dense, the constant operand for weights; ``x @ y``: a product."""
    operands, rest, named = _split(call, 2)

    def compute(bias: Tensor | None, first: Tensor, second: Tensor) -> Tensor:
        return call.function(first, second, *rest, **named)

    return _product(recorder, call, "matmul", compute, operands)


def einsum(recorder: Recorder, call: Call) -> Any:
    """A sum of products of two tensors: as ``matmul``; of one alone: linear; of more: pair by pair.

    From the left, as torch goes where it is not told a better order.
    """
    equation, *operands = call.args
    if len(operands) == 1 and isinstance(operands[0], tuple | list):
        operands = list(operands[0])
    if not isinstance(equation, str):
        raise recorder.refuse(call, "has no equation")
    if len(operands) == 1:
        return gradient(recorder, call)
    while len(operands) > 2:
        first, equation = _first_pair(equation)
        with recorder.watching():
            operands[:2] = [torch.einsum(first, *operands[:2])]

    def compute(bias: Tensor | None, first: Tensor, second: Tensor) -> Tensor:
        return torch.einsum(equation, first, second)

    return _product(recorder, call, "einsum", compute, operands)


def _first_pair(equation: str) -> tuple[str, str]:
    """An equation of several operands as that of its first two, and that of the rest."""
    terms, arrow, result = equation.replace(" ", "").partition("->")
    one, other, *rest = terms.split(",")
    if not arrow:  # all that stand once, in alphabetical order, as torch has it
        names = terms.replace(",", "").replace(".", "")
        result = "..." * ("..." in terms) + "".join(n for n in sorted(names) if names.count(n) == 1)
    used = "".join(rest) + result
    dots = "..." * ("..." in one + other and "..." in used)
    letters = dict.fromkeys((one + other).replace(".", ""))
    kept = dots + "".join(letter for letter in letters if letter in used)
    return f"{one},{other}->{kept}", f"{','.join([kept, *rest])}->{result}"


def added_product(recorder: Recorder, call: Call) -> Tensor:
    """``beta input + alpha (a @ b)``: as ``matmul``, with a constant ``input`` as its bias."""
    (start, *operands), _, named = _split(call, 3)
    beta, alpha = named.get("beta", 1), named.get("alpha", 1)

    def compute(bias: Tensor | None, first: Tensor, second: Tensor) -> Tensor:
        if bias is None:
            return call.function(first.new_zeros(()), first, second, beta=0)
        return call.function(bias, first, second)

    if not recorder.tracks(start) and not all(recorder.tracks(one) for one in operands):
        bias = start.detach() if beta == 1 else start.detach() * beta
        return _product(recorder, call, "matmul", compute, operands, alpha, bias)
    if not any(recorder.tracks(one) for one in operands):
        raise recorder.refuse(call, "adds a constant product", SUM)
    product = _product(recorder, call, "matmul", compute, operands, alpha)
    return gradient(recorder, Call(torch.add, (product, start), {"alpha": beta}))


def _product(
    recorder: Recorder,
    call: Call,
    operation: str,
    compute: Compute,
    operands: list[Tensor],
    factor: float = 1,
    bias: Tensor | None = None,
) -> Tensor:
    def product(first: Tensor, second: Tensor) -> Tensor:
        return compute(None, first, second) * factor

    dependent = [recorder.tracks(one) for one in operands]
    if all(dependent):
        return multiplied(recorder, product, operands)
    place = dependent.index(True)
    x, weight = operands[place], operands[1 - place]
    if x.is_complex() or weight.is_complex():
        if bias is not None:
            raise recorder.refuse(call, "adds a constant to complex numbers", SUM)
        return gradient(recorder, Call(product, tuple(operands), {}))  # no sign to go by: no rule

    def function(x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
        return compute(bias, *((weight, x) if place else (x, weight)))

    owner, function = recorder.places.owner(weight), in_this_precision(function, x)
    weight = weight if factor == 1 else weight * factor
    numbers = recorder.numbers(x)
    return recorded(recorder, call, x, Layer(operation, owner, function, numbers, weight, bias))


def _split(call: Call, count: int) -> tuple[list[Tensor], tuple[Any, ...], dict[str, Any]]:
    """The tensors of a call in the order of its signature, and its other arguments."""
    named = dict(call.kwargs)
    tensors = [named.pop(name) for name in _OPERANDS if name in named]
    return [*call.args[:count], *tensors], call.args[count:], named
