"""Every rule, written out on one neuron layer's matrix as its paper has it.

``W [J, I]``, ``b [J]``, ``x [I]``, relevance ``R [J]`` -> relevance ``[I]``. Nothing here is
shared with the engine. ``tiny`` is the stabiliser.
"""

import torch
from torch import Tensor


def positive(a: Tensor) -> Tensor:
    return torch.where(a > 0, a, 0.0)


def negative(a: Tensor) -> Tensor:
    return torch.where(a < 0, a, 0.0)


def shared(parts: Tensor, rest: Tensor, R: Tensor, tiny: float) -> Tensor:
    """``sum_j parts_ji / (sum_i parts_ji + rest_j + tiny sgn) R_j``."""
    total = parts.sum(1) + rest
    total = total + tiny * torch.where(total >= 0, 1.0, -1.0).double()
    shares = parts / total[:, None] * R[:, None]
    shares[total == 0] = 0  # 0/0: a neuron at 0 holds no relevance
    return shares.sum(0)


def zero(W, b, x, R, tiny):
    return shared(W * x, b, R, 0.0)


def epsilon(W, b, x, R, tiny, eps=0.3):
    return shared(W * x, b, R, eps)


def gamma(W, b, x, R, tiny, gamma=0.7):
    z_ij, z = W * x, W @ x + b
    for_it = shared(z_ij + gamma * positive(z_ij), b + gamma * positive(b), R * (z > 0), tiny)
    against = shared(z_ij + gamma * negative(z_ij), b + gamma * negative(b), R * (z < 0), tiny)
    return for_it + against


def z_plus(W, b, x, R, tiny):
    return shared(positive(W * x), positive(b), R, tiny)


def alpha_beta(W, b, x, R, tiny, alpha=2.0, beta=1.0):
    for_it = shared(positive(W * x), positive(b), R, tiny)
    against = shared(negative(W * x), negative(b), R, tiny)
    return alpha * for_it - beta * against


def w_square(W, b, x, R, tiny):
    return shared(W**2, b**2, R, tiny)


def flat(W, b, x, R, tiny):
    return shared((W != 0).double(), torch.zeros_like(b), R, tiny)


def z_box(W, b, x, R, tiny, low=-4.0, high=3.5):
    corner = low * positive(W) + high * negative(W)
    return shared(W * x - corner, torch.zeros_like(b), R, tiny)
