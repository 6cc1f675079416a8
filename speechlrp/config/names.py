"""Where the configuration files are, and how a run is named."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

DATA = ("dataset", "task", "split", "features", "conditions", "data_seed")
"""Sections whose overrides make other features."""

IDENTITY = (*DATA, "model", "trainer", "mixing", "seed")
"""Sections whose overrides make another run; the others choose a folder inside it."""

LONGEST = 180
"""Characters of a run's name; a longer one ends in a checksum instead."""

PACKAGE = Path(__file__).resolve().parents[1]


def conf_dir() -> Path:
    """The folder of the YAML files: inside an installed package, or beside it in a clone."""
    inside = PACKAGE / "conf"
    return inside if inside.is_dir() else PACKAGE.parent / "conf"


def identity_overrides(overrides: Iterable[str], sections: tuple[str, ...] = IDENTITY) -> list[str]:
    """The overrides of these sections, in the order of their keys."""
    found = {}
    for override in overrides:
        key = override.lstrip("+~").partition("=")[0]
        if re.split(r"[./@]", key)[0] in sections:
            found[key] = override
    return [found[key] for key in sorted(found)]


def run_name(
    choices: Mapping[str, str], overrides: Iterable[str], sections: tuple[str, ...] = IDENTITY
) -> str:
    """Name a run: its experiment, or corpus and task, then the overrides that change it.

    Args:
        choices: Hydra's chosen option of each config group.
        overrides: the task overrides as they were given.
        sections: those that count.
    """
    overrides = list(overrides)
    if any(o.startswith("experiment=") for o in overrides):
        base, named = choices["experiment"], ()
    else:
        base, named = f"{choices['dataset']}_{choices['task']}", ("dataset=", "task=")
    rest = [
        o for o in identity_overrides(overrides, sections) if not (named and o.startswith(named))
    ]
    name = ",".join([base, *map(_readable, rest)])
    if len(name) <= LONGEST:
        return name
    return f"{name[:LONGEST]}-{zlib.crc32(name.encode()):08x}"


def _readable(override: str) -> str:
    """An override as part of a folder's name; a number always in the same notation."""
    key, _, value = override.partition("=")
    try:
        value = f"{float(value):.10g}"
    except ValueError:
        value = re.sub(r"[^\w.+-]+", "_", value).strip("_")
    return f"{key}={value}"
