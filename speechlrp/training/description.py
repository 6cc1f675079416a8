"""What stands beside weights: which model they are of; and that model, built."""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from speechlrp.errors import SpeechLRPError
from speechlrp.models import MODELS
from speechlrp.models.custom import own_code
from speechlrp.training.losses import LOSSES
from speechlrp.training.seeding import seed_everything
from speechlrp.training.tensor_files import Unreadable

TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "model": (str, "a name"),
    "kwargs": (dict, "a table of options"),
    "classes": (list, "a list of names"),
    "input_scale": ((int, float), "a number"),
}
PLAIN = 1_000_000
"""Sizes up to here are options of any network; larger ones need as many weights."""


def check_description(meta: Any) -> None:
    """Check that JSON says what `save_model` writes.

    Raises:
        Unreadable: what is missing, or of another type.
    """
    if not isinstance(meta, dict):
        raise Unreadable("its JSON does not describe a model: it is no table")
    for key, (kind, words) in TYPES.items():
        value = meta.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise Unreadable(f"its JSON does not describe a model: {key} is no{words[1:]}")
    classes, scale = meta["classes"], meta["input_scale"]
    if not classes or not all(isinstance(name, str) for name in classes):
        raise Unreadable("its JSON does not describe a model: classes are no names")
    if not abs(scale) < 1e30 or not math.isfinite(scale):
        raise Unreadable("its JSON does not describe a model: input_scale is not finite")
    loss = meta.get("loss", "bce")
    if not isinstance(loss, str) or loss not in LOSSES:
        raise Unreadable(f"its JSON does not describe a model: its loss is {loss!r:.40}")


def build(meta: Mapping[str, Any], weights: Mapping[str, Tensor]) -> nn.Module:
    """Make the model that is described, with its weights.

    Args:
        meta: a description, as `check_description` wants it.
        weights: by name.

    Raises:
        Unreadable: there is no such model, or its weights are others.
        SpeechLRPError: the user's own code fails.
    """
    with seed_everything(0):  # the first weights are drawn, then replaced
        if own_code({**meta["kwargs"], "name": meta["model"]}) is None:
            _check_sizes(meta["kwargs"], sum(values.numel() for values in weights.values()))
            # Sizes without memory, which a wrong one could exhaust; torch warns of a size of 0.
            with torch.device("meta"), _Undrawn(), warnings.catch_warnings(action="error"):
                _check_same(_made(meta), weights, meta["model"])
        model = _made(meta)
    _check_same(model, weights, meta["model"])
    model.load_state_dict(weights)
    return model


class _Undrawn(TorchFunctionMode):
    """Draws no normal numbers: on the meta device torch would load its compiler for them."""

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        """See torch."""
        return args[0] if func is Tensor.normal_ else func(*args, **(kwargs or {}))


def _made(meta: Mapping[str, Any]) -> nn.Module:
    try:
        return MODELS[meta["model"]](**{"classes": len(meta["classes"]), **meta["kwargs"]})
    except SpeechLRPError as error:
        if own_code({**meta["kwargs"], "name": meta["model"]}):
            raise
        raise Unreadable(f"its JSON does not describe a model: {error}") from error
    # What sizes and options that no configuration would let through lead torch to
    except (LookupError, TypeError, ValueError, RuntimeError, ArithmeticError, Warning) as error:
        words = str(error).splitlines() or [type(error).__name__]
        raise Unreadable(f"its JSON does not describe a model: {words[0]}") from error


def _check_sizes(options: Any, weights: int) -> None:
    """Refuse numbers of layers or channels that would build for ever."""
    for size in _integers(options):
        if abs(size) > max(weights, PLAIN):
            raise Unreadable(
                f"its JSON does not describe a model: a size of {float(min(size, 10**300)):g} for "
                f"{weights} weights"
            )


def _integers(options: Any) -> Iterator[int]:
    if isinstance(options, Mapping):
        options = list(options.values())
    if isinstance(options, list):
        for option in options:
            yield from _integers(option)
    elif isinstance(options, int):
        yield options


def _check_same(model: nn.Module, weights: Mapping[str, Tensor], name: str) -> None:
    difference = _difference(model.state_dict(), weights)
    if difference:
        raise Unreadable(f"its weights are not those of {name!r}: {difference}")


def _difference(wanted: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> str:
    """Say the first difference between two sets of weights, '' for none."""
    for name in sorted(wanted.keys() ^ weights.keys()):
        return f"{name} is {'missing' if name in wanted else 'not wanted'}"
    for name, value in wanted.items():
        stored = weights[name]
        if value.shape != stored.shape:
            return f"{name} is {list(stored.shape)}, not {list(value.shape)}"
        if value.is_floating_point() != stored.is_floating_point():
            return f"{name} is {stored.dtype}, not {value.dtype}"
    return ""
