"""What the YAML files say of each setting: its value in every choice, and its comment.

Read as text: nothing is composed, and neither Hydra nor torch is imported.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from speechlrp.config.names import conf_dir
from speechlrp.errors import SpeechLRPError

BASE = "base"
OVERLAYS = "experiment"
"""The group whose files set what other groups explain."""
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Setting:
    """A setting, as ``KEY=VALUE`` names it."""

    key: str  # dotted
    comments: dict[str, str] = field(default_factory=dict)
    """What its files say, several lines as one -> the first file that says so."""
    values: dict[str, Any] = field(default_factory=dict)
    """File, below ``conf`` and without its suffix -> what it sets."""

    @property
    def comment(self) -> str:
        """Of the first file that explains it."""
        return next(iter(self.comments), "")


@cache
def groups() -> dict[str, list[str]]:
    """Each group of configurations with its choices."""
    folders = sorted(path for path in conf_dir().iterdir() if path.is_dir())
    return {folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in folders}


@cache
def default_choices() -> dict[str, str]:
    """The choice of each group where none is given."""
    lines = yaml.load((conf_dir() / f"{BASE}.yaml").read_text(encoding="utf-8"), _LOADER)
    pairs = [pair for line in lines["defaults"] if isinstance(line, dict) for pair in line.items()]
    return {key: str(value) for key, value in pairs if not key.startswith(("optional", "override"))}


def words_of(path: Path) -> str:
    """The comment that a file begins with."""
    lines = path.read_text(encoding="utf-8").splitlines()
    head = [line for line in lines if not line.startswith("# @package")]
    begun = [line.lstrip("# ") for line in head[:1] if line.startswith("#")]
    return begun[0] if begun else ""


@cache
def settings_of(group: str) -> dict[str, Setting]:
    """The settings of a group, or with ``""`` those that stand in none, by their dotted keys."""
    known: dict[str, Setting] = {}
    if group == OVERLAYS:
        return known
    folder = conf_dir() / group
    default = default_choices().get(group, "")
    files = sorted(folder.glob("*.yaml"), key=lambda path: (path.stem != default, path.stem))
    files += sorted(folder.glob("*/*.yaml"))  # which are no choices, but part of some
    for path in files if group else [folder / f"{BASE}.yaml"]:
        for key, value, comment in _read(path):
            if not group and key.split(".")[0] in ("defaults", "hydra"):
                continue
            dotted = f"{group}.{key}".lstrip(".")
            setting = known.setdefault(dotted, Setting(dotted))
            file = path.relative_to(conf_dir()).with_suffix("").as_posix()
            setting.values[file] = value
            if comment:
                setting.comments.setdefault(comment, file)
    for dotted, setting in known.items():  # a part without words has those of the whole
        whole = known.get(dotted.rpartition(".")[0])
        setting.comments = setting.comments or (whole.comments if whole else {})
    known.pop(f"{group}.defaults", None)
    return known


def setting(key: str) -> Setting:
    """What is known of a setting.

    Raises:
        SpeechLRPError: there is none of that name; names those like it.
    """
    group = key.partition(".")[0]
    known = settings_of(group) if group in groups() else settings_of("")
    if key in known:
        return known[key]
    everything = [*groups(), *(name for one in ("", *groups()) for name in settings_of(one))]
    same = [name for name in everything if name.split(".")[-1] == key]  # lr: trainer.lr
    close = same or difflib.get_close_matches(key, everything, n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else "see `speechlrp list`"
    raise SpeechLRPError(f"there is no setting {key!r}; {hint}")


def _read(path: Path) -> Iterator[tuple[str, Any, str]]:
    """Dotted key, value and comment of every line that sets something."""
    text = path.read_text(encoding="utf-8")
    lines, root = text.splitlines(), yaml.compose(text, Loader=_LOADER)
    values = yaml.load(text, _LOADER)
    if isinstance(root, yaml.MappingNode):
        yield from _below(root, values, "", lines)


def _below(
    node: yaml.MappingNode, values: Any, parent: str, lines: list[str]
) -> Iterator[tuple[str, Any, str]]:
    for key, value in node.value:
        name = f"{parent}.{key.value}".lstrip(".")
        here = values[key.value]
        yield name, here, _comment(lines, key.start_mark, value.end_mark)
        if isinstance(value, yaml.MappingNode):
            yield from _below(value, here, name, lines)


def _comment(lines: list[str], start: Any, end: Any) -> str:
    """The comment beside a setting, with the lines that continue it; or those above it."""
    row, column = (end.line, end.column) if end.line == start.line else (start.line, 0)
    beside = lines[row][column:].partition("# ")[2] if row == start.line else ""
    if not column:  # a value below its key
        beside = lines[row].partition(" # ")[2]
    if beside:
        more = lines[row + 1 :]
        indented = [line.strip() for line in more[: _run(more, start.column)]]
        return " ".join([beside.strip(), *(line.lstrip("# ") for line in indented)])
    above: list[str] = []
    for line in reversed(lines[: start.line]):
        if not line.startswith(" " * start.column + "#") or line.startswith("# @package"):
            break
        above.insert(0, line.strip().lstrip("# "))
    return " ".join(above) if len(above) < start.line else ""  # a file's head is not a setting's


def _run(lines: list[str], column: int) -> int:
    """How many lines from the first on are comments, further right than a key."""
    for number, line in enumerate(lines):
        text = line.lstrip()
        if not text.startswith("#") or len(line) - len(text) <= column:
            return number
    return len(lines)
