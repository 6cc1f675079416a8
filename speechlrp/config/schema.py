"""The configuration as typed Python: what Hydra composed, checked."""

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import reduce
from types import NoneType, UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigKeyError,
    ConfigTypeError,
    OmegaConfBaseException,
    ValidationError,
)

from speechlrp.config import CHECKPOINTS, CONDITIONS, SOURCES, SUBSETS, WORKS
from speechlrp.config.names import names_in
from speechlrp.config.ranges import check_ranges
from speechlrp.config.sections import Config
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.registry import guarded, is_reference

__all__ = ["Config", "configure", "options", "typed"]


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
        raise _misfit(composed, error) from error
    _check_texts(config)
    check(config)
    return config


WANTED = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
WANTED |= {list: "a list, such as [a,b]", dict: "settings of their own, as {key}.NAME=VALUE"}
"""Types of settings, in words."""


def _misfit(composed: DictConfig, error: OmegaConfBaseException) -> SpeechLRPError:
    """Say which value is not of its type, and what it must be."""
    key, kind, value = "", Config, cast(Any, OmegaConf.to_container(composed))
    while is_dataclass(kind) and isinstance(value, dict):
        above = f"{key}." if key else ""
        name = next((one for one in value if _is_refused(above + one, value[one])), "")
        if not name or not isinstance(error, ValidationError | ConfigTypeError):
            where = key or getattr(error, "full_key", "")
            return SpeechLRPError(f"{where}: {str(error).splitlines()[0]}".removeprefix(": "))
        key, kind, value = above + name, get_type_hints(kind)[name], value[name]
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    words = [WANTED.get(get_origin(k) or k, WANTED[dict]) for k in kinds if k is not NoneType]
    if isinstance(value, list) and get_origin(kinds[0]) is list:
        words = [f"{words[0]}, each {WANTED.get(get_args(kinds[0])[0], 'settings')}"]
    wanted = " or ".join([*words, *(["null"] if NoneType in kinds else [])])
    text = "null" if value is None else value or repr(value)
    return SpeechLRPError(f"{key} is {text}; it must be {wanted.format(key=key)}")


def _is_refused(key: str, value: Any) -> bool:
    """Whether a value is not of its type, whatever the others are."""
    alone = reduce(lambda inner, name: {name: inner}, reversed(key.split(".")), value)
    try:
        OmegaConf.merge(OmegaConf.structured(Config), alone)
    except OmegaConfBaseException:
        return True
    return False


UNNAMED = ("conditions", "mixing", "shortcut")
"""Sections whose name may be null, for nothing of the kind."""


def _check_texts(config: Config) -> None:
    """Names of entries, and of kinds of them, are texts, also those that look like numbers."""
    for section in (one.name for one in fields(Config)):
        settings = getattr(config, section)
        for key in {"name", "kind"} & settings.keys() if isinstance(settings, dict) else ():
            if isinstance(settings[key], int | float):
                settings[key] = str(settings[key])
            if not isinstance(settings[key], str) and (settings[key] or section not in UNNAMED):
                value = "null" if settings[key] is None else settings[key]
                raise SpeechLRPError(f"{section}.{key} is {value}; it must be a text")
        inner = vars(settings) if is_dataclass(settings) else {"": settings}
        for key, value in inner.items():
            if isinstance(value, list) and any(isinstance(one, list) for one in value):
                name = f"{section}.{key}".rstrip(".")
                raise SpeechLRPError(f"{name} is {value}; it must be a list without lists")


def options(section: Mapping[str, Any], *chosen_by: str) -> dict[str, Any]:
    """A section without the keys that choose the entry."""
    return {key: value for key, value in section.items() if key not in chosen_by}


WITH_ENTRIES = ("dataset", "features", "model", "split")
"""Sections whose settings may stay behind when one's own entry takes another's place."""


def configure(
    what: str, function: Callable, settings: Mapping[str, Any], *positional: Any, **more: Any
):
    """Call `function(*positional, **more, **settings)`, checking the names of the settings.

    Args:
        what: what is being set up, for the error: ``"split seeded"``.
        function: a function or class.
        settings: keyword arguments from the configuration.
        positional: arguments that the stage supplies.
        more: keyword arguments that the stage supplies.

    Raises:
        SpeechLRPError: a setting that the function does not take, of another type, or out of
            its range.
    """
    parameters = inspect.signature(function).parameters
    if not isinstance(settings, Mapping):
        raise SpeechLRPError(f"{what} is {settings!r}; it must be {WANTED[dict].format(key=what)}")
    named = [
        p.name for p in parameters.values() if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    taken = {*named[: len(positional)], *more}
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    strange = [n for n in settings if n in taken or (n not in named and not open_ended)]
    section, _, entry = what.partition(" ")
    if is_reference(entry):  # another entry's null left behind sets nothing
        settings = {n: v for n, v in settings.items() if n not in strange or v is not None}
        strange = [n for n in strange if n in settings]
    if strange:
        error = unknown(f"setting of {what}", strange[0], set(named) - taken)
        if section in WITH_ENTRIES:
            away = " ".join(f"~{section}.{name}" for name in strange)
            error = SpeechLRPError(
                f"{error} Of another {section} or a file: take it away with {away}"
            )
        raise error
    for name in [name for name in named if name in settings]:
        _of_type(f"{section}.{name}", settings[name], parameters[name].annotation)
    try:
        with guarded(what, function):
            return function(*positional, **more, **settings)
    except SpeechLRPError as error:  # which knows the setting, and not its section
        words = re.match(r"((?:unknown )?)((\w+) .*)", str(error))
        if words is None or words[3] not in settings:
            raise
        raise SpeechLRPError(f"{words[1]}{section}.{words[2]}") from error


SCALARS: dict[str, Any] = {"int": int, "float": float, "str": str, "bool": bool, "None": NoneType}


def _of_type(key: str, value: Any, annotation: Any) -> None:
    """Check a value against an annotation of plain types, such as `float | None`."""
    kinds = str(getattr(annotation, "__name__", annotation)).split(" | ")
    if not set(kinds) <= set(SCALARS):
        return
    fits = any(isinstance(value, SCALARS[kind]) for kind in kinds)
    fits |= isinstance(value, int) and "float" in kinds
    if not fits or (isinstance(value, bool) and "bool" not in kinds):
        words = [WANTED.get(SCALARS[kind], "null") for kind in kinds]
        text = "null" if value is None else repr(value)
        raise SpeechLRPError(f"{key} is {text}; it must be {' or '.join(words)}")


def check(config: Config) -> None:
    """Check every value and pair of values.

    Raises:
        SpeechLRPError: a value that cannot be, or two that do not fit.
    """
    from speechlrp.flipping import BASELINES, CURVES, FILL_INS, FILLS, STRATEGIES
    from speechlrp.measures import METHODS, ORDERS, SCORES, TRUTHS
    from speechlrp.navai import CLASSES, CROPS, SIDES

    flipping, train_from = config.flipping, config.features.get("train_from", "features")
    subsets = (*SUBSETS, *(f"test_{name}" for name in CONDITIONS))
    bench = config.bench
    for key, values, known in (
        ("subset", config.subset.split("+"), subsets),
        ("paper", [config.paper], (None, *WORKS)),
        ("checkpoint", [config.checkpoint], CHECKPOINTS),
        ("device", [config.device.split(":")[0]], ("auto", "cpu", "cuda")),
        ("flipping.grid", [flipping.grid], flipping.grids),
        ("navai.crop", [config.navai.crop], CROPS),
        ("navai.over", [config.navai.over], ("bin", "sum")),
        ("navai.classes", [config.navai.classes], CLASSES),
        ("navai.context", [config.navai.context], SIDES),
        ("features.train_from", [train_from], ("features", "audio")),
        ("maximize.over", [config.maximize.over], ("step", "time")),
        ("listen.source", [config.listen.source], ("all", *SOURCES)),
        ("compare.sanity", [config.compare.sanity], ("none", *ORDERS)),
        ("compare.randomise", [config.compare.randomise], METHODS),
        ("bench.references", names_in(bench.references) or [""], BASELINES),
        ("bench.truth", [bench.truth], TRUTHS),
    ):
        for value in values:
            if value not in known:
                raise unknown(f"value of {key}", str(value), map(str, known))
    _named("flipping.strategy", [flipping.strategy], ("all", *STRATEGIES))
    _named("flipping.measures", flipping.measures, CURVES)
    _named("flipping.baseline", [flipping.baseline], ("all", *FILL_INS))
    _named("augment.fill", [config.augment.fill], FILLS)
    _named("bench.baselines", names_in(bench.baselines) or [""], FILL_INS)
    _named("bench.measures", names_in(bench.measures), SCORES)
    _named("compare.scores", names_in(config.compare.scores), SCORES)
    if config.shortcut["name"]:
        from speechlrp.audio import ARTEFACTS

        _named("shortcut.name", [config.shortcut["name"]], ARTEFACTS)
    check_ranges(config)
    _check_together(config, train_from)


def _check_together(config: Config, train_from: str) -> None:
    """What must hold between several values."""
    augment = config.augment
    if augment.penalty and (augment.project or not augment.region):
        raise SpeechLRPError(
            f"augment.penalty is {augment.penalty:g}; it goes with a region (--region FILE, or "
            "--region found), and not with augment.project"
        )
    if config.mixing.get("name") and train_from != "audio":
        raise SpeechLRPError(
            f"mixing={config.mixing['name']} needs a training on recordings, not on stored "
            "features: features=fbank features.train_from=audio"
        )


def _named(key: str, values: Sequence[str], known: Collection[str]) -> None:
    """Check names that may be ``package.module:Name`` too."""
    for value in values:
        if value not in known and not is_reference(value):
            raise unknown(f"value of {key}", value, known)
