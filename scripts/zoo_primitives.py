"""Rules as changes of autograd's graph, for ``zoo_reference.py``."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient / 2


def halved(x: Tensor) -> Tensor:
    """A factor that gets half of its product's relevance."""
    return _Halved.apply(x)


def passed(x: Tensor, value: Tensor) -> Tensor:
    """``value = f(x)``, handing its whole relevance to ``x``."""
    factor = torch.where(x == 0, 0, value / x).detach()
    return x * factor + (value - x * factor).detach()


def normed(x: Tensor, dims: Any, eps: float) -> Tensor:
    """Without weights, the deviation a constant."""
    y = x - x.mean(dims, keepdim=True)
    return y / (y.square().mean(dims, keepdim=True) + eps).sqrt().detach()


def affine(y: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """``weight y + bias``, where there are any."""
    y = y if weight is None else y * weight
    return y if bias is None else y + bias
