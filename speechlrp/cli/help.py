"""`speechlrp help KEY`: what a setting is, as its YAML file says."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
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
    yield from _indented(one.comment or "its file says no more than its name")
    yield f"    type: {_annotated(key) or _kind(list(one.values.values()))}"
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
        group, _, choice = file.partition("/")
        default = f" {UNCHOSEN}" if default_choices().get(group) == choice else ""
        named = f"{group}={choice}{default}" if choice else "every verb"
        by_value.setdefault(_written(value), []).append(named)
    for value, files in by_value.items():
        yield from _indented(f"{value} in {', '.join(files)}")


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
    return " or ".join([*kinds, *(["null"] if None in values else [])])


def _indented(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent="    ", subsequent_indent="        ", break_on_hyphens=False
    )
