"""The configuration as typed Python: what Hydra composed, checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from itertools import pairwise
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from speechlrp.config import CHECKPOINTS, CONDITIONS, SOURCES, SUBSETS, WORKS
from speechlrp.config.sections import Bench, Compare, Config
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.registry import Registry, guarded

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


def check(config: Config) -> None:
    """Check every value and pair of values.

    Raises:
        SpeechLRPError: a value that cannot be, or two that do not fit.
    """
    from speechlrp.flipping import CURVES, FILL_INS, FILLS, STRATEGIES
    from speechlrp.navai import CLASSES, CROPS, SIDES

    flipping, augment = config.flipping, config.augment
    for part in config.subset.split("+"):
        _one_of("subset", part, (*SUBSETS, *(f"test_{name}" for name in CONDITIONS)))
    _one_of("paper", config.paper, (None, *WORKS))
    _one_of("checkpoint", config.checkpoint, CHECKPOINTS)
    _one_of("device", config.device.split(":")[0], ("auto", "cpu", "cuda"))
    _named("flipping.strategy", flipping.strategy, STRATEGIES, "all")
    for name in flipping.measures:
        _named("flipping.measures", name, CURVES)
    _named("flipping.baseline", flipping.baseline, FILL_INS, "all")
    _one_of("flipping.grid", flipping.grid, flipping.grids)
    _one_of("augment.fill", augment.fill, FILLS)
    _in_range("augment.share", augment.share, 0 < augment.share <= 1, "in (0, 1]")
    _in_range("augment.penalty", augment.penalty, augment.penalty >= 0, "at least 0")
    if augment.penalty and (augment.project or not augment.region):
        raise SpeechLRPError(
            f"augment.penalty is {augment.penalty:g}; it goes with a region (--region FILE, or "
            "--region found), and not with augment.project"
        )
    for name in ("repeats", "batch_size"):
        value = getattr(flipping, name)
        _in_range(f"flipping.{name}", value, value >= 1, "at least 1")
    limit = flipping.limit
    _in_range("flipping.limit", limit, limit is None or limit >= 1, "at least 1, or null for all")
    navai = config.navai
    _one_of("navai.crop", navai.crop, CROPS)
    _one_of("navai.over", navai.over, ("bin", "sum"))
    _one_of("navai.classes", navai.classes, CLASSES)
    _one_of("navai.context", navai.context, SIDES)
    _in_range("navai.rate", navai.rate, 0 < navai.rate < 1, "between 0 and 1")
    for name in ("batch", "most", "peaks"):
        value = getattr(navai, name)
        _in_range(f"navai.{name}", value, value >= 1, "at least 1")
    _in_range("navai.groups", navai.groups, navai.groups >= 2 or navai.groups == 0, "0, or from 2")
    _in_range("navai.near_s", navai.near_s, navai.near_s >= 0, "at least 0")
    if navai.within_s is not None:
        _in_range("navai.within_s", navai.within_s, navai.within_s > 0, "above 0, or null")
    train_from = config.features.get("train_from", "features")
    _one_of("features.train_from", train_from, ("features", "audio"))
    if config.mixing.get("name") and train_from != "audio":
        raise SpeechLRPError(
            f"mixing={config.mixing['name']} needs a training on recordings, not on stored "
            "features: features=fbank features.train_from=audio"
        )
    _check_shortcut(config)
    _check_inside(config)
    _check_compare(config.compare)
    _check_bench(config.bench)
    _in_range("explored", config.explored, config.explored >= 1, "at least 1")
    most = config.evaluate.max_trials
    _in_range("evaluate.max_trials", most, most >= 2, "at least 2, one of each kind")
    for name in ("seed", "data_seed"):
        seed = getattr(config, name)
        _in_range(name, seed, 0 <= seed < 2**63, "a whole number from 0 to 2^63 - 1")
    if config.workers is not None:
        _in_range("workers", config.workers, config.workers >= 1, "at least 1")


def _check_shortcut(config: Config) -> None:
    """What goes with a class."""
    from speechlrp.audio import ARTEFACTS

    section = config.shortcut
    if not section["name"]:
        return
    _named("shortcut.name", section["name"], ARTEFACTS)
    share = section["share"]
    _in_range("shortcut.share", share, 0 <= share <= 1, "0 to 1")


def _check_inside(config: Config) -> None:
    """What maximize and listen need."""
    maximize, listen = config.maximize, config.listen
    _one_of("maximize.over", maximize.over, ("step", "time"))
    for name in ("frames", "batch", "shown"):
        value = getattr(maximize, name)
        _in_range(f"maximize.{name}", value, value >= 1, "at least 1")
    fits = len(maximize.jitter) == 2 and min(maximize.jitter) >= 0
    _in_range("maximize.jitter", maximize.jitter, fits, "two numbers from 0: bands and frames")
    _one_of("listen.source", listen.source, ("all", *SOURCES))
    _in_range("listen.examples", listen.examples, listen.examples >= 1, "at least 1")
    _in_range("listen.share", listen.share, 0 < listen.share <= 1, "in (0, 1]")
    _in_range("listen.strength", listen.strength, listen.strength > 0, "above 0")
    _in_range("listen.peak", listen.peak, 0 < listen.peak <= 1, "in (0, 1]")
    _in_range("listen.iterations", listen.iterations, listen.iterations >= 1, "at least 1")
    _in_range("listen.floor_db", listen.floor_db, listen.floor_db < 0, "below 0")


def _check_compare(compare: Compare) -> None:
    from speechlrp.measures import METHODS, ORDERS

    _one_of("compare.sanity", compare.sanity, ("none", *ORDERS))
    _one_of("compare.randomise", compare.randomise, METHODS)
    _in_range("compare.top", compare.top, 0 < compare.top <= 1, "in (0, 1]")
    for name in ("examples", "batch_size", "shown", "period", "sanity_steps"):
        value = getattr(compare, name)
        _in_range(f"compare.{name}", value, value is None or value >= 1, "at least 1")


def _check_bench(bench: Bench) -> None:
    from speechlrp.flipping import BASELINES, FILL_INS

    for key, known in (("references", BASELINES), ("baselines", FILL_INS)):
        for name in getattr(bench, key).replace(" ", "").split(","):
            _one_of(f"bench.{key}", name, known)
    percent = bench.percent
    rises = all(a < b for a, b in pairwise(percent))
    fits = len(percent) > 1 and percent[0] == 0 and percent[-1] == 100 and rises
    _in_range("bench.percent", percent, fits, "rising from 0 to 100")
    least = bench.least_accuracy
    _in_range("bench.least_accuracy", least, 0 <= least <= 1, "in [0, 1]")
    _in_range("bench.seeds", bench.seeds, len(bench.seeds) > 0, "a seed or more")
    _in_range("bench.corpora", bench.corpora, len(bench.corpora) > 0, "an experiment or more")
    for name in ("examples", "batch_size", "draws"):
        value = getattr(bench, name)
        _in_range(f"bench.{name}", value, value is None or value >= 1, "at least 1")


def _one_of(key: str, value: str | None, known: Collection[str | None]) -> None:
    if value not in known:
        raise unknown(f"value of {key}", str(value), map(str, known))


def _named(key: str, value: str, table: Registry, *more: str) -> None:
    if value not in more and not table.knows(value):
        raise unknown(f"value of {key}", value, (*more, *table))


def _in_range(key: str, value: Any, fits: bool, expected: str) -> None:
    if not fits:
        raise SpeechLRPError(f"{key} is {value}; it must be {expected}")
