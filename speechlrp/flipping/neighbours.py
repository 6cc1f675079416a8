"""A fill-in that the network can hardly tell: flipped bins become what lies around them.

Every flipped bin is the weighted mean of its eight neighbours, flipped or not (direct ones 1/6,
diagonal ones 1/12), plus small noise: a linear system over all flipped bins of a recording.
B recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.flipping.fill_ins import FillIn

NOISE = 0.01
"""Of a recording's standard deviation."""
PULL = 1e-4
"""Towards the training set's mean, which decides where nothing around is left."""
TOLERANCE, MOST_STEPS = 1e-4, 500
"""Of conjugate gradients: the residual over the right side, and steps."""


class Neighbours(FillIn):
    """Noisy linear imputation over time and frequency.

    Source: Rong et al. 2022, ROAD; its system is solved by conjugate gradients on the weighted
    graph's Laplacian, which is symmetric at the edges too.
    """

    def of(self, inputs: Tensor, ids: Sequence[str]) -> Callable[[Tensor], Tensor]:
        """A function of the flipped bins."""
        deviation = inputs.flatten(1).std(1).view(-1, 1, 1, 1)
        drawn = [
            torch.randn(one.shape, generator=self.around.generator(name)).to(one)
            for one, name in zip(inputs, ids, strict=True)
        ]
        noise = NOISE * deviation * torch.stack(drawn)

        def fill(flipped: Tensor) -> Tensor:
            mask = flipped.view_as(inputs)
            return (imputed(inputs, mask, self.around.mean) + noise).flatten(1)

        return fill


def imputed(inputs: Tensor, flipped: Tensor, mean: Tensor) -> Tensor:
    """Solve for the flipped bins; the others stay.

    Args:
        inputs: ``[B, C, F, T]``.
        flipped: bool, in the same shape.
        mean: what they are pulled to, ever so little, ``[C, F, T]``.
    """
    mask, degree = flipped.to(inputs), _spread(torch.ones_like(inputs[:1]))
    known = inputs * (1 - mask)
    right = mask * (_spread(known) + PULL * degree * mean)

    def system(x: Tensor) -> Tensor:
        return mask * ((1 + PULL) * degree * x - _spread(x))

    return known + _conjugate_gradients(system, right, mask * mean)


def _conjugate_gradients(system: Callable[[Tensor], Tensor], right: Tensor, x: Tensor) -> Tensor:
    """A system a recording, all at once."""
    rest = right - system(x)
    way, size = rest, _dot(rest, rest)
    goal = TOLERANCE**2 * _dot(right, right)
    for _ in range(MOST_STEPS):
        if bool((size <= goal).all()):
            break
        image = system(way)
        step = size / _dot(way, image).clamp(min=torch.finfo(size.dtype).tiny)
        x, rest = x + step * way, rest - step * image
        size, before = _dot(rest, rest), size
        way = rest + size / before.clamp(min=torch.finfo(size.dtype).tiny) * way
    return x


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((1, 2, 3), keepdim=True)


def _spread(x: Tensor) -> Tensor:
    """The weighted sum of each bin's neighbours.

    The weights are the outer product of (1, 2, 1) with itself but for its middle, over 12: sums of
    shifted tensors take a twentieth of the time of a convolution of one channel.
    """
    wide = functional.pad(x, (1, 1, 1, 1))
    rows = (wide[..., :-2, :] + wide[..., 2:, :]).add_(wide[..., 1:-1, :], alpha=2)
    total = (rows[..., :-2] + rows[..., 2:]).add_(rows[..., 1:-1], alpha=2)
    return total.sub_(x, alpha=4).div_(12)
