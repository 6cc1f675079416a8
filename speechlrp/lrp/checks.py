"""What must hold before and after a forward pass, and explanations that say nothing are told."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from speechlrp.lrp.composite import Composite
from speechlrp.lrp.refusals import LRPError, LRPWarning, NotExplainable
from speechlrp.lrp.rules.products import Uniform
from speechlrp.lrp.rules.rule import Rule
from speechlrp.lrp.selectors import Selector, shown


def check_model(model: nn.Module) -> None:
    """Raise unless the model is a module wholly in evaluation mode and open to be watched."""
    if not isinstance(model, nn.Module):
        raise LRPError(f"model must be a torch module; found {type(model).__name__}")
    for name, module in model.named_modules():
        where = f"module {name!r}" if name else "the model"
        if isinstance(module, torch.jit.ScriptModule):
            raise NotExplainable(
                f"{where} is a script, whose operations are out of sight; explain the "
                "Python module that it was made from"
            )
        if module.training:
            raise LRPError(
                f"{where} ({type(module).__name__}) is in training mode; call model.eval() first"
            )


def check_composite(composite: Composite) -> None:
    """Raise unless the composite is one."""
    if not isinstance(composite, Composite):
        pairs = isinstance(composite, list | tuple)
        mend = ": make one of the pairs, Composite([...])" if pairs else ""
        raise LRPError(f"composite must be a Composite; found {type(composite).__name__}{mend}")


def check_inputs(inputs: Tensor) -> None:
    """Raise unless the inputs are a batch of floating-point numbers."""
    if not isinstance(inputs, Tensor):
        raise LRPError(f"inputs must be a tensor; found {type(inputs).__name__}")
    if not inputs.is_floating_point():
        raise LRPError(
            f"inputs must be floating point; found {inputs.dtype}: use inputs.float(), or, "
            "where they are tokens, explain what they are embedded as (inputs_embeds)"
        )
    if inputs.dim() == 0:
        raise LRPError("inputs must have a batch dimension first; found a single number")
    if inputs.numel() == 0:
        raise LRPError(f"inputs hold no example to explain: their shape is {list(inputs.shape)}")


@contextmanager
def fitting(model: nn.Module, inputs: Sequence[Tensor]) -> Iterator[None]:
    """Say of an error that a pass ends in where inputs and weights have other types or devices."""
    try:
        yield
    except RuntimeError as error:
        weights = next((one for one in model.parameters() if one.is_floating_point()), None)
        if weights is None:
            raise
        for one in inputs:
            if (one.dtype, one.device) != (weights.dtype, weights.device):
                raise LRPError(
                    f"the inputs are {one.dtype} on {one.device}, the weights {weights.dtype} on "
                    f"{weights.device}, and the model does not take that ("
                    f"{str(error).splitlines()[0]}); use inputs.to({str(weights.device)!r}, "
                    f"{weights.dtype})"
                ) from error
        raise


def check_output(output: Any) -> None:
    """Raise unless the output is one tensor of finite numbers."""
    if not isinstance(output, Tensor):
        raise LRPError(
            f"the model must return one tensor; found {type(output).__name__}: say which part is "
            f"explained with output=lambda o: {_part(output)}"
        )
    check_finite("the output", output, "look at the inputs and the weights")


def _part(output: Any) -> str:
    """How one would write a part of an output."""
    if not isinstance(output, dict):
        return "o[0]" if isinstance(output, tuple | list) else "..."
    name = "logits" if "logits" in output else next(iter(output), "logits")
    return f"o.{name}" if hasattr(output, str(name)) else f"o[{name!r}]"


def check_finite(what: str, numbers: Tensor, advice: str) -> None:
    """Raise, naming the first place, unless all numbers are finite."""
    if bool(numbers.sum().isfinite()):  # much faster, and enough where it does not overflow
        return
    finite = torch.isfinite(numbers)
    if not bool(finite.all()):
        first = (~finite).nonzero()[0].tolist()
        raise LRPError(
            f"{what} is not finite: {int((~finite).sum())} of {numbers.numel()} values, "
            f"the first at {first}; {advice}"
        )


MOST = 1e6
"""Times the output beyond which the sum of absolute relevance is told."""


def warn_of_nothing(relevances: Sequence[Tensor], inputs: Sequence[Tensor], start: Tensor) -> None:
    """Tell of examples whose relevance is 0 everywhere, though their input ``[B, ...]`` is not.

    ``start`` is the relevance of the output that was handed out.
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
    _warn(f"the relevance of {_examples(silent)} is 0 everywhere: {why}")


def warn_of_explosion(
    relevances: Sequence[Tensor], output: Tensor, c: Tensor, composite: Composite
) -> None:
    """Tell of absolute relevance out of all proportion to the output.

    Measured by the largest entry of an example's output (the logits), asked for or not, since a
    logit may be close to 0; ``c``, shaped like it, is where relevance started. The advice is about
    the composite's rules.
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
    _warn(
        f"the absolute relevance of {_examples(beyond)} sums to {most:.3g}, for an output of up to "
        f"{whole:.3g}, out of all proportion; {advice}"
    )


def warn_of_unmet(pairs: Sequence[tuple[Selector, Rule]]) -> None:
    """Tell of pairs of a composite that no layer meets."""
    for selector, rule in pairs:
        _warn(
            f"no layer of the model meets the pair ({shown(selector)}, {rule!r}) of the composite; "
            "describe(model, inputs, composite) shows the layers"
        )


def warn_of_draws(what: str | None) -> None:
    """Tell of random numbers of torch's that the model draws, and nobody has seeded."""
    if what is not None:
        _warn(
            f"{what} draws at random in evaluation mode, and the output depends on it: this is the "
            "explanation of one draw; leave it out, or seed it (torch.manual_seed) in the forward"
        )


def _warn(message: str) -> None:
    warnings.warn(message, LRPWarning, stacklevel=5)  # where the user called for an explanation


def check_same(output: Tensor, plain: Tensor) -> None:
    """Raise NotExplainable if the model alone gives another output than the watched pass."""
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
