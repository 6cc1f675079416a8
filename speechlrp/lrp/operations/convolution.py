"""The transposes of dense layers and convolutions, and convolutions that are dense layers."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.layer import PIECE, Transposed

LANES = 8
"""Input channels below which a convolution's own transpose leaves most of a processor idle."""


def dense(c: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """``c w``, for ``F.linear``'s weight ``[out, in]`` or ``[in]``."""
    weight = weight.to(c.dtype)
    product = c.unsqueeze(-1) * weight if weight.dim() == 1 else c @ weight
    return product.to(x.dtype)


def one_step(x: Tensor, weight: Tensor, named: dict[str, Any]) -> bool:
    """Whether a kernel lies on a whole batch of inputs: a dense layer, if written otherwise."""
    padding, dilation = named.get("padding", 0), _each(named.get("dilation", 1), 1)
    bare = padding == "valid" or not (isinstance(padding, str) or any(_each(padding, 1)))
    return bare and set(dilation) == {1} and x.shape[1:] == weight.shape[1:]


def as_dense(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``z`` of one step, without the order in which a convolution wants its weights first."""
    z = functional.linear(x.flatten(1), weight.flatten(1), bias)
    return z.reshape(*z.shape, *[1] * (x.dim() - 2))


def as_dense_back(c: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """Its transpose."""
    return dense(c.flatten(1), x, weight.flatten(1)).reshape(len(c), *x.shape[1:])


def convolution(dimensions: int, named: dict[str, Any], transposed: bool) -> Transposed:
    """The transpose of ``F.conv*d``, or of ``F.conv_transpose*d``, called with ``named``.

    Each is the other's transpose. ``named`` may leave out ``stride``, ``padding``, ``dilation`` and
    ``groups``; an unbatched input is allowed, as are padding's strings.
    """
    stride, dilation = (_each(named.get(name, 1), dimensions) for name in ("stride", "dilation"))
    groups, padding = named.get("groups", 1), named.get("padding", 0)
    back = getattr(functional, f"conv{'' if transposed else '_transpose'}{dimensions}d")

    def transpose(c: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        weight, shape = weight.to(c.dtype), x.shape[-dimensions:]
        if transposed:
            grad = back(c, weight, None, stride, padding, dilation, groups)
            return grad[(..., *map(slice, shape))].to(x.dtype)
        before, after = _padding(padding, weight.shape[2:], dilation)
        sizes = [length + more for length, more in zip(shape, after, strict=True)]
        if _in_windows(c, weight, stride, groups):
            grad = _overlapped(c, weight, sizes, (dilation, before, stride))
        else:
            steps = zip(sizes, weight.shape[2:], before, stride, dilation, strict=True)
            over = [  # at the end of the input, which no step of the kernel reaches
                (length + 2 * zeros - apart * (size - 1) - 1) % step
                for length, size, zeros, step, apart in steps
            ]
            grad = back(c, weight, None, stride, before, over, groups, dilation)
        return grad[(..., *map(slice, shape))].to(x.dtype)

    return transpose


def _in_windows(c: Tensor, weight: Tensor, stride: Sequence[int], groups: int) -> bool:
    """Whether ``_overlapped`` is faster, as it is several times on the CPU, and no burden."""
    if groups > 1 or weight.dim() > 4 or c.dim() != weight.dim() or c.device.type != "cpu":
        return False
    skips = weight[0, 0].numel() == 1 and max(stride) > 1
    small = 0 < weight[0].numel() <= 2 * len(weight)  # windows hold about as much as the output
    return small and c.numel() > 0 and (skips or weight.shape[1] < LANES)


def _overlapped(
    c: Tensor, weight: Tensor, sizes: list[int], places: Sequence[Sequence[int]]
) -> Tensor:
    """What all windows get, added up where they overlap: an input of ``sizes``.

    ``places`` are a convolution's dilation, padding and stride.
    """
    one, none = ((number,) * (4 - c.dim()) for number in (1, 0))  # dimensions that there are not
    kernel = (*one, *weight.shape[2:])
    apart, zeros, step = ((*f, *p) for f, p in zip((one, none, one), places, strict=True))
    to_windows, grad = weight.flatten(1).mT, c.new_empty(len(c), weight.shape[1], *sizes)
    count = max(1, PIECE // (len(to_windows) * c[0, 0].numel()))  # whose windows stay in the cache
    for out, part in zip(grad.split(count), c.split(count), strict=True):
        windows = to_windows @ part.flatten(2)
        whole = functional.fold(windows, (*one, *sizes), kernel, apart, zeros, step)
        out.copy_(whole.view_as(out))
    return grad


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
