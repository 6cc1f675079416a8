"""Networks with some of their weights made random: does an explanation notice?

An explanation that stays the same does not depend on what the network has learned.

Source: Adebayo et al. 2018, "Sanity checks for saliency maps".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.measures import METHODS, ORDERS


def layers_in_use(model: nn.Module, inputs: Tensor) -> list[str]:
    """The layers with weights of their own, in the order in which a forward pass meets them.

    Args:
        model: in evaluation mode.
        inputs: an example, ``[1, ...]``.

    Raises:
        SpeechLRPError: the model has none.
    """
    met: dict[str, None] = {}
    with ExitStack() as hooks, torch.no_grad():
        for name, module in model.named_modules():
            if next(module.parameters(recurse=False), None) is not None:
                hook = module.register_forward_pre_hook(lambda *_, n=name: met.setdefault(n))
                hooks.callback(hook.remove)
        model(inputs.clone())
    if not met:
        raise SpeechLRPError("the model has no layer with weights that could be made random")
    return list(met)


def steps_from_output(layers: Sequence[str], steps: int) -> list[list[str]]:
    """Cut layers into at most that many groups of neighbours, those at the output first."""
    backwards = list(layers)[::-1]
    cuts = np.array_split(np.arange(len(backwards)), min(steps, len(backwards)))
    return [[backwards[i] for i in part] for part in cuts]


def randomised(
    model: nn.Module, steps: Sequence[Sequence[str]], order: str, method: str, seed: int
) -> Iterator[nn.Module]:
    """Go through the steps; the model is changed in place and put back after the last.

    Give a copy where anything else might use the model meanwhile.

    Args:
        model: whose layers are made random.
        steps: groups of layers, see ``steps_from_output``.
        order: ``"cascading"``: a step keeps what the steps before it changed;
            ``"independent"``: the other layers are as they were.
        method: ``"init"`` or ``"permute"``.
        seed: of the random numbers; a layer's follow from it and from its step alone.

    Yields:
        The model after each step, to be used before the next.

    Raises:
        SpeechLRPError: an order or method that there is not; a layer that cannot be begun
            anew.
    """
    if order not in ORDERS:
        raise unknown("value of compare.sanity", order, ORDERS)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    try:
        for i, layers in enumerate(steps):
            if order == "independent":
                model.load_state_dict(before)
            make_random(model, layers, method, seed * 1000003 + i)
            yield model
    finally:
        model.load_state_dict(before)


def make_random(model: nn.Module, layers: Sequence[str], method: str, seed: int) -> None:
    """Replace the weights of some layers, in place.

    Args:
        model: whose layers.
        layers: names of modules.
        method: ``"init"``: the layer's own ``reset_parameters``, as at the start of a
            training, which resets the statistics of a batch norm, too; ``"permute"``: the
            numbers of each weight in random order, so that their distribution stays.
        seed: of the random numbers; torch's global generators stay as they are.

    Raises:
        SpeechLRPError: a method that there is not; a layer without ``reset_parameters``.
    """
    if method not in METHODS:
        raise unknown("value of compare.randomise", method, METHODS)
    devices = sorted({p.device.index or 0 for p in model.parameters() if p.is_cuda})
    with torch.random.fork_rng(devices), torch.no_grad():
        torch.manual_seed(seed)
        for name in layers:
            module = model.get_submodule(name)
            if method == "permute":
                for weight in module.parameters(recurse=False):
                    shuffled = torch.randperm(weight.numel()).to(weight.device)
                    weight.copy_(weight.flatten()[shuffled].view_as(weight))
            elif not hasattr(module, "reset_parameters"):
                raise SpeechLRPError(
                    f"layer {name} ({type(module).__name__}) has no reset_parameters; "
                    "take compare.randomise=permute"
                )
            else:
                module.reset_parameters()
