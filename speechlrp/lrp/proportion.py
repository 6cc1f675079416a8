"""Explanations that are numbers and yet say nothing are told."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from speechlrp.lrp.composite import Composite
from speechlrp.lrp.errors import LRPWarning, NotExplainable
from speechlrp.lrp.rules.products import Uniform
from speechlrp.lrp.rules.rule import Rule
from speechlrp.lrp.selectors import Selector, shown

MOST = 1e6
"""Times the output beyond which the sum of absolute relevance is told."""


def warn_of_nothing(relevances: Sequence[Tensor], inputs: Sequence[Tensor], start: Tensor) -> None:
    """Tell of examples whose relevance is 0 everywhere, though their input is not.

    Args:
        relevances: of every input, ``[B, ...]``.
        inputs: the inputs.
        start: the relevance of the output that was handed out.
    """
    silent = (_sizes(relevances) == 0) & (_sizes(inputs) > 0)
    if not bool(silent.any()):
        return
    dead = _sizes([start]) == 0 if len(start) == len(silent) else (start == 0).all()
    why = (
        "the explained output is exactly 0 (a dead logit), so there is none to hand out; explain "
        "what comes before its last activation"
        if bool((dead | ~silent).all())
        else "all of it was absorbed on the way; conservation() says where"
    )
    warnings.warn(
        f"the relevance of {_examples(silent)} is 0 everywhere: {why}", LRPWarning, stacklevel=4
    )


def warn_of_explosion(
    relevances: Sequence[Tensor], output: Tensor, c: Tensor, composite: Composite
) -> None:
    """Tell of absolute relevance out of all proportion to the output.

    Measured by the largest entry of an example's output, asked for or not, since a logit may
    be close to 0.

    Args:
        relevances: of every input, ``[B, ...]``.
        output: the logits.
        c: where relevance started, shaped like the output.
        composite: whose rules the advice is about.
    """
    sizes = _sizes(relevances)
    scale = _largest(output, len(sizes)) * _largest(c, len(sizes))
    beyond = (sizes > MOST * scale) & (scale > 0)
    if not bool(beyond.any()):
        return
    halves = any(isinstance(rule, Uniform) for _, rule in composite.rules)
    advice = (
        "Uniform() multiplies poles in a recurrence; take SignalTakesAll() for its products"
        if halves
        else "sums that cancel divide it; take Epsilon(...) with a larger eps, or Gamma(...)"
    )
    most, whole = float(sizes[beyond].max()), float(scale.max())
    warnings.warn(
        f"the absolute relevance of {_examples(beyond)} sums to {most:.3g}, for an output of up to "
        f"{whole:.3g}, out of all proportion; {advice}",
        LRPWarning,
        stacklevel=4,
    )


def warn_of_unmet(pairs: Sequence[tuple[Selector, Rule]]) -> None:
    """Tell of pairs of a composite that no layer meets."""
    for selector, rule in pairs:
        warnings.warn(
            f"no layer of the model meets the pair ({shown(selector)}, {rule!r}) of the composite; "
            "describe(model, inputs, composite) shows the layers",
            LRPWarning,
            stacklevel=4,
        )


def check_same(output: Tensor, plain: Tensor) -> None:
    """Raise if the model alone gives another output than the watched pass.

    Raises:
        NotExplainable: they differ by more than other kernels do.
    """
    least = torch.finfo(output.dtype).eps ** 0.5
    if output.shape != plain.shape:
        raise NotExplainable(
            f"the watched pass gives an output of shape {list(output.shape)}, the model by itself "
            f"{list(plain.shape)}: it asks how it is run"
        )
    difference, size = float((output - plain).abs().max()), float(plain.abs().max())
    if not difference <= least * max(size, 1e-30):
        raise NotExplainable(
            f"the watched pass gives another output than the model by itself (they differ by "
            f"{difference:.3g} of {size:.3g}): it draws at random, keeps a state from call to "
            "call, or asks how it is run (requires_grad, the type of a tensor)"
        )


def _sizes(tensors: Sequence[Tensor]) -> Tensor:
    """The absolute sum of every example over several tensors, ``[B]``, in double precision."""
    return reduce(torch.add, (one.abs().flatten(1).sum(1, dtype=torch.float64) for one in tensors))


def _largest(tensor: Tensor, count: int) -> Tensor:
    """The largest absolute value of every example, or of all where another dimension is first."""
    sizes = tensor.abs().double()
    return sizes.flatten(1).amax(1) if len(sizes) == count and sizes.dim() > 1 else sizes.max()


def _examples(chosen: Tensor) -> str:
    which = chosen.nonzero().flatten().tolist()
    shown = ", ".join(map(str, which[:5])) + (", ..." if len(which) > 5 else "")
    if len(chosen) == 1:
        return "the example"
    return f"example{'s' if len(which) > 1 else ''} {shown}"
