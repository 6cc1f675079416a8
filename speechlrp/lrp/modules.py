"""Which module of the model an operation stands in, found without touching the model."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from torch import Tensor, nn, overrides
from torch.nn import functional

_PASSED_OVER = (f"{Path(__file__).parent}{os.sep}", functional.__file__, overrides.__file__)
"""Whose functions take no module of the model in first place, unless it is the model."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """A module and its path in the model, ``""`` for the model itself."""

    name: str
    module: nn.Module

    def __str__(self) -> str:
        kind = type(self.module).__name__
        return (
            f"module {self.name!r} ({kind})" if self.name else f"the model's own forward ({kind})"
        )


class Places:
    """The modules of a model, by identity of the module and of its parameters.

    The running module is read off the interpreter's stack: the innermost frame whose
    first argument is a module of the model. No hook is set, so nothing has to be taken
    back and other threads may run the same model.
    """

    def __init__(self, model: nn.Module) -> None:
        self._root = Place("", model)
        self.fixed: Place | None = None
        """The module that is taken to be running, where its calls are made again without it."""
        self._modules = {id(m): Place(path_of(name), m) for name, m in model.named_modules()}
        self._owners: dict[int, list[Place]] = {}
        for place in self._modules.values():
            for parameter in place.module.parameters(recurse=False):
                self._owners.setdefault(id(parameter), []).append(place)

    def running(self) -> Place:
        """The innermost module whose code is running."""
        if self.fixed is not None:
            return self.fixed
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            code = frame.f_code
            # To look at the locals of a frame can take longer than an operation.
            if code.co_argcount and not code.co_filename.startswith(_PASSED_OVER):
                place = self._modules.get(id(frame.f_locals.get(code.co_varnames[0])))
                if place is not None:
                    return place
            frame = frame.f_back
        return self._root

    def owner(self, weight: Tensor) -> Place:
        """The module that holds a parameter; the running one where none or several do."""
        running = self.running()
        owners = self._owners.get(id(weight), [])
        if not owners or any(place is running for place in owners):
            return running
        return owners[0]


def path_of(name: str) -> str:
    """A module's path without the wrappers of ``torch.compile``."""
    return ".".join(part for part in name.split(".") if part != "_orig_mod")
