"""The configuration as typed Python: what Hydra composed, checked.

Sections that choose an entry of a table (`dataset`, `split`, `features`,
`model`, `trainer`, `mixing`, `decoding`, `explainer`) are free mappings; `call` checks them
against the signature of what they choose. The others are fixed and typed here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from speechlrp.config import CHECKPOINTS, SOURCES, SUBSETS
from speechlrp.errors import SpeechLRPError, unknown


@dataclass
class Paths:
    """Folders: recordings are read below `data`, artifacts written below `outputs`."""

    data: str
    outputs: str


@dataclass
class Task:
    """The label to learn, and its classes in the order of their numbers (None: as found)."""

    name: str
    classes: list[str] | None


@dataclass
class Flipping:
    """What to flip (T 6.1); `limit` and `repeats` count recordings and random orders."""

    strategy: str
    baseline: str
    grid: str
    grids: dict[str, Any]
    repeats: int
    limit: int | None
    batch_size: int


@dataclass
class Compare:
    """Which explainers to compare, on how many recordings, see `conf/compare/default.yaml`."""

    explainers: str
    settings: dict[str, Any]
    examples: int | None
    batch_size: int
    shown: int
    scores: str
    period: int | None
    top: float
    sanity: str
    sanity_steps: int
    randomise: str


@dataclass
class Augment:
    """What replaces the `share` (0..1) most relevant bins, and how long to train on (T 6.2)."""

    fill: str
    share: float
    epochs: int


@dataclass
class Navai:
    """How letter frames are aligned and averaged (K 3.5), see `speechlrp.stages.letters.navai`."""

    align: str
    over: str
    crop: str
    classes: str
    context: str
    most: int
    textgrids: str | None
    tier: str
    batch: int
    rate: float
    within_s: float | None
    near_s: float
    peaks: int
    groups: int
    figure: list[str] | None
    sources: dict[str, Any]


@dataclass
class Evaluate:
    """What to measure besides accuracy: `trials` is a file of pairs of recordings."""

    trials: str | None = None


@dataclass
class Maximize:
    """Which neurons to maximise, and how (K 3.2), see `conf/maximize/default.yaml`."""

    layer: str
    neuron: str
    letter: str
    frames: int
    over: str
    before_relu: bool
    steps: int
    learning_rate: float
    l1: float
    l2: float
    total_variation: float
    jitter: list[int]
    seed: int
    batch: int
    shown: int


@dataclass
class Listen:
    """What to turn back to sound, and how, see `conf/listen/default.yaml`."""

    source: str
    letters: str
    align: str
    strength: float
    share: float
    floor_db: float
    iterations: int
    peak: float


@dataclass
class Sequence:
    """The steps of `speechlrp run`, and explainers that they name besides the configured one."""

    steps: list[dict[str, Any]]
    first: str | None = None
    last: str | None = None
    explainers: dict[str, Any] = field(default_factory=dict)


@dataclass
class Config:
    """Everything a stage may know."""

    run: str
    data_run: str
    data_seed: int
    seed: int
    device: str
    workers: int | None
    force: bool
    weights: str
    checkpoint: str
    subset: str
    paths: Paths
    dataset: dict[str, Any]
    task: Task
    split: dict[str, Any]
    features: dict[str, Any]
    model: dict[str, Any]
    trainer: dict[str, Any]
    mixing: dict[str, Any]
    decoding: dict[str, Any]
    explainer: dict[str, Any]
    navai: Navai
    maximize: Maximize
    listen: Listen
    flipping: Flipping
    compare: Compare
    augment: Augment
    evaluate: Evaluate = field(default_factory=Evaluate)
    beside: list[str] = field(default_factory=list)
    sequence: Sequence = field(default_factory=lambda: Sequence([]))


def typed(composed: DictConfig) -> Config:
    """Check a composed configuration and return it as typed Python.

    Raises:
        SpeechLRPError: a value has the wrong type or is out of its range.
    """
    try:
        merged = OmegaConf.merge(OmegaConf.structured(Config), composed)
        config = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        key = getattr(error, "full_key", None) or "configuration"
        raise SpeechLRPError(f"{key}: {str(error).splitlines()[0]}") from error
    _check(config)
    return config


def _check(config: Config) -> None:
    from speechlrp.flipping import BASELINES, FILLS, STRATEGIES
    from speechlrp.navai import CLASSES, CROPS, SIDES

    flipping, augment = config.flipping, config.augment
    _one_of("subset", config.subset, SUBSETS)
    _one_of("checkpoint", config.checkpoint, CHECKPOINTS)
    _one_of("device", config.device.split(":")[0], ("auto", "cpu", "cuda"))
    _one_of("flipping.strategy", flipping.strategy, ("all", *STRATEGIES))
    _one_of("flipping.baseline", flipping.baseline, ("all", *BASELINES))
    _one_of("flipping.grid", flipping.grid, flipping.grids)
    _one_of("augment.fill", augment.fill, FILLS)
    _in_range("augment.share", augment.share, 0 < augment.share <= 1, "in (0, 1]")
    for name in ("repeats", "batch_size"):
        value = getattr(flipping, name)
        _in_range(f"flipping.{name}", value, value >= 1, "at least 1")
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
    _check_inside(config)
    _check_compare(config.compare)
    if config.workers is not None:
        _in_range("workers", config.workers, config.workers >= 1, "at least 1")


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
    _in_range("listen.share", listen.share, 0 < listen.share <= 1, "in (0, 1]")
    _in_range("listen.strength", listen.strength, listen.strength > 0, "above 0")
    _in_range("listen.peak", listen.peak, 0 < listen.peak <= 1, "in (0, 1]")
    _in_range("listen.iterations", listen.iterations, listen.iterations >= 1, "at least 1")
    _in_range("listen.floor_db", listen.floor_db, listen.floor_db < 0, "below 0")


def _check_compare(compare: Compare) -> None:
    from speechlrp.explainers import METHODS, ORDERS

    _one_of("compare.sanity", compare.sanity, ("none", *ORDERS))
    _one_of("compare.randomise", compare.randomise, METHODS)
    _in_range("compare.top", compare.top, 0 < compare.top <= 1, "in (0, 1]")
    for name in ("examples", "batch_size", "shown", "period", "sanity_steps"):
        value = getattr(compare, name)
        _in_range(f"compare.{name}", value, value is None or value >= 1, "at least 1")


def _one_of(key: str, value: str, known) -> None:
    if value not in known:
        raise unknown(f"value of {key}", value, known)


def _in_range(key: str, value: Any, fits: bool, expected: str) -> None:
    if not fits:
        raise SpeechLRPError(f"{key} is {value}; it must be {expected}")


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
    return function(*given, **more, **settings)


SCALARS = {"int": int, "float": (int, float), "str": str, "bool": bool, "None": type(None)}


def _of_type(key: str, value: Any, annotation: Any) -> None:
    """Check a value against an annotation of plain types, such as `float | None`."""
    kinds = str(getattr(annotation, "__name__", annotation)).split(" | ")
    if not set(kinds) <= set(SCALARS):
        return
    fits = any(isinstance(value, SCALARS[kind]) for kind in kinds)
    if not fits or (isinstance(value, bool) and "bool" not in kinds):
        raise SpeechLRPError(f"{key} is {value!r}; it must be {' or '.join(kinds)}")
