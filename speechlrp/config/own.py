"""A user's own folder of configurations: what is wrong in which file and line, and its mend."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import yaml

from speechlrp.config.names import key_of
from speechlrp.errors import SpeechLRPError, unknown

HEADER = "# @package _global_"
"""What an experiment's file begins with, since it sets keys of all sections."""
MENDS = (
    ("found character '\\t'", "a tab; indent with blanks"),
    ("<stream end>", "a bracket or brace from here or before is not closed"),
    ("end of stream", "a quote from here is not closed"),
    ("duplicate key", "a key that is there twice; take out one of the two"),
    ("could not determine a constructor", "a tag (!) that is not read; leave it out"),
    ("undefined alias", "an alias (*) of no anchor (&)"),
    ("mapping values are not allowed", "a second colon; put the value into quotes"),
    ("unhashable key", "a key that is a list or mapping"),
)
"""What the parser says, and what it is."""


class OwnFiles:
    """The files that a command takes from the user's folder.

    The folder is that of ``--config-dir``; overrides are ``KEY=VALUE``.
    """

    def __init__(self, folder: str | None, overrides: Sequence[str]) -> None:
        self.folder = folder
        self._folder = Path(folder).absolute() if folder else None
        self._given = {key_of(override) for override in overrides}
        self._chosen = [self._path(*o.lstrip("+").split("=", 1)) for o in overrides if "=" in o]

    def _path(self, group: str, name: str) -> Path:
        name = name.strip("'\"").removesuffix(".yaml")
        return (self._folder or Path()) / group.split("@")[0] / f"{name}.yaml"

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say what is wrong with a file, in place of what its parser raises.

        Raises:
            SpeechLRPError: a file is no YAML in UTF-8, or has no header or another suffix.
        """
        try:
            for path in self._chosen if self._folder else ():
                _check(path)
            yield
        except yaml.YAMLError as error:
            raise SpeechLRPError(_words(error)) from error
        except (UnicodeDecodeError, RecursionError) as error:
            files = sorted(self._folder.rglob("*.yaml")) if self._folder else []
            words = next(filter(None, map(_unreadable, files)), None)
            chosen = [str(path) for path in self._chosen if path.is_file()]
            if words is None and chosen and isinstance(error, RecursionError):
                words = f"{', '.join(chosen)}: its defaults lead back to the file itself"
            if words is None:
                raise
            raise SpeechLRPError(words) from error
        # What Hydra raises on a list of defaults that is none, or a header of one word
        except (ValueError, TypeError, AttributeError, LookupError, AssertionError) as error:
            if not _is_hydras(error):
                raise
            words = " ".join(str(error).split())
            if not words:  # an assertion of Hydra's on what a list of defaults holds
                chosen = [str(path) for path in self._chosen if path.is_file()]
                words = f"{', '.join(chosen)}: its defaults are no list of GROUP: CHOICE"
            raise SpeechLRPError(self.located(words)) from error

    def located(self, words: str) -> str:
        """An error's words with the file and line of what it names, where that is known."""
        if self._folder is None or str(self._folder) in words:
            return words
        named = re.findall(r"'([^']+)'", words)
        named += re.findall(r"[\w-]+(?:[./][\w-]+)+|^\w+", words)
        named += ["/".join(pair) for pair in re.findall(r"unknown (\w+) '([^'/]+)'", words)]
        for path in self._chosen:
            for key in named if path.is_file() else ():
                line = None
                if key not in self._given:
                    line = _line(path, [key]) or _line(path, key.split("."))
                if line is not None:
                    return f"{path}, line {line}: {words}"
        files = [self._folder / f"{name}.yaml" for name in named if "/" in name]
        files += [path for path in self._chosen if "defaults" in words or _defaults(path, named)]
        gone = next((p for p in self._chosen if p in files and not os.path.lexists(p)), None)
        lost = f" There is no {gone} either." if gone else ""
        return next((f"{path}: {words}" for path in files if path.is_file()), words + lost)


NONE = OwnFiles(None, ())


def reason(error: Exception) -> str:
    """What Hydra or OmegaConf says is wrong, in one line; of a lost choice, those there are."""
    text, cause = str(error), error.__cause__
    if not text and cause is not None:  # of a key or an interpolation that cannot be read
        text = f"{getattr(cause, 'full_key', '')}: {cause}".removeprefix(": ")
    if group := re.search(r"Could not find '([\w/]+)/([^'/]*)'", text):
        there = text.partition("Available options")[2].partition("Config search path")[0]
        known = [line.strip() for line in there.splitlines() if line.startswith("\t")]
        return str(unknown(group[1], group[2], known))
    first = first_line(text)
    if first.startswith("Error merging override") and cause is not None:
        return f"{first}: {first_line(str(cause))}"
    return first


def first_line(text: str) -> str:
    """The line of Hydra's words that says what is wrong: and the next after a colon."""
    first, _, rest = text.partition("\n")
    return f"{first} {rest.splitlines()[0]}" if first.endswith(":") and rest else first


def _check(path: Path) -> None:
    """Check what can be said before a file is parsed."""
    if not path.exists() and path.with_suffix(".yml").exists():
        raise SpeechLRPError(f"{path.with_suffix('.yml')} must end in .yaml; rename it")
    if not os.path.lexists(path):
        return
    if not path.is_file():
        raise SpeechLRPError(f"{path} is no file, or a link to nothing")
    text = path.read_text(encoding="utf-8")
    with path.open(encoding="utf-8") as file:  # whose name stands in the error
        yaml.compose(file, Loader=yaml.SafeLoader)
    lines = text.splitlines() if path.parent.name == "experiment" else [HEADER]
    lines = list(takewhile(lambda line: line[:1] in ("", "#"), lines))  # Hydra looks no further
    if not any(re.fullmatch(r"#\s*@package\s+_global_\s*", line) for line in lines):
        raise SpeechLRPError(
            f"{path}, line 1: an experiment sets keys of all sections, so its first line must be "
            f"`{HEADER}`"
        )


def _words(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:  # of a character that no YAML may have
        words = " ".join(str(error).split()[:4])
        return f"{getattr(error, 'name', 'a configuration')} is not YAML: {words}; save it as text"
    text = str(getattr(error, "problem", ""))
    mend = next((words for sign, words in MENDS if sign in text), "")
    if "<stream end>" in text or "end of stream" in text:
        mark = getattr(error, "context_mark", None) or mark
    return f"{mark.name}, line {mark.line + 1}: not YAML: {mend or text}" + (
        f" ({text})" if mend else ""
    )


def _is_hydras(error: Exception) -> bool:
    """Whether an error was raised inside of Hydra or what it reads YAML with."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    name = trace.tb_frame.f_globals.get("__name__", "") if trace else ""
    return name.partition(".")[0] in ("hydra", "omegaconf", "yaml")


def _defaults(path: Path, named: Sequence[str]) -> bool:
    """Whether a file chooses one of some ``group/name`` in its list of defaults."""
    if not path.is_file():
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    text = "\n".join(repr(line)[1:-1] for line in text.splitlines())  # as errors show it
    pairs = [name.split("/") for name in named if name.count("/") == 1]
    return any(re.search(rf"{re.escape(g)}\s*:\s*{re.escape(n)}(?![\w-])", text) for g, n in pairs)


def _unreadable(path: Path) -> str | None:
    try:
        yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        return f"{path}, line {line}: not UTF-8; save the file as UTF-8"
    except RecursionError:
        return f"{path} is nested too deeply"
    except yaml.YAMLError:
        return None
    return None


def _line(path: Path, keys: Sequence[str]) -> int | None:
    """The line of a key in a file, or None."""
    try:
        node: Any = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        return None
    line = None
    if isinstance(node, yaml.ScalarNode) and [node.value] == keys:
        return node.start_mark.line + 1
    for key in keys:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        place = next((pair for pair in pairs if pair[0].value == key), None)
        if place is None:
            return None
        line, node = place[0].start_mark.line + 1, place[1]
    return line
