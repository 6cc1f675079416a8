"""An artefact's direction taken out of a layer: projective ClArC.

Source: Anders et al. 2022, "Finding and removing Clever Hans". Their direction is the weight
of a linear classifier of recordings with and without the artefact; here it is the difference
of their means, within each class, so that what tells the classes apart is no part of it.

Shapes: N recordings, D outputs of the layer.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError

FEWEST = 2
"""Recordings with the artefact, and without, that a class needs to take part."""


@torch.no_grad()
def activations(model: nn.Module, layer: nn.Module, batches: Iterable[Tensor]) -> Tensor:
    """The layer's outputs ``[N, D]``; of a convolution, means over all positions.

    Args:
        model: in evaluation mode.
        layer: of it.
        batches: of inputs, as the model sees them.
    """
    seen: list[Tensor] = []

    def keep(_: nn.Module, __: tuple, output: Tensor) -> None:
        seen.append(output.flatten(2).mean(2) if output.dim() > 2 else output.clone())

    handle = layer.register_forward_hook(keep)
    try:
        for inputs in batches:
            model(inputs)
    finally:
        handle.remove()
    return torch.cat(seen)


def direction(outputs: Tensor, has: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The artefact's direction, of length 1, and the mean without it, ``[D]`` each.

    Both are means over the classes of what is found within each.

    Args:
        outputs: of a layer ``[N, D]``.
        has: whether a recording has the artefact, bool ``[N]``.
        labels: ``[N]``.

    Raises:
        SpeechLRPError: no class has `FEWEST` recordings of each kind, or nothing differs.
    """
    differences, without = [], []
    for label in labels.unique():
        mine = labels == label
        if min(int((mine & has).sum()), int((mine & ~has).sum())) >= FEWEST:
            without.append(outputs[mine & ~has].mean(0))
            differences.append(outputs[mine & has].mean(0) - without[-1])
    if not differences:
        raise SpeechLRPError(
            f"no class has {FEWEST} training recordings with the artefact and {FEWEST} without: "
            "its direction is not known"
        )
    way = torch.stack(differences).mean(0)
    length = way.norm()
    if not length > 0:
        raise SpeechLRPError("recordings with and without the artefact do not differ in this layer")
    return way / length, torch.stack(without).mean(0)


@torch.no_grad()
def project(layer: nn.Module, way: Tensor, point: Tensor) -> None:
    """Change a layer's weights so that its outputs are the same along a direction for all inputs.

    Of an output ``a`` remains ``a - v v^T (a - p)``: a linear map of a linear layer's output,
    which is a layer of other weights, ``(1 - v v^T) W`` and ``(1 - v v^T) b + v v^T p``.

    Args:
        layer: linear, or a convolution without groups.
        way: ``v``, of length 1, ``[D]``.
        point: ``p``, what all become along it, ``[D]``.
    """
    weight, bias = layer.weight, layer.bias
    assert isinstance(weight, nn.Parameter)
    if bias is None:
        bias = layer.bias = nn.Parameter(weight.new_zeros(len(weight)))
    assert isinstance(bias, nn.Parameter)
    flat = weight.flatten(1)
    weight.copy_((flat - torch.outer(way, way @ flat)).view_as(weight))
    bias.add_(way * (way @ (point - bias)))


def layer_of(model: nn.Module, name: str) -> nn.Module:
    """The layer of this path, if its output can be projected.

    Raises:
        SpeechLRPError: there is none, or it is neither linear nor a convolution without groups.
    """
    layers = {
        path: module
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear)
        or (isinstance(module, nn.Conv1d | nn.Conv2d) and module.groups == 1)
    }
    if name not in layers:
        raise SpeechLRPError(
            f"augment.project is {name}; it must be a linear layer or a convolution without "
            f"groups: {', '.join(layers)}"
        )
    return layers[name]
