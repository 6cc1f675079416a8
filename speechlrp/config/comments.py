"""What the YAML files of `conf` say of their settings: keys, defaults and the comments on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import yaml


class Setting(NamedTuple):
    """A setting as a file has it: dotted key, value as written, and the comment on it."""

    key: str
    value: str
    comment: str


def settings(text: str) -> Iterator[Setting]:
    """The settings of a YAML file, in its order; not what it says to Hydra.

    A comment stands behind its setting, and goes on in lines of comment below that are indented.
    """
    root = yaml.compose(text)
    if isinstance(root, yaml.MappingNode):
        yield from _below(root, "", text.splitlines())


def opening(text: str) -> str:
    """What the comment says that a file begins with."""
    words = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith("# @"):
            words.append(line.lstrip("# "))
    return " ".join(words)


def _below(node: yaml.MappingNode, parent: str, lines: Sequence[str]) -> Iterator[Setting]:
    for key, value in node.value:
        name = f"{parent}{key.value}"
        if name in ("defaults", "hydra"):
            continue
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            yield from _below(value, f"{name}.", lines)
        else:
            yield Setting(name, _written(value, lines), _comment(value, lines))


def _written(value: yaml.Node, lines: Sequence[str]) -> str:
    """The value in one line: as it stands, or where it stands in several, in brackets."""
    start, end = value.start_mark, value.end_mark
    if start.line == end.line:
        return lines[start.line][start.column : end.column]
    inner = [*lines[start.line : end.line], *(line[: end.column] for line in lines[end.line :][:1])]
    inner[0] = " " * start.column + inner[0][start.column :]
    content = yaml.safe_load("\n".join(inner))
    if isinstance(content, str):
        return content
    return yaml.dump(content, default_flow_style=True, sort_keys=False, width=10**6).strip()


def _comment(value: yaml.Node, lines: Sequence[str]) -> str:
    """What stands behind the value's last line, and below it; a list of dashes has none."""
    if isinstance(value, yaml.CollectionNode) and not value.flow_style:
        return ""
    last = value.end_mark.line
    words = [lines[last][value.end_mark.column :].partition(" #")[2]]
    for line in lines[last + 1 :] if words[0] else []:
        if not line.startswith("  ") or not line.strip().startswith("#"):
            break
        words.append(line.strip().lstrip("#"))
    return " ".join(" ".join(words).split())
