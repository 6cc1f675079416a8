"""`speechlrp help KEY` and `speechlrp list`: what settings are, and what can be chosen."""

import inspect
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import yaml

from speechlrp.cli.options import OPTIONS
from speechlrp.config.names import conf_dir
from speechlrp.config.sections import Config
from speechlrp.config.settings import (
    Setting,
    default_choices,
    groups,
    setting,
    settings_of,
    words_of,
)
from speechlrp.errors import unknown
from speechlrp.explainers import EXPLAINERS
from speechlrp.registry import Registry

KINDS = {bool: "true or false", int: "whole number", float: "number", str: "text", list: "list",
         dict: "mapping"}  # fmt: skip
UNCHOSEN = "(where none is chosen)"
WIDTH = 100


def explained(key: str) -> Iterator[str]:
    """Lines about a setting, or about a group: its choices and its settings.

    Raises:
        SpeechLRPError: there is none of that name.
    """
    choices = groups()
    if key in choices:
        yield from _group(key, choices[key])
        return
    one = setting(key)
    yield key
    for words, file in one.comments.items():
        several = f"with {_chosen(file)}: " if len(one.comments) > 1 else ""
        yield from _indented(several + words)
    if kind := _annotated(key) or _kind(list(one.values.values())):
        yield f"    type: {kind}"
    values = choices_of(key)
    if values:
        yield from _indented(f"values: {', '.join(values)}")
    yield from _set_in(one)


def choices_of(key: str) -> list[str]:
    """The values that a setting can have, where they are few and known; of a group its files."""
    if key in groups():
        return groups()[key]
    options = (option for of_verb in OPTIONS.values() for option in of_verb)
    for option in options:
        if option.key == key and option.choices:
            return list(option.choices)
    if "." in key or key in settings_of(""):
        known = settings_of(key.partition(".")[0] if "." in key else "").get(key)
        if known and any(isinstance(value, bool) for value in known.values.values()):
            return ["true", "false"]
    return []


def _group(name: str, choices: list[str]) -> Iterator[str]:
    default = default_choices().get(name, "")
    yield f"{name}: a group; {name}=NAME chooses one of"
    rows = []
    for choice in choices:
        words = words_of(conf_dir() / name / f"{choice}.yaml")
        rows.append((choice, f"{words} {UNCHOSEN}".strip() if choice == default else words))
    yield from columns(rows)
    known = settings_of(name)
    if known:
        yield "its settings, of which `speechlrp help KEY` says more:"
        yield from columns([(key, one.comment) for key, one in known.items()])


def columns(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    """A line each of a name and words about it, shortened to the width of a terminal."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, words in rows:
        short = textwrap.shorten(words, max(20, WIDTH - width - 6), placeholder=" ...")
        yield f"    {name:{width}}  {short}".rstrip()


def _set_in(one: Setting) -> Iterator[str]:
    """Which files set it to what; the one that counts where nothing is chosen first."""
    by_value: dict[str, list[str]] = {}
    for file, value in one.values.items():
        by_value.setdefault(_written(value), []).append(_chosen(file))
    for value, files in by_value.items():
        yield from _indented(f"{value} in {', '.join(files)}")


def _chosen(file: str) -> str:
    """How what a file of conf/ sets is chosen; of a part of several choices what it is for."""
    group, _, choice = file.partition("/")
    if "/" in choice:
        return f"conf/{file}.yaml ({words_of(conf_dir() / f'{file}.yaml')})"
    default = f" {UNCHOSEN}" if default_choices().get(group) == choice else ""
    return f"{group}={choice}{default}" if choice else "every verb"


def _written(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).strip()
    return textwrap.shorten(text.removesuffix("\n..."), 60, placeholder=" ...")


def _annotated(key: str) -> str:
    """The type that a section with fixed settings gives one; '' in the others."""
    kind: Any = Config
    for part in key.split("."):
        kind = get_type_hints(kind).get(part) if is_dataclass(kind) else None
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    names = ["null" if k is type(None) else KINDS.get(get_origin(k) or k, "") for k in kinds]
    return " or ".join(names) if all(names) else ""


def _kind(values: list[Any]) -> str:
    kinds = list(dict.fromkeys(KINDS[type(v)] for v in values if v is not None))
    if kinds == ["whole number", "number"] or kinds == ["number", "whole number"]:
        kinds = ["number"]
    return " or ".join([*kinds, *(["null"] if kinds and None in values else [])])


def _indented(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent="    ", subsequent_indent="        ", break_on_hyphens=False
    )


KEY_STEPS = {
    "none": "Frames as they are.",
    "min-sens": "The step where sensitivity is least.",
    "max-sens": "The step where sensitivity is largest.",
} | {
    f"{way}-{name}": f"The step where {name} is {size}."
    for name in EXPLAINERS
    for way, size in (("max", "largest"), ("min", "least"))
}
"""Alignment -> what it puts into the middle: K's four, and those of other explainers."""

TABLES = Registry(
    "list",
    {
        "stages": "speechlrp.stages:SUMMARIES",
        "corpora": "speechlrp.corpora:CORPORA",
        "downloads": "speechlrp.corpora:DOWNLOADS",
        "splits": "speechlrp.corpora:SPLITS",
        "features": "speechlrp.audio:FEATURES",
        "artefacts": "speechlrp.audio:ARTEFACTS",
        "models": "speechlrp.models:MODELS",
        "loggers": "speechlrp.training:LOGGERS",
        "decodings": "speechlrp.letters:DECODERS",
        "explainers": "speechlrp.explainers:EXPLAINERS",
        "scores": "speechlrp.measures:SCORES",
        "rules": "speechlrp.lrp:RULES",
        "presets": "speechlrp.lrp:PRESETS",
        "strategies": "speechlrp.flipping:STRATEGIES",
        "baselines": "speechlrp.flipping:FILL_INS",
        "curves": "speechlrp.flipping:CURVES",
        "fills": "speechlrp.flipping:FILLS",
        "alignments": "speechlrp.cli.help:KEY_STEPS",
        "classes": "speechlrp.navai:CLASSES",
    },
)
"""What can be chosen; each table is imported when it is shown."""


def names(what: str | None) -> list[str]:
    """The entries of a table, each with a line of words; or without one the tables.

    Raises:
        SpeechLRPError: there is no such table.
    """
    configurations = {f"conf/{group}": choices for group, choices in groups().items()}
    if what is None:
        lists = {**{name: TABLES[name] for name in TABLES}, **configurations}
        return [f"{name}: {', '.join(entries)}" for name, entries in lists.items()]
    if what in configurations:
        words = {n: words_of(conf_dir() / f"{what[5:]}/{n}.yaml") for n in configurations[what]}
    elif what in TABLES:
        words = {name: _words(TABLES[what], name) for name in TABLES[what]}
    else:
        raise unknown("list", what, [*TABLES, *configurations])
    width = max(map(len, words), default=0)
    return [f"{name:{width}}  {text}".rstrip() for name, text in words.items()]


def _words(entries: Iterable[str], name: str) -> str:
    """What a table says of an entry: its text, or the first line of its docstring."""
    entry = entries[name] if isinstance(entries, Mapping) else None
    documented = inspect.isclass(entry) or inspect.isroutine(entry)
    text = entry if isinstance(entry, str) else inspect.getdoc(entry) if documented else ""
    return (text or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")
