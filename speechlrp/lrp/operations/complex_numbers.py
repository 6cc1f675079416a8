"""Complex numbers, as pairs of real ones, and the fixed transforms that make them.

Relevance of a complex number is that of its real and its imaginary part together.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from speechlrp.lrp.operations.activations import activation
from speechlrp.lrp.operations.gradient import gradient
from speechlrp.lrp.recorder import Call, Recorder
from speechlrp.lrp.tape import Value

CONJUGATIONS = frozenset({"conj", "conj_physical", "resolve_conj"})


def transform(recorder: Recorder, call: Call) -> Any:
    """A Fourier transform, its inverse, short-time or not: a linear map, so its transpose."""
    rest = (*call.args[1:], *(value for key, value in call.kwargs.items() if key != "input"))
    if any(recorder.tracks(one) for one in rest):
        raise recorder.refuse(call, "has a window that depends on the input")
    return gradient(recorder, call)


def magnitude(recorder: Recorder, call: Call) -> Any:
    """Of complex numbers of degree one, so the gradient; of real ones an activation."""
    x = call.args[0] if call.args else call.kwargs["input"]
    return (gradient if x.is_complex() else activation)(recorder, call)


def polar(recorder: Recorder, call: Call) -> Any:
    """Linear in the magnitude, for a phase that does not depend on the input."""
    named = dict(zip(("abs", "angle"), call.args, strict=False)) | call.kwargs
    if recorder.tracks(named["angle"]):
        raise recorder.refuse(call, "has a phase that depends on the input")
    return gradient(recorder, call)


def are_conjugates(recorder: Recorder, x: Tensor, y: Tensor) -> bool:
    """Whether one of two tensors is made of the other by conjugation."""
    if not x.is_complex() or not y.is_complex():
        return False
    first, second = recorder.value(x), recorder.value(y)
    return _conjugate_of(recorder, first, second) or _conjugate_of(recorder, second, first)


def _conjugate_of(recorder: Recorder, one: Value, other: Value) -> bool:
    conjugated = False
    while (maker := recorder.maker(one)) is not None and maker.operation in CONJUGATIONS:
        conjugated ^= maker.operation != "resolve_conj"
        (one,) = maker.inputs
        if one is other:
            return conjugated
    return False


def squared_magnitude(x: Tensor) -> Tensor:
    """``x conj(x)``, of degree two."""
    return x * x.conj()
