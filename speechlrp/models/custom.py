"""A user's own architecture, made by a function of theirs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from speechlrp.errors import SpeechLRPError

HOW = "name it as model.factory=package.module:function"


def custom(
    classes: int, factory: str | None = None, options: Mapping[str, Any] | None = None
) -> nn.Module:
    """Call a user's function, which makes the network.

    The module is looked for as Python does, and in the working folder. The function is
    called with the number of classes and the options, ``make(classes=8, width=64)``, and
    gives a module of inputs ``[B, 1, F, T]`` to logits ``[B, K]``.

    Args:
        classes: number of classes, ``K``.
        factory: ``"package.module:function"``, or a class.
        options: more keyword arguments.

    Raises:
        SpeechLRPError: there is no such module or function, it does not take the options,
            or it gives something else than a module.
    """
    module, colon, name = (factory or "").partition(":")
    if not (module and colon and name):
        raise SpeechLRPError(f"model.factory is {factory!r}; {HOW}")
    with _working_folder():
        try:
            found = importlib.import_module(module)
        except ImportError as error:
            raise SpeechLRPError(
                f"model.factory={factory}: {error}; {HOW}, with the module in the working "
                "folder or installed"
            ) from error
        function = getattr(found, name, None)
        if not callable(function):
            raise SpeechLRPError(
                f"model.factory={factory}: the module {module} has no function {name!r}"
            )
        try:
            made = function(classes=classes, **(options or {}))
        except TypeError as error:
            raise SpeechLRPError(
                f"model.factory={factory} cannot be called with classes={classes} and "
                f"model.options {dict(options or {})}: {error}"
            ) from error
    if not isinstance(made, nn.Module):
        raise SpeechLRPError(
            f"model.factory={factory} gives {type(made).__name__}; it must give a torch module"
        )
    return made


@contextmanager
def _working_folder() -> Iterator[None]:
    """The working folder among the places that modules come from, after the others."""
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)
