"""Where the configuration files are, and how a run is named.

A run is what its resolved settings make it; its name only shows them.
"""

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.registry import REFERENCE

DATA = ("dataset", "task", "split", "features", "conditions", "shortcut", "data_seed")
"""Sections whose settings make other features."""

IDENTITY = (*DATA, "model", "trainer", "mixing", "seed")
"""Sections whose settings make another run; the others choose a folder inside it."""

LONGEST = 60
"""Characters of a run's name."""
DIGEST = 6
"""Characters of the digest that keeps runs apart whose settings a name does not show in full."""

PACKAGE = Path(__file__).resolve().parents[1]


NAMED_BY = {
    "explainer": ("kind", "name"),
    "model": ("factory",),
    **dict.fromkeys(("dataset", "decoding", "features", "shortcut", "split"), ("name",)),
}
"""Groups with a choice ``custom``, and its settings that name code of one's own."""


def conf_dir() -> Path:
    """The folder of the YAML files: inside an installed package, or beside it in a clone."""
    inside = PACKAGE / "conf"
    return inside if inside.is_dir() else PACKAGE.parent / "conf"


def key_of(override: str) -> str:
    """The key of an override, without what says how it is set."""
    return override.lstrip("+~").partition("=")[0]


def value_of(override: str) -> str:
    """The value of an override, without quotation marks."""
    return override.partition("=")[2].strip("'\"")


def explainer_choice(name: Any, custom: bool = False) -> list[str]:
    """The overrides that choose an explainer: a file of ``conf/explainer``, or one's own kind."""
    return _custom("explainer", name) if custom else choice_of("explainer", name)


def choice_of(group: str, name: Any) -> list[str]:
    """The overrides that choose in a group: a file of ``conf/``, or ``package.module:Name``."""
    reference = group in NAMED_BY and re.fullmatch(REFERENCE, str(name))
    return _custom(group, name) if reference else [f"{group}={name}"]


def _custom(group: str, name: Any) -> list[str]:
    return [f"{group}=custom", *(f"{group}.{key}='{name}'" for key in NAMED_BY[group])]


def names_in(text: str, known: Collection[str] = (), what: str = "") -> list[str]:
    """The names of a list with commas, each once; ``all`` stands for all that are known.

    Where none are known any name will do.

    Raises:
        SpeechLRPError: a name that is not known, or no name; says `what` a name is.
    """
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if known and names == ["all"]:
        return list(known)
    for name in (names or [text]) if known else ():
        if name not in known:
            raise unknown(what, name, ("all", *known))
    return names


def identity_overrides(overrides: Iterable[str], sections: tuple[str, ...] = IDENTITY) -> list[str]:
    """The overrides of these sections, in the order of their keys; the last of each key."""
    last = {
        key_of(override): override
        for override in overrides
        if re.split(r"[./@]", key_of(override))[0] in sections
    }
    return [last[key] for key in sorted(last)]


def base_name(choices: Mapping[str, str], overrides: Iterable[str]) -> tuple[str, list[str]]:
    """What a run is named after, and the overrides that this does not show.

    `choices` are Hydra's option of each config group, overrides those of the task as they were
    given.
    """
    overrides = list(overrides)
    if any(o.startswith("experiment=") for o in overrides):
        return choices["experiment"], overrides
    rest = [o for o in overrides if not o.startswith(("dataset=", "task="))]
    return f"{choices['dataset']}_{choices['task']}", rest


def readable(base: str, overrides: Iterable[str]) -> tuple[str, bool]:
    """A name that shows what a run differs by, and whether nothing was left out or changed.

    It holds letters, digits, dots, dashes and underscores, so that a path with it can be given
    to any shell, and to Hydra as a value.
    """
    words = [f"{key_of(o).split('.')[-1]}-{_number(o.partition('=')[2])}" for o in overrides]
    text = "-".join([base, *words])
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", text).strip("._-") or "run"
    exact = name == text and len(name) <= LONGEST and not any(o.startswith("~") for o in overrides)
    return name[:LONGEST].rstrip("._-"), exact


def with_digest(name: str, settings: Mapping[str, Any]) -> str:
    """The name with a digest of the settings behind it."""
    return f"{name[: LONGEST - DIGEST - 1].rstrip('._-')}-{digest_of(settings)[:DIGEST]}"


def _number(value: str) -> str:
    """A number always in the same notation, where nothing of it is lost."""
    try:
        short = f"{float(value):.10g}"
        return short if float(short) == float(value) and "n" not in short else value
    except ValueError:
        return value


def flatten(key: str, value: Any) -> dict[str, Any]:
    """Nested mappings as one, with dotted keys."""
    if isinstance(value, Mapping) and value:
        return {k: v for name in value for k, v in flatten(f"{key}.{name}", value[name]).items()}
    return {key: value}


def identity_settings(
    settings: Mapping[str, Any], sections: tuple[str, ...], data: str
) -> dict[str, Any]:
    """The resolved settings that make a run, with dotted keys.

    Args:
        settings: the whole configuration.
        sections: that count.
        data: the folder of all recordings: a path below it is told from it, so that a run is
            the same where its recordings lie elsewhere.
    """
    flat: dict[str, Any] = {}
    for name in sections:
        flat |= flatten(name, settings[name])
    return {key: _told_from(data, value) for key, value in flat.items()}


def _told_from(data: str, value: Any) -> Any:
    if isinstance(value, str) and value.startswith(f"{data}/"):
        return "<paths.data>" + value.removeprefix(data)
    return value


def digest_of(settings: Mapping[str, Any]) -> str:
    """A digest of settings; 3 and 3.0 are the same."""
    plain = {
        key: int(value) if isinstance(value, float) and value.is_integer() else value
        for key, value in settings.items()
    }
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def check_name(name: str) -> None:
    """Check a name that was given to a run.

    Raises:
        SpeechLRPError: it cannot be a folder's name in every shell.
    """
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name) or len(name) > LONGEST:
        raise SpeechLRPError(
            f"run={name} cannot name a run: a name has 1 to {LONGEST} letters, digits, dots, "
            "dashes and underscores, and begins with none of the dots and dashes"
        )
