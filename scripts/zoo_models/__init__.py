"""Small, seeded instances of the model classes of public speech libraries, for ``zoo.py``.

Each is a module from one floating-point tensor ``[B, ...]`` to one tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

Made = tuple[nn.Module, Tensor]
"""A module, and an input for it."""
Models = Iterator[tuple[str, Callable[[], Made]]]
"""Names, and what makes each."""
Entry = tuple[Callable[[], nn.Module], tuple[int, ...], Callable[[nn.Module, Tensor], Any]]
"""What makes a model, the shape of what is explained, and how the model is called."""


class Picked(nn.Module):
    """The first tensor of what a model returns, for one of its arguments."""

    def __init__(self, model: nn.Module, call: Callable[[nn.Module, Tensor], Any]) -> None:
        super().__init__()
        self.model, self.call = model, call

    def forward(self, x: Tensor) -> Tensor:
        """The tensor."""
        out = self.call(self.model, x)
        return out[0] if isinstance(out, tuple | list) else out


def called(model: nn.Module, x: Tensor) -> Any:
    """The model as it is, for an ``Entry``."""
    return model(x)


def made(entries: dict[str, Entry]) -> Models:
    """The models of a table."""
    for name, (make, shape, call) in entries.items():
        yield (
            name,
            lambda make=make, shape=shape, call=call: (Picked(make(), call), torch.randn(shape)),
        )
