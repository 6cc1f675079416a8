"""The transposes of dense layers and convolutions, for any weights, without a forward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.layer import Transposed


def dense(c: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """``c w``, for ``F.linear``'s weight ``[out, in]`` or ``[in]``."""
    weight = weight.to(c.dtype)
    product = c.unsqueeze(-1) * weight if weight.dim() == 1 else c @ weight
    return product.to(x.dtype)


def convolution(dimensions: int, named: dict[str, Any], transposed: bool) -> Transposed:
    """The input gradient of ``F.conv*d`` or ``F.conv_transpose*d`` called with ``named``.

    ``named`` may leave out ``stride``, ``padding``, ``dilation``, ``groups`` and
    ``output_padding``; an unbatched input is allowed, as are padding's strings.
    """
    stride, dilation, output_padding = (
        _each(named.get(name, default), dimensions)
        for name, default in (("stride", 1), ("dilation", 1), ("output_padding", 0))
    )
    groups, padding = named.get("groups", 1), named.get("padding", 0)

    def transpose(c: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        batched = x.dim() == dimensions + 2
        before, behind = _padding(padding, weight.shape[2:], dilation)
        shape = list(x.shape if batched else (1, *x.shape))
        for axis, extra in enumerate(behind, start=2):
            shape[axis] += extra
        grad = torch.ops.aten.convolution_backward(
            c if batched else c.unsqueeze(0),
            x if list(x.shape) == shape and x.dtype == c.dtype else c.new_empty(1).expand(shape),
            weight.to(c.dtype),
            None,
            stride,
            before,
            dilation,
            transposed,
            output_padding,
            groups,
            [True, False, False],
        )[0]
        if any(behind):
            grad = functional.pad(grad, [side for extra in behind[::-1] for side in (0, -extra)])
        return (grad if batched else grad.squeeze(0)).to(x.dtype)

    return transpose


def _each(value: int | Sequence[int], dimensions: int) -> list[int]:
    values = [value] if isinstance(value, int) else list(value)
    return values * dimensions if len(values) == 1 else values


def _padding(
    padding: int | Sequence[int] | str, kernel: Sequence[int], dilation: Sequence[int]
) -> tuple[list[int], list[int]]:
    """Zeros on both sides of every dimension, and those that ``"same"`` adds behind only."""
    if padding != "same":
        width = 0 if isinstance(padding, str) else padding  # "valid"
        return _each(width, len(kernel)), [0] * len(kernel)
    total = [step * (size - 1) for step, size in zip(dilation, kernel, strict=True)]
    return [one // 2 for one in total], [one % 2 for one in total]
