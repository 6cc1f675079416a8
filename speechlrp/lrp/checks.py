"""What must hold before and after a forward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from speechlrp.lrp.composite import Composite
from speechlrp.lrp.errors import LRPError, NotExplainable


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
        raise LRPError(f"composite must be a Composite; found {type(composite).__name__}")


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
