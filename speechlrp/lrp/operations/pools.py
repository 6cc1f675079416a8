"""Lp pooling and resizing."""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge
from torch.nn import functional

from speechlrp.lrp.layer import plain
from speechlrp.lrp.operations.gradient import gradient, moved
from speechlrp.lrp.recorder import Call, Recorder
from speechlrp.lrp.tape import Coefficients


def lp_pool(recorder: Recorder, call: Call) -> Tensor:
    r"""Each window hands on its relevance in proportion to ``x^p``.

    ``z = s^(1/p)`` with ``s`` the window's sum of ``x^p`` is homogeneous of degree one, so
    that this is its gradient, ``c_in = x^(p-1) sum_j c_j z_j / s_j``; written out, since
    autograd's is NaN where a window is all zeros. There ``z = 0`` holds no relevance.
    """
    named = _named(functional.lp_pool1d, call)
    x, p = named.pop("input"), named.pop("norm_type")
    if not p > 0:
        raise recorder.refuse(call, f"with norm_type={p} divides by numbers that may be 0")
    if math.isinf(p):
        return gradient(recorder, call)
    numbers = recorder.numbers(x)
    with torch.no_grad():
        result = call.function(numbers, p, **named)
    leaf = plain(numbers.pow(p)).requires_grad_()
    with torch.enable_grad():
        sums = call.function(leaf, 1, **named)
    edge, sums = get_gradient_edge(sums), sums.detach()
    source = recorder.consume(x)
    visible, value = recorder.emit(result)

    def backward(outgoing: Coefficients) -> Coefficients:
        c = torch.where(sums == 0, 0, outgoing[0] * result / sums)
        (shared,) = torch.autograd.grad(edge, leaf, c)
        return [torch.where((numbers == 0) & (p < 1), 0, shared * numbers.pow(p - 1))]

    recorder.record(call, [source], [value], backward)
    return visible


def resized(recorder: Recorder, call: Call) -> Any:
    """Nearest neighbours are copies; every other interpolation is linear, so the gradient."""
    mode = call.kwargs.get("mode", "nearest")
    return (moved if mode.startswith("nearest") else gradient)(recorder, call)


def _named(function: Any, call: Call) -> dict[str, Any]:
    bound = inspect.signature(function).bind(*call.args, **call.kwargs)
    bound.apply_defaults()
    return bound.arguments
