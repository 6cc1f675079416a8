"""Relevance by autograd alone: networks whose rules are written into their forward.

With LRP-0 in every layer an explanation is gradient times input of the network in which what
counts as a constant is detached. Nothing here is shared with the engine.
"""

import torch
from torch import Tensor


class _Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient / 2


def halved(x: Tensor) -> Tensor:
    """The tensor, as a factor that gets half of its product's relevance."""
    return _Halved.apply(x)


def held(x: Tensor) -> Tensor:
    """The tensor, as a gate or divisor that gets nothing."""
    return x.detach()


def passed(function, x: Tensor) -> Tensor:
    """``f(x)``, as an activation that hands its whole relevance to ``x``."""
    value = function(x)
    factor = torch.where(x == 0, 0, value / x).detach()
    return x * factor + (value - x * factor).detach()


def normed(x: Tensor, dims, eps: float, centred: bool = True) -> Tensor:
    """A norm without weights whose deviation is a constant."""
    y = x - x.mean(dims, keepdim=True) if centred else x
    return y / (y.square().mean(dims, keepdim=True) + eps).sqrt().detach()


def attended(q, k, v, rule, mask=None, scale=None) -> Tensor:
    """Attention by ``"cp"``, weights for constants, or ``"halves"``; 0 in fully masked rows."""
    part = halved if rule == "halves" else (lambda x: x)
    scores = part(q) @ part(k).transpose(-1, -2)
    scores = scores * (q.shape[-1] ** -0.5 if scale is None else scale)
    scores = scores if mask is None else scores + mask
    weights = torch.exp(scores - scores.amax(-1, keepdim=True).clamp(min=-1e30).detach())
    total = weights.sum(-1, keepdim=True)
    weights = weights / torch.where(total == 0, 1, total)
    return part(weights if rule == "halves" else held(weights)) @ part(v)


def relevance(forward, x: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Output, and gradient times input of ``sum c output``."""
    leaf = x.clone().requires_grad_()
    output = forward(leaf)
    (gradient,) = torch.autograd.grad((output * c).sum(), leaf)
    return output.detach(), x * gradient
