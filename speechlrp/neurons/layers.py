"""The layers of a network of sequences: their names, and what one step of each can see.

Shapes: ``B`` probes, ``F`` bands, ``T`` frames, ``C`` channels of a layer, ``S`` its steps.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.question import explaining
from speechlrp.lrp.checks import check_model
from speechlrp.neurons.neurons import watched

OUTPUT = "output"
ACTIVATIONS = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Hardtanh)
PROBES = 4
TRACE = 1e-12


class Sight(NamedTuple):
    """What one step of a layer can see."""

    channels: int  # of the layer, ``C``
    steps: int  # that the layer has for such an input, ``S``
    step: int  # the one looked at
    first: int  # frame of the input that it sees first
    frames: int  # how many it sees


def layers_of(model: nn.Module) -> dict[str, str]:
    """The layers by number, ``"1"`` to the last, which is also ``"output"``: name -> module path.

    They are the members of the model's ``layers`` where it has such a list, else its own.
    """
    holder, prefix = model, ""
    if isinstance(layers := getattr(model, "layers", None), nn.Sequential | nn.ModuleList):
        holder, prefix = layers, "layers."
    paths = [prefix + name for name, _ in holder.named_children()]
    numbered = {str(number): path for number, path in enumerate(paths, 1)}
    return numbered | ({OUTPUT: paths[-1]} if paths else {})


def find_layer(model: nn.Module, name: str) -> str:
    """The path of a layer's module, by a number, ``"output"``, or the path of any module.

    Raises:
        SpeechLRPError: there is no such layer; the message lists what there is.
    """
    known, modules = layers_of(model), dict(model.named_modules())
    if name in known:
        return known[name]
    if name and name in modules:
        return name
    numbers = len(known) - 1
    there = f"1 to {numbers}, {OUTPUT}, " if numbers > 0 else ""
    example = next((path for path in modules if path), "none")
    raise SpeechLRPError(
        f"the network has no layer {name!r}; there are {there}and its modules by path, "
        f"such as {example}"
    )


def before_activation(model: nn.Module, path: str) -> str:
    """The module whose output a layer's closing ReLU (or its like) receives; else the layer.

    A ReLU that is off passes no gradient, so a neuron that a start leaves at 0 could never
    be maximised; before the ReLU it can, and where it is on, both are the same.
    """
    module = model.get_submodule(path)
    while isinstance(module, nn.Sequential) and len(module):
        names = [name for name, _ in module.named_children()]
        last = -2 if isinstance(module[-1], ACTIVATIONS) and len(module) > 1 else -1
        if last == -1 and not isinstance(module[-1], nn.Sequential):
            return path
        path, module = f"{path}.{names[last]}", module[last]
    return path


def sight(model: nn.Module, path: str, shape: Sequence[int], step: int | None = None) -> Sight:
    """Find the frames that a step of a layer sees, by the gradient of random inputs.

    Args:
        model: in evaluation mode; takes ``[B, *shape]``.
        path: of a module whose output is ``[B, C, ..., S]``, such as of `before_activation`.
        shape: of one input; its last dimension is time.
        step: the step to look at; None: the one in the middle.

    Raises:
        SpeechLRPError: the module did not run, has no steps, or sees nothing.
    """
    with explaining():
        check_model(model)
        inputs = _probes(model, shape)
        made = _made(model, path, inputs)
        if made.dim() < 2:
            raise SpeechLRPError(f"layer {path!r} makes {list(made.shape)}: it has no channels")
        steps = made.shape[-1] if made.dim() > 2 else 1
        step = steps // 2 if step is None else step
        column = made[..., step] if made.dim() > 2 else made
        (gradient,) = torch.autograd.grad(column.sum(), inputs)
        size = gradient.abs().flatten(0, -2).amax(0)
        seen = (size > TRACE * size.max()).nonzero().flatten().tolist()
    if not seen:
        raise SpeechLRPError(f"layer {path!r} sees nothing of the input at step {step}")
    return Sight(made.shape[1], steps, step, seen[0], seen[-1] - seen[0] + 1)


def _probes(model: nn.Module, shape: Sequence[int]) -> Tensor:
    like = next((p for p in model.parameters() if p.is_floating_point()), torch.zeros(()))
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(PROBES, *shape, generator=generator)
    return inputs.to(device=like.device, dtype=like.dtype).requires_grad_()


def _made(model: nn.Module, path: str, inputs: Tensor) -> Tensor:
    outputs: list[Tensor] = []
    with watched(model, [path], lambda _, made: outputs.append(made.clone())):
        model(inputs.clone())
    if not outputs:
        raise SpeechLRPError(f"layer {path!r} did not run")
    return outputs[0]


def pick_channels(wanted: str, layer: str, channels: int, names: Sequence[str] = ()) -> list[int]:
    """Read which neurons of a layer are meant.

    ``"all"``; numbers from 0 with commas; where the channels have names, such as the symbols of the
    output, these too. The layer's name is for messages.

    Raises:
        SpeechLRPError: one that there is not.
    """
    if wanted == "all":
        return list(range(channels))
    known = {name: number for number, name in enumerate(names)}
    numbers = [_channel(item.strip(), layer, channels, known) for item in wanted.split(",")]
    return list(dict.fromkeys(numbers))


def _channel(item: str, layer: str, channels: int, known: dict[str, int]) -> int:
    if item in known:
        return known[item]
    if item.isdecimal() and int(item) < channels:
        return int(item)
    named = f", or {_shortened(known)}" if known else ""
    raise SpeechLRPError(
        f"layer {layer} has no neuron {item!r}; there are 0 to {channels - 1}{named}"
    )


def _shortened(names: Iterable[str]) -> str:
    return ", ".join(repr(name) if not name.isalnum() else name for name in names)
