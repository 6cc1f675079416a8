"""A user's own architecture, made by a function of theirs."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.registry import imported, is_reference, told, working_folder

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
            raises an error, or gives something else than a module.
    """
    if not (is_reference(factory) and all(factory.split(":"))):
        raise SpeechLRPError(f"model.factory is {factory!r}; {HOW}")
    settings = {"classes": classes, **(options or {})}
    function = imported(factory, f"model.factory={factory}")
    if not callable(function):
        raise SpeechLRPError(f"model.factory={factory} is no function but {function!r}")
    with working_folder():
        _check_takes(function, settings, factory)
        try:
            made = function(**settings)
        except (Exception, SystemExit) as error:  # a user's function may do anything
            raise SpeechLRPError(
                f"model.factory={factory} raises {told(error)}; it was called with "
                f"classes={classes} and model.options {dict(options or {})}"
            ) from error
    if not isinstance(made, nn.Module):
        raise SpeechLRPError(
            f"model.factory={factory} gives {type(made).__name__}; it must give a torch module"
        )
    if isinstance(made, torch.jit.ScriptModule):
        raise SpeechLRPError(
            f"model.factory={factory} gives TorchScript, which cannot be explained; write the same "
            "network as a plain module, and give it the script's weights: "
            "module.load_state_dict(script.state_dict())"
        )
    return made


def own_code(settings: Mapping[str, Any]) -> str | None:
    """The code outside of this package that makes the model of some settings, as a reference."""
    name = settings.get("name")
    return name if is_reference(name) else settings.get("factory")


def check_network(
    model: nn.Module, like: Tensor, classes: int, what: str, sequences: bool = False
) -> None:
    """Ask a network about two empty inputs, before hours are spent on it.

    Args:
        model: of inputs ``[B, 1, F, T]`` to ``[B, K]``; it is left in the mode it was in.
        like: an input, ``[1, F, T]``.
        classes: number of classes, ``K``.
        what: it is, for the error.
        sequences: it gives steps of them, ``[B, K, S]``.

    Raises:
        SpeechLRPError: it raises an error, or gives something else than finite logits.
    """
    training, inputs = model.training, like.new_zeros(2, *like.shape)
    asked = f"{what}: for inputs of shape {list(inputs.shape)} the network"
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            outputs = model.eval()(inputs)
    except SpeechLRPError as error:  # which says what it takes
        raise SpeechLRPError(f"{what}: {error}") from error
    except (Exception, SystemExit) as error:  # as above; layers of torch refuse in many ways too
        raise SpeechLRPError(
            f"{asked} raises {told(error)}; it must take [B, 1, F, T] (F bands, T frames), as the "
            "features give them: change it, or the features (`speechlrp help features`)"
        ) from error
    finally:
        model.train(training)
    wanted, axes = [2, classes], "[B, K, S]" if sequences else "[B, K]"
    shape = list(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
    if shape[:2] != wanted or len(shape) != 2 + sequences:
        raise SpeechLRPError(f"{asked} gives {shape}; it must give logits {axes}, here {wanted}")
    if not bool(outputs.isfinite().all()):
        raise SpeechLRPError(
            f"{asked} gives numbers that are not finite; look at its first weights"
        )


def _check_takes(function: Callable[..., Any], settings: Mapping[str, Any], factory: str) -> None:
    try:
        inspect.signature(function).bind(**settings)
    except TypeError as error:
        options = {key: value for key, value in settings.items() if key != "classes"}
        raise SpeechLRPError(
            f"model.factory={factory} cannot be called with classes={settings['classes']} and "
            f"model.options {options}: {error}"
        ) from error
