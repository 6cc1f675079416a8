"""A call as the model made it, and the tensors in its arguments, however nested."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache, partial
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.overrides import resolve_name


@dataclass(slots=True)  # not frozen, which takes longer to make
class Call:
    """A torch function as the model called it."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @property
    def name(self) -> str:
        """The function's name, such as ``"conv2d"``."""
        plain = getattr(self.function, "__name__", "")
        return plain if plain.isidentifier() and plain not in ("fn", "__get__") else self.full_name

    @property
    def full_name(self) -> str:
        """The function's name with its module, such as ``"torch.sin"``."""
        name = resolve_name(self.function) or getattr(self.function, "__name__", "a function")
        return name.removesuffix(".__get__")

    @property
    def first(self) -> Any:
        """What the call is about."""
        return self.args[0] if self.args else self.kwargs.get("input")

    @property
    def rest(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Its other arguments, by position and by name."""
        if self.args:
            return self.args[1:], self.kwargs
        return (), {name: value for name, value in self.kwargs.items() if name != "input"}

    def named(self, *order: str) -> dict[str, Any]:
        """All arguments by name, given the names of the first ones in their order."""
        return dict(zip(order, self.args, strict=False)) | self.kwargs

    def bound(self, function: Callable[..., Any]) -> dict[str, Any]:
        """All arguments by name, those left out too, by the signature of a function."""
        defaults = _defaults(function)
        return defaults | dict(zip(defaults, self.args, strict=False)) | self.kwargs


@cache
def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """The parameters of a function in their order; of those without a default, ``None``."""
    # Python's own way to bind arguments takes longer than the norm itself on a GPU.
    parameters = signature(function).parameters.values()
    return {one.name: None if one.default is one.empty else one.default for one in parameters}


def tensors_in(arguments: Any) -> Iterator[Tensor]:
    """Every tensor in tuples, lists, dicts and slices."""
    if isinstance(arguments, Tensor):
        yield arguments
    elif isinstance(arguments, tuple | list):
        for item in arguments:
            yield from tensors_in(item)
    elif isinstance(arguments, dict):
        yield from tensors_in(list(arguments.values()))
    elif isinstance(arguments, slice):
        yield from tensors_in((arguments.start, arguments.stop, arguments.step))


def precision_of(tensor: Tensor) -> Callable[[], AbstractContextManager[Any]]:
    """Makes the context of the autocast that runs now, if one does; else ``nullcontext`` itself."""
    device = tensor.device.type
    if not torch.is_autocast_enabled(device):
        return nullcontext
    return partial(torch.autocast, device, torch.get_autocast_dtype(device))


def mapped(function: Callable[[Tensor], Any], arguments: Any) -> Any:
    """The same arguments with every tensor replaced by the function's result."""
    if isinstance(arguments, Tensor):
        return function(arguments)
    if isinstance(arguments, tuple | list) and not isinstance(arguments, torch.Size):
        items = [mapped(function, item) for item in arguments]
        fields = hasattr(arguments, "_fields")  # a named tuple takes its items one by one
        return type(arguments)(*items) if fields else type(arguments)(items)
    if isinstance(arguments, dict):
        return {key: mapped(function, item) for key, item in arguments.items()}
    if isinstance(arguments, slice):
        return slice(*(mapped(function, (arguments.start, arguments.stop, arguments.step))))
    return arguments
