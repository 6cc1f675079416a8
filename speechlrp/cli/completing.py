"""Completion in bash, zsh and fish: verbs and options by click; settings and choices from conf/.

``eval "$(_SPEECHLRP_COMPLETE=bash_source speechlrp)"`` switches it on; neither Hydra nor torch is
imported for an answer.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class

from speechlrp.cli.help import TABLES, choices_of
from speechlrp.config.settings import OVERLAYS, groups, settings_of

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]
PLAIN = "COMPREPLY+=($value)"


@add_completion_class
class Bash(BashComplete):
    """Click's, but a setting is not done where its value is still to come."""

    source_template = BashComplete.source_template.replace(
        PLAIN, f"{PLAIN}\n            [[ $value == *[=.] ]] && compopt -o nospace"
    )


def overrides(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """How a setting, or its value, can go on; also of the words that bash makes of it.

    Bash parts words at ``=``, and wants what stands behind it alone: ``trainer``, ``=`` and
    ``fa``, or of ``trainer=`` a key and nothing, since click takes the sign away.
    """
    words: Sequence[str] = context.params.get(str(parameter.name)) or ()
    signs = words[-1:] == ("=",)
    if words and (signs or (not incomplete and not Path(words[-1]).is_file())):
        key = words[-2] if signs and len(words) > 1 else words[-1]
        if signs or "=" not in key:
            return _items(values(key, incomplete))
    if "=" in incomplete:
        key, _, begun = incomplete.partition("=")
        return _items(f"{key}={value}" for value in values(key, begun))
    known = _items(keys(incomplete))
    return known or [CompletionItem(incomplete, type="file")] * (context.info_name == "explain")


def keys(begun: str) -> list[str]:
    """The settings that begin so, each with the sign that comes next."""
    group = begun.partition(".")[0]
    if "." in begun and group in groups():
        known = [f"{key}=" for key in settings_of(group)]
    else:
        alone = [f"{key}=" for key in (*settings_of(""), *groups())]
        known = alone + [f"{name}." for name in groups() if name != OVERLAYS]
    return sorted(key for key in known if key.startswith(begun))


def values(key: str, begun: str) -> list[str]:
    """The values of a setting that begin so; of a list with commas, of its last part."""
    before, comma, last = begun.rpartition(",")
    known = runs() if key == "run" else choices_of(key.lstrip("+~")) or _used(key)
    return [before + comma + value for value in known if value.startswith(last)]


def _used(key: str) -> list[str]:
    """The words that files of conf/ set it to."""
    known = settings_of(key.partition(".")[0]).get(key)
    return sorted({v for v in known.values.values() if isinstance(v, str)}) if known else []


def runs() -> list[str]:
    """The names of the runs there are."""
    from speechlrp.config.composing import default_outputs

    return sorted(path.parent.name for path in default_outputs().glob("*/run.json"))


def among(known: Callable[[], Iterable[str]]) -> Completion:
    """A completion by the names that begin so; they are looked for when they are needed."""
    return lambda *asked: _items(name for name in known() if name.startswith(asked[-1]))


named = among(runs)
tables = among(lambda: [*TABLES, *(f"conf/{group}" for group in groups())])


def helped(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What `speechlrp help` knows besides verbs."""
    return _items(key.removesuffix("=") for key in keys(incomplete))


def _items(texts: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(text) for text in texts]
