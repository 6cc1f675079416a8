"""The configuration as typed Python: what Hydra composed, checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from speechlrp.config.sections import Config
from speechlrp.config.validation import check
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.registry import guarded

__all__ = ["Config", "call", "options", "typed"]


def typed(composed: DictConfig) -> Config:
    """Check a composed configuration and return it as typed Python.

    Raises:
        SpeechLRPError: a value has the wrong type or is out of its range.
    """
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Config), composed)
        config = cast(Config, OmegaConf.to_object(merged))
    except ConfigKeyError as error:
        key, known = str(error.key), getattr(error.object_type, "__dataclass_fields__", {})
        if "." in key:
            section, _, name = key.partition(".")
            raise SpeechLRPError(
                f"{key} is one key; settings are nested, as {section}: {{{name}: VALUE}}"
            ) from error
        section = str(error.full_key).rpartition(".")[0]
        raise unknown(f"setting of {section}" if section else "setting", key, known) from error
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "configuration"
        raise SpeechLRPError(f"{key}: {str(error).splitlines()[0]}") from error
    check(config)
    return config


def options(section: Mapping[str, Any], *chosen_by: str) -> dict[str, Any]:
    """A section without the keys that choose the entry."""
    return {key: value for key, value in section.items() if key not in chosen_by}


def call(what: str, function: Callable, settings: Mapping[str, Any], *given: Any, **more: Any):
    """Call `function(*given, **more, **settings)`, checking the names of the settings.

    Args:
        what: what is being set up, for the error: ``"split seeded"``.
        function: a function or class.
        settings: keyword arguments from the configuration.
        given: positional arguments that the stage supplies.
        more: keyword arguments that the stage supplies.

    Raises:
        SpeechLRPError: a setting that the function does not take, or of another type.
    """
    parameters = inspect.signature(function).parameters
    named = [
        p.name for p in parameters.values() if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    taken = {*named[: len(given)], *more}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name, value in settings.items():
        if name in taken or (name not in named and not open_ended):
            raise unknown(f"setting of {what}", name, set(named) - taken)
        if name in named:
            _of_type(f"{name} of {what}", value, parameters[name].annotation)
    with guarded(what, function):
        return function(*given, **more, **settings)


SCALARS: dict[str, Any] = {
    "int": int,
    "float": (int, float),
    "str": str,
    "bool": bool,
    "None": type(None),
}


def _of_type(key: str, value: Any, annotation: Any) -> None:
    """Check a value against an annotation of plain types, such as `float | None`."""
    kinds = str(getattr(annotation, "__name__", annotation)).split(" | ")
    if not set(kinds) <= set(SCALARS):
        return
    fits = any(isinstance(value, SCALARS[kind]) for kind in kinds)
    if not fits or (isinstance(value, bool) and "bool" not in kinds):
        raise SpeechLRPError(f"{key} is {value!r}; it must be {' or '.join(kinds)}")
