"""Which layer gets which rule, from a configuration's mappings."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import torch
from torch import nn

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.lrp import PRESETS, All, Composite, Depth, First, Last, LRPError
from speechlrp.lrp.rules import RULES as CLASSES
from speechlrp.registry import Interface, Registry, guarded, imported, is_reference

RULES = Registry(
    "rule",
    {name: f"{rule.__module__}:{rule.__name__}" for name, rule in CLASSES.items()},
    Interface("a class derived from speechlrp.lrp:Rule", bases=("speechlrp.lrp:Rule",)),
)
"""Those of `speechlrp.lrp`, which knows no registry, and a user's own."""


def from_rules(rules: Sequence[Mapping[str, Any]], merge_batch_norm: bool) -> Composite:
    """A composite from entries such as ``{"layers": "Conv2d", "rule": "epsilon", "eps": 0.8}``.

    Args:
        rules: the first that matches a layer wins. ``layers`` is the name of a class of
            torch.nn (``Module`` for all), a list of such for any of them, or a mapping of
            conditions that must all hold:
            ``class``, ``name`` (a pattern of the module's path), ``depth`` (two fractions,
            as in ``[0, 1/3]``), ``first: true`` or ``last: true``. ``rule`` is the rule's
            name; the rest are its parameters, lists standing for tensors. From Python, pairs
            (selector, rule) as of ``speechlrp.lrp.Composite`` too.
        merge_batch_norm: see ``speechlrp.lrp.Composite``.

    Raises:
        SpeechLRPError: a layer class, condition, rule or parameter that there is not.
    """
    if not isinstance(rules, list | tuple):
        raise SpeechLRPError(
            "explainer.rules must be a list such as [{layers: Linear, rule: zero}]; found "
            f"{rules!r}"
        )
    pairs = [entry if isinstance(entry, tuple) else _pair(entry) for entry in rules]
    return composed("explainer.rules", pairs, merge_batch_norm=merge_batch_norm)


def from_preset(name: str, options: Mapping[str, Any], merge_batch_norm: bool | None) -> Composite:
    """A composite of ``speechlrp list presets``; SpeechLRPError for what is no preset or option."""
    if not isinstance(options, Mapping):
        raise SpeechLRPError(
            f"explainer.preset_options must be a mapping such as {{epsilon: 0.25}}; found "
            f"{options!r}"
        )
    merge = {} if merge_batch_norm is None else {"merge_batch_norm": merge_batch_norm}
    what = f"explainer.preset {name}"
    preset, settings = _preset(name, what), {**options, **merge}
    composite = _made(what, preset, settings) if callable(preset) else preset
    if composite is preset and settings:
        raise SpeechLRPError(f"{what} is no function, so it takes no {', '.join(settings)}")
    return composed(what, composite)


def composed(what: str, rules: Any, **options: bool) -> Composite:
    """A composite, or the pairs of one.

    Raises:
        SpeechLRPError: `what` is neither.
    """
    if isinstance(rules, Composite):
        return rules
    if not isinstance(rules, list | tuple):
        kind = type(rules).__name__
        raise SpeechLRPError(f"{what} gives {kind}; it must give a Composite, or its pairs")
    try:
        return Composite(rules, **options)
    except LRPError as error:
        raise SpeechLRPError(f"{what}: {error}") from error


def _preset(name: str, what: str) -> Any:
    if isinstance(name, str) and name in PRESETS:
        return PRESETS[name]
    if not is_reference(name):
        raise unknown("value of explainer.preset", str(name), PRESETS)
    return imported(name, what)


def _pair(entry: Mapping[str, Any]) -> tuple[Any, Any]:
    if not isinstance(entry, Mapping):
        raise SpeechLRPError(f"explainer.rules holds mappings; found {entry!r}")
    settings = dict(entry)
    for key in ("layers", "rule"):
        if key not in settings:
            raise SpeechLRPError(f"explainer.rules: no `{key}` in {dict(entry)}")
    selector, name = _selector(settings.pop("layers")), settings.pop("rule")
    return selector, _made(f"explainer.rules: rule {name}", RULES[name], settings)


def _made(what: str, function: Callable[..., Any], settings: Mapping[str, Any]) -> Any:
    try:
        with guarded(what, function):
            return function(**{name: _plain(value) for name, value in settings.items()})
    except (TypeError, LRPError) as error:
        raise SpeechLRPError(f"{what}: {error}") from error


def _plain(value: Any) -> Any:
    return torch.tensor(value) if isinstance(value, list | tuple) else value


def _selector(layers: Any) -> Any:
    if not isinstance(layers, Mapping):
        return _class(layers)
    for condition in layers:
        if condition not in CONDITIONS:
            raise unknown("condition of explainer.rules.layers", condition, CONDITIONS)
    if not layers:
        raise SpeechLRPError("explainer.rules: no condition in layers: {}")
    return All(*(CONDITIONS[key](value) for key, value in layers.items()))


def _class(name: Any) -> Any:
    if isinstance(name, list | tuple) and name:
        return tuple(map(_class, name))
    if is_reference(name):
        kind = imported(name, f"explainer.rules: layers {name}")
    else:
        kind = getattr(nn, str(name), None)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise SpeechLRPError(
            f"explainer.rules: torch.nn has no layer {name!r}; one of your own is "
            "package.module:Class, a class of torch modules"
        )
    return kind


def _pattern(value: Any) -> str:
    if not isinstance(value, str):
        raise SpeechLRPError(f"explainer.rules: name must be a pattern; found {value!r}")
    return value


def _depth(value: Any) -> Depth:
    try:
        if isinstance(value, str):
            raise TypeError
        start, stop = (float(Fraction(str(end))) for end in value)
        return Depth(start, stop)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise SpeechLRPError(
            "explainer.rules: depth must be two fractions, 0 <= start < stop <= 1, as in "
            f"[0, 1/3]; found {value!r}"
        ) from error


def _end(name: str, kind: type) -> Callable[[Any], Any]:
    def selector(value: Any) -> Any:
        if value is not True:
            raise SpeechLRPError(f"explainer.rules: {name} can only be true; found {value!r}")
        return kind()

    return selector


CONDITIONS: dict[str, Callable[[Any], Any]] = {
    "class": _class,
    "name": _pattern,
    "depth": _depth,
    "first": _end("first", First),
    "last": _end("last", Last),
}
"""What ``layers`` may ask for."""
