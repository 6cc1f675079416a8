"""The weights that a layer computes with, where it keeps others.

Under ``weight_norm`` and ``spectral_norm``, of both of torch's kinds, and under any
parametrization, a layer's weight is made anew in every pass from what is stored: writing to it
changes nothing.
"""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from speechlrp.errors import SpeechLRPError

POWER_STEPS = 15
"""Of a spectral norm's estimate, as many as torch takes for a new layer."""


def has_weights(module: nn.Module) -> bool:
    """Whether a module has weights of its own, stored as they are or by parametrizations."""
    if isinstance(module, parametrize.ParametrizationList):
        return False  # the module that it belongs to has them
    weighted = next(module.parameters(recurse=False), None) is not None
    return weighted or parametrize.is_parametrized(module)


def plain(module: nn.Module) -> nn.Module:
    """A layer of the same settings that stores the weights which this one computes with.

    Made by hand: to take the norms off a copy would take them off the original's class, which
    both share.
    """
    kind = type(module)
    bare = kind.__bases__[0] if parametrize.is_parametrized(module) else kind
    other: nn.Module = nn.Module.__new__(bare)
    other.__dict__.update(vars(module))
    hooks = list(_hooks(module))
    stored = {f"{h.name}_{part}" for h in hooks for part in ("g", "v", "orig", "u")}
    parameters = dict(module.named_parameters(recurse=False))
    weights = {name: value for name, value in parameters.items() if name not in stored}
    weights |= {name: getattr(module, name) for name in getattr(module, "parametrizations", ())}
    weights |= {hook.name: hook.compute_weight(module, *_still(hook)) for hook in hooks}
    buffers = {n: b.detach().clone() for n, b in module.named_buffers(recurse=False)}
    none = {name: None for name, value in module._parameters.items() if value is None}
    made = {name: nn.Parameter(w.detach().clone(), False) for name, w in weights.items()}
    other.__dict__ |= {
        "_parameters": made | none,
        "_buffers": {name: value for name, value in buffers.items() if name not in stored},
        "_modules": {n: m for n, m in module._modules.items() if n != "parametrizations"},
    }
    for hook in hooks:
        other.__dict__.pop(hook.name, None)  # what the latest pass left there
    return other


def copied(model: nn.Module) -> nn.Module:
    """A copy of a model; torch's older norms leave what cannot be copied in theirs."""
    with torch.no_grad():
        for module in model.modules():
            for hook in _hooks(module):
                setattr(module, hook.name, hook.compute_weight(module, *_still(hook)).detach())
    return copy.deepcopy(model)


def tensors(module: nn.Module) -> dict[str, Tensor]:
    """A plain layer's own weights and statistics."""
    both = *module.named_parameters(recurse=False), *module.named_buffers(recurse=False)
    return {name: value.detach() for name, value in both}


def write(module: nn.Module, values: dict[str, Tensor]) -> None:
    """Let a layer in evaluation mode compute with other weights, whatever it stores for them.

    The values are those of `tensors` of its `plain` copy; gradients must be off.

    Raises:
        SpeechLRPError: a parametrization that cannot be given a value.
    """
    hooks = {hook.name: hook for hook in _hooks(module)}
    for name, value in values.items():
        if parametrize.is_parametrized(module, name):
            _write_parametrized(module, name, value)
        elif name in hooks:
            _write_hooked(module, hooks[name], value)
        else:
            getattr(module, name).copy_(value)


def _write_parametrized(module: nn.Module, name: str, value: Tensor) -> None:
    try:
        setattr(module, name, value)
    except (NotImplementedError, RuntimeError) as error:
        raise SpeechLRPError(
            f"the weight {name} of a {type(module).__name__} is parametrized without a "
            f"right_inverse, so that it cannot be made random: {' '.join(str(error).split())}"
        ) from error
    maps = module.get_submodule(f"parametrizations.{name}")
    maps.train()  # in which a spectral norm goes on estimating its largest singular value
    for _ in range(POWER_STEPS):
        getattr(module, name)
    maps.eval()


def _write_hooked(module: nn.Module, hook: Any, value: Tensor) -> None:
    if isinstance(hook, WeightNorm):
        getattr(module, f"{hook.name}_g").copy_(torch.norm_except_dim(value, 2, hook.dim))
        getattr(module, f"{hook.name}_v").copy_(value)
    else:
        getattr(module, f"{hook.name}_orig").copy_(value)
        for _ in range(POWER_STEPS):
            hook.compute_weight(module, do_power_iteration=True)
    setattr(module, hook.name, hook.compute_weight(module, *_still(hook)))


def _hooks(module: nn.Module) -> Iterator[Any]:
    """Torch's older norms, which are hooks in front of a layer."""
    for hook in module._forward_pre_hooks.values():
        if isinstance(hook, WeightNorm | SpectralNorm):
            yield hook


def _still(hook: Any) -> tuple[bool, ...]:
    return (False,) if isinstance(hook, SpectralNorm) else ()
