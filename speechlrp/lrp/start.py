"""Where relevance starts: the target and the quantity that is explained."""

import operator
from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

import torch
from torch import Tensor

from speechlrp.lrp.refusals import LRPError

Target = int | Tensor | Callable[[Tensor], Tensor]

STARTS: dict[str, Callable[[Tensor, int], Tensor] | None] = {
    "logit": None,
    "one": lambda z, dim: torch.ones_like(z),
    "sigmoid": lambda z, dim: torch.sigmoid(z),
    "softmax": torch.softmax,
}


def start_coefficient(
    output: Tensor, target: Target, start: str, batch: int, dim: int | None = None
) -> Tensor:
    """The ``c`` of the output, ``R = output * c``; target and start as of ``attribute``.

    The output is ``[B, K]`` unless the target is a function or weighting, ``batch`` is ``B``, and
    ``dim`` the dimension of a softmax, 1 where there is none in the model.

    Raises:
        LRPError: the start is unknown; the target has a wrong type, shape or range; a start
            other than the logit meets a target whose logit is 0.
    """
    if start not in STARTS:
        hint = "; which probability?" if start == "probability" else ""
        raise LRPError(f"unknown start {start!r}{hint}; known: {', '.join(STARTS)}")
    weight = weighting_of(output, target, batch)
    quantity = STARTS[start]
    if quantity is None:
        return weight
    chosen = weight != 0
    if bool((chosen & (output == 0)).any()):
        raise LRPError(f"a target's logit is exactly 0, so relevance cannot start from {start!r}")
    quantities = quantity(output, 1 if dim is None else dim)
    return torch.where(chosen, weight * quantities / output, torch.zeros_like(output))


def weighting_of(output: Tensor, target: Target, batch: int) -> Tensor:
    """The weight of every entry of the output, whatever kind of target says it; errors as above."""
    if isinstance(target, SupportsIndex) and not isinstance(target, bool | Tensor):
        target = operator.index(target)  # NumPy's too
    if isinstance(target, bool) or not (isinstance(target, int | Tensor) or callable(target)):
        raise LRPError(f"target must be an int, a tensor or a function; found {target!r}")
    if isinstance(target, Tensor) and target.is_floating_point():
        _expect("a weighting target", target.shape, output.shape)
        return target.detach().to(output)
    if isinstance(target, int | Tensor):
        return _one_hot(output, target, batch)
    return _from_function(output, target)


def _one_hot(output: Tensor, target: int | Tensor, batch: int) -> Tensor:
    if output.dim() != 2 or output.shape[0] != batch:
        raise LRPError(
            f"the output has shape {list(output.shape)}; a class as target needs [{batch}, K], "
            "for any other shape give a function of the output"
        )
    classes = output.shape[1]
    if isinstance(target, int) and not 0 <= target < classes:
        raise _out_of_range(target, classes)
    index = torch.as_tensor(target, device=output.device).detach()
    if index.dtype in (torch.bool, torch.complex64, torch.complex128):
        raise LRPError(f"target classes must be integers; found {index.dtype}")
    if isinstance(target, Tensor):
        _expect("a class per example as target", index.shape, (batch,))
    wrong = index[(index < 0) | (index >= classes)]
    if wrong.numel():
        raise _out_of_range(int(wrong.flatten()[0]), classes)
    return torch.zeros_like(output).scatter_(1, index.long().expand(batch).unsqueeze(1), 1.0)


def _out_of_range(target: int, classes: int) -> LRPError:
    return LRPError(
        f"target {target} is out of range; the output has {classes} classes, 0 to {classes - 1}"
    )


def _from_function(output: Tensor, target: Callable[[Tensor], Any]) -> Tensor:
    leaf = output.detach().requires_grad_()
    with torch.enable_grad():
        chosen = target(leaf.clone())  # which it may change
    if not (isinstance(chosen, Tensor) and chosen.requires_grad):
        raise LRPError("the target function must return a tensor that depends on the output")
    return torch.autograd.grad(chosen.sum(), leaf)[0]


def _expect(what: str, shape: Sequence[int], wanted: Sequence[int]) -> None:
    if tuple(shape) != tuple(wanted):
        raise LRPError(f"{what} must have shape {list(wanted)}; found {list(shape)}")
