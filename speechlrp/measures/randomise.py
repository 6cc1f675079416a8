"""Networks with some of their weights made random: does an explanation notice?

An explanation that stays the same does not depend on what the network has learned.

Source: Adebayo et al. 2018, "Sanity checks for saliency maps".
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.measures import METHODS, ORDERS
from speechlrp.measures.effective import has_weights, plain, tensors, write


def layers_in_use(model: nn.Module, inputs: Tensor) -> list[str]:
    """The layers with weights of their own, in the order in which a forward pass meets them.

    A layer whose weights are used without calling it, as attention does with its last one,
    stands behind the module that it is in. Asked of a model in evaluation mode and an example
    ``[1, ...]``.

    Raises:
        SpeechLRPError: the model has none.
    """
    met: dict[str, None] = {}
    with ExitStack() as hooks, torch.no_grad():
        for name, module in model.named_modules():
            hook = module.register_forward_pre_hook(lambda *_, n=name: met.setdefault(n))
            hooks.callback(hook.remove)
        model(inputs.clone())
    weighted = {name: module for name, module in model.named_modules() if has_weights(module)}
    layers = [name for name in met if name in weighted]
    for name in _used([n for n in weighted if n not in met], model, inputs):
        around = [n for n in met if name.startswith(f"{n}.")]
        inside = [n for n in layers if around and n.startswith(around[-1])]
        layers.insert(layers.index(inside[-1]) + 1 if inside else 0, name)
    if not layers:
        raise SpeechLRPError("the model has no layer with weights that could be made random")
    return layers


def _used(names: Sequence[str], model: nn.Module, inputs: Tensor) -> list[str]:
    """Those of some layers on whose weights the output depends."""
    if not names:
        return []
    weights = {name: list(model.get_submodule(name).parameters()) for name in names}
    every = [weight for part in weights.values() for weight in part]
    frozen = [weight for weight in every if not weight.requires_grad]
    try:
        for weight in frozen:
            weight.requires_grad_(True)
        with torch.enable_grad():
            slopes = torch.autograd.grad(model(inputs.clone()).sum(), every, allow_unused=True)
    finally:
        for weight in frozen:
            weight.requires_grad_(False)
    used = {id(w) for w, slope in zip(every, slopes, strict=True) if slope is not None}
    return [name for name, part in weights.items() if any(id(weight) in used for weight in part)]


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
    """Replace the weights that some layers compute with, in place.

    Args:
        model: whose layers.
        layers: names of modules.
        method: ``"init"``: the layer's own ``reset_parameters``, as at the start of a
            training, which resets the statistics of a batch norm, too; ``"permute"``: the
            numbers of each weight in random order, so that their distribution stays.
        seed: of the random numbers; torch's global generators stay as they are.

    Raises:
        SpeechLRPError: a method that there is not; a layer without ``reset_parameters``, or
            whose weights cannot be written; all are the same as before.
    """
    if method not in METHODS:
        raise unknown("value of compare.randomise", method, METHODS)
    devices = sorted({p.device.index or 0 for p in model.parameters() if p.is_cuda})
    with torch.random.fork_rng(devices), torch.no_grad():
        torch.manual_seed(seed)
        changed = [_make_random(name, model.get_submodule(name), method) for name in layers]
    if not any(changed):
        raise SpeechLRPError(
            f"compare.randomise={method} leaves the weights of {', '.join(layers)} as they are, so "
            "that maps cannot show that they depend on them; take fewer compare.sanity_steps, or "
            f"compare.randomise={'permute' if method == 'init' else 'init'}"
        )


def _make_random(name: str, layer: nn.Module, method: str) -> bool:
    """Make one layer random; whether it computes with other weights than before."""
    other = plain(layer)
    before = {key: value.clone() for key, value in tensors(other).items()}
    if method == "permute":
        for weight in other.parameters(recurse=False):
            shuffled = torch.randperm(weight.numel()).to(weight.device)
            weight.copy_(weight.flatten()[shuffled].view_as(weight))
    elif (reset := getattr(other, "reset_parameters", None)) is None:
        raise SpeechLRPError(
            f"layer {name} ({type(layer).__name__}) has no reset_parameters; "
            "take compare.randomise=permute"
        )
    else:
        reset()
    write(layer, tensors(other))
    after = tensors(plain(layer))
    return any(not torch.equal(after[key], value) for key, value in before.items())
