"""Products of two tensors that both depend on the input: gates, attention, quotients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.operations.gradient import gradient, moved
from speechlrp.lrp.operations.last import sigmoid
from speechlrp.lrp.product import Bilinear, Product
from speechlrp.lrp.recorder import Call, Recorder
from speechlrp.lrp.tape import Coefficients


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
    sources = [recorder.consume(one) for one in factors]
    visible, value = recorder.emit(product.compute())

    def backward(outgoing: Coefficients) -> Coefficients:
        return [product.transpose(outgoing[0] / 2, factor) for factor in (0, 1)]

    recorder.record(None, sources, [value], backward, layer=product, place=place)
    return visible


def glu(recorder: Recorder, call: Call) -> Any:
    """A gated linear unit: the first half of a dimension times the sigmoid of the second."""
    named = dict(zip(("input", "dim"), call.args, strict=False)) | call.kwargs
    halves = moved(recorder, Call(torch.chunk, (named["input"], 2, named.get("dim", -1)), {}))
    gate = sigmoid(recorder, Call(torch.sigmoid, (halves[1],), {}))
    return multiplied(recorder, torch.mul, (halves[0], gate), elementwise=True)


def cosine_similarity(recorder: Recorder, call: Call) -> Any:
    """A sum of products over two lengths that are constants."""
    named = dict(zip(("x1", "x2", "dim", "eps"), call.args, strict=False)) | call.kwargs
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
    named = dict(zip(("input1", "input2", "weight", "bias"), call.args, strict=False)) | call.kwargs
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
