"""The tensors in a call's arguments, however nested."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor


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
