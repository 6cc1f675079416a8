"""What `speechlrp list` shows: the same tables that the code chooses from."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping

from speechlrp.config.names import conf_dir
from speechlrp.config.settings import groups, words_of
from speechlrp.errors import unknown
from speechlrp.explainers import EXPLAINERS
from speechlrp.navai import ALIGNMENTS
from speechlrp.registry import Registry

KEY_STEPS = {
    "none": "Frames as they are.",
    "min-sens": "The step where the sensitivity is least.",
    "max-sens": "The step where the sensitivity is largest.",
    "max-lrp": "The step where the relevance is largest.",
} | {
    f"{way}-{name}": f"The step where {name} is {size}."
    for name in EXPLAINERS
    for way, size in (("max", "largest"), ("min", "least"))
    if f"{way}-{name}" not in ALIGNMENTS
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
        "alignments": "speechlrp.cli.lists:KEY_STEPS",
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
    return [f"{name:{width}}  {about}".rstrip() for name, about in words.items()]


def _words(entries: Iterable[str], name: str) -> str:
    """What a table says of an entry: its text, or the first line of its docstring."""
    entry = entries[name] if isinstance(entries, Mapping) else None
    documented = inspect.isclass(entry) or inspect.isroutine(entry)
    text = entry if isinstance(entry, str) else inspect.getdoc(entry) if documented else ""
    return (text or "").partition("\n\n")[0].replace("\n", " ")
