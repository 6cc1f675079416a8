"""A user's own architecture, made by a function of theirs."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError

HOW = "name it as model.factory=package.module:function"
RAISED = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError),
    *(OSError, RuntimeError, TypeError, ValueError),
)
"""What a user's code may raise by mistake."""


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
            raises an error, or gives something else than a module.
    """
    module, colon, name = (factory or "").partition(":")
    if not (module and colon and name):
        raise SpeechLRPError(f"model.factory is {factory!r}; {HOW}")
    given = {"classes": classes, **(options or {})}
    with _working_folder():
        function = _found(module, name, factory)
        _check_takes(function, given, factory)
        try:
            made = function(**given)
        except RAISED as error:
            raise SpeechLRPError(
                f"model.factory={factory} raises {told(error)}; it was called with "
                f"classes={classes} and model.options {dict(options or {})}"
            ) from error
    if not isinstance(made, nn.Module):
        raise SpeechLRPError(
            f"model.factory={factory} gives {type(made).__name__}; it must give a torch module"
        )
    return made


def check_custom(model: nn.Module, like: Tensor, classes: int, factory: str | None) -> None:
    """Ask a user's network about two empty inputs, before hours are spent on it.

    Args:
        model: of inputs ``[B, 1, F, T]``; it is left in the mode it was in.
        like: an input, ``[1, F, T]``.
        classes: number of classes, ``K``.
        factory: where it is from, for the error.

    Raises:
        SpeechLRPError: it raises an error, or gives something else than ``[B, K]``.
    """
    training, inputs = model.training, like.new_zeros(2, *like.shape)
    asked = f"model.factory={factory}: for inputs of shape {list(inputs.shape)} the network"
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            outputs = model.eval()(inputs)
    except RAISED as error:
        raise SpeechLRPError(
            f"{asked} raises {told(error)}; it must take [B, 1, F, T] (F bands, T frames)"
        ) from error
    finally:
        model.train(training)
    wanted = [2, classes]
    found = list(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
    if found != wanted:
        raise SpeechLRPError(f"{asked} gives {found}; it must give logits [B, K], here {wanted}")


def told(error: BaseException) -> str:
    """An error of a user's code in one line: its kind, its words, and where it was raised."""
    *_, last = traceback.extract_tb(error.__traceback__)
    words = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, SyntaxError):  # its words say where
        return words
    return f"{words} ({Path(last.filename).name}, line {last.lineno})"


def _found(module: str, name: str, factory: str | None) -> Callable[..., Any]:
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise SpeechLRPError(
            f"model.factory={factory}: {error}; {HOW}, with the module in the working "
            "folder or installed"
        ) from error
    except (SyntaxError, *RAISED) as error:
        raise SpeechLRPError(
            f"model.factory={factory}: importing {module} raises {told(error)}"
        ) from error
    function = getattr(found, name, None)
    if not callable(function):
        raise SpeechLRPError(
            f"model.factory={factory}: the module {module} has no function {name!r}"
        )
    return function


def _check_takes(function: Callable[..., Any], given: Mapping[str, Any], factory: str | None):
    try:
        inspect.signature(function).bind(**given)
    except TypeError as error:
        options = {key: value for key, value in given.items() if key != "classes"}
        raise SpeechLRPError(
            f"model.factory={factory} cannot be called with classes={given['classes']} and "
            f"model.options {options}: {error}"
        ) from error


@contextmanager
def _working_folder() -> Iterator[None]:
    """The working folder among the places that modules come from, after the others."""
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)
