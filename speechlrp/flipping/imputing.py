"""Noisy linear imputation but for its noise: the linear system of flipped bins (Rong et al. 2022).

Shapes: B recordings, C parts of a bin, F frequencies and T frames; in memory, L numbers each: a
recording's bins in a frame of zeros.
"""

import torch
from torch import Tensor

PULL = 1e-4
"""Towards the training set's mean, which decides where nothing around is left."""
TOLERANCE, MOST_STEPS = 1e-4, 500
"""Of conjugate gradients: the residual over the right side, and steps."""
PIECE = 60_000
"""Numbers that are solved for at once on a CPU, whose cache then holds all that is gone over."""


def imputed(inputs: Tensor, flipped: Tensor, mean: Tensor) -> Tensor:
    """Solve for the flipped bins of ``[B, C, F, T]``, bool in the same shape; the others stay.

    They are pulled to the mean ``[C, F, T]``, ever so little.
    """
    limit = PIECE if inputs.device.type == "cpu" else inputs.numel()
    size = max(1, limit // max(1, inputs[:1].numel()))
    filled, systems = torch.empty_like(inputs), _Systems(inputs[:size], mean)
    for piece in zip(inputs.split(size), flipped.split(size), filled.split(size), strict=True):
        systems = systems if len(piece[0]) == len(systems.known.bins) else _Systems(piece[0], mean)
        systems.solve(*piece)
    return filled


class _Framed:
    """Bins ``[B, C, F, T]``, and the memory ``[B, L]`` that they lie in."""

    def __init__(self, like: Tensor) -> None:
        *outer, height, width = like.shape
        framed = like.new_zeros(*outer, height + 2, width + 2)
        self.all, self.bins = framed.flatten(1), framed[..., 1:-1, 1:-1]

    def fill(self, bins: Tensor) -> Tensor:
        """Write the bins; all of them ``[B, L]``."""
        self.bins.copy_(bins)
        return self.all


class _Systems:
    """A system a recording, for recordings like some, all solved at once by conjugate gradients.

    Their memory is taken once: new memory costs more than what is computed in it.
    """

    def __init__(self, like: Tensor, mean: Tensor) -> None:
        self._row = like.shape[-1] + 2
        self.known, self._hidden = _Framed(like), _Framed(like)
        line = self.known.all
        self._rows = torch.zeros_like(line[:, 2 * self._row :])
        self._x, self._way, self._rest, self._image, self._right, self._itself, self._around = (
            torch.zeros_like(line) for _ in range(7)
        )
        self._sums = torch.zeros_like(line)
        inside = self._hidden.fill(torch.ones_like(like))
        degree = inside * (self._summed(inside) - 4) / 12  # less at the edges
        self._mean = _Framed(like).fill(mean)
        self._pull, self._diagonal = PULL * degree * self._mean, (1 + PULL) * degree + inside / 3

    def solve(self, inputs: Tensor, flipped: Tensor, filled: Tensor) -> None:
        """Write what the bins become to `filled`; shapes as of `imputed`."""
        hidden, known = self._hidden.fill(flipped), self.known.fill(inputs)
        known.addcmul_(known, hidden, value=-1)
        torch.div(self._summed(known), 12, out=self._right).add_(self._pull).mul_(hidden)
        torch.mul(hidden, self._diagonal, out=self._itself)
        torch.div(hidden, -12, out=self._around)
        self._descend(torch.mul(hidden, self._mean, out=self._x), self._way)
        known.add_(self._x)
        filled.copy_(self.known.bins)

    def _descend(self, x: Tensor, way: Tensor) -> None:
        """Conjugate gradients from `x`, in place."""
        rest = torch.sub(self._right, self._applied(way.copy_(x)), out=self._rest)
        size, goal = _dot(rest, rest), TOLERANCE**2 * _dot(self._right, self._right)
        way.copy_(rest)
        tiny = torch.finfo(x.dtype).tiny
        for _ in range(MOST_STEPS):
            left = size > goal
            if not bool(left.any()):
                break
            image = self._applied(way)
            # one that is solved stays, so that a recording's bins are the same in any batch
            step = left * size / _dot(way, image).clamp(min=tiny)
            x.addcmul_(step, way)
            rest.addcmul_(step, image, value=-1)
            size, before = _dot(rest, rest), size
            torch.addcmul(rest, size / before.clamp(min=tiny), way, out=way)

    def _applied(self, bins: Tensor) -> Tensor:
        """The system's matrix times bins ``[B, L]``."""
        image = torch.mul(self._itself, bins, out=self._image)
        return image.addcmul_(self._around, self._summed(bins))

    def _summed(self, bins: Tensor) -> Tensor:
        """Four times each of ``[B, L]`` and its neighbours, direct ones twice; not in the frame.

        The weights are the outer product of (1, 2, 1) with itself: sums of shifted tensors take a
        twentieth of the time of a convolution of one channel.
        """
        row, rows = self._row, self._rows
        torch.add(bins[:, : -2 * row], bins[:, 2 * row :], out=rows)
        rows.add_(bins[:, row:-row], alpha=2)
        inner = self._sums[:, row + 1 : -row - 1]
        torch.add(rows[:, :-2], rows[:, 2:], out=inner)
        inner.add_(rows[:, 1:-1], alpha=2)
        return self._sums


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(1, keepdim=True)
