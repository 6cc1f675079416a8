"""The reference of settings and of what can be chosen, from YAML comments and docstrings."""

from __future__ import annotations

import html
import inspect
from pathlib import Path

import mkdocs_gen_files

from speechlrp.cli.lists import _lists, names
from speechlrp.config.comments import opening, settings
from speechlrp.config.names import conf_dir


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return html.escape(text, quote=False).replace("|", "&#124;")


def code(text: str) -> str:
    """Text as code, in a table."""
    return f"<code>{cell(text)}</code>" if text else ""


def section(path: Path, title: str) -> str:
    """The settings of a file as a table."""
    text = path.read_text(encoding="utf-8")
    rows = [f"| {code(s.key)} | {code(s.value)} | {cell(s.comment)} |" for s in settings(text)]
    head = ["| setting | default | |", "| --- | --- | --- |"] if rows else []
    return "\n".join([title, "", opening(text), "", *head, *rows, ""])


conf = conf_dir()
with mkdocs_gen_files.open("reference/settings.md", "a") as page:
    page.write("\n" + section(conf / "base.yaml", "## Of every command"))
    for group in sorted(path for path in conf.iterdir() if path.is_dir()):
        page.write(f"\n## {group.name}\n")
        for file in sorted(group.rglob("*.yaml")):
            choice = file.relative_to(group).with_suffix("").as_posix()
            page.write("\n" + section(file, f"### {group.name}={choice}"))

with mkdocs_gen_files.open("reference/choices.md", "a") as page:
    for line in names(None):
        table = line.partition(":")[0]
        page.write(f"\n## {table}\n\n")
        known = _lists()[table]
        for name in names(table):
            entry = known[name] if hasattr(known, "interface") else None
            words = (inspect.getdoc(entry) or "").partition("\n\n")[0] if callable(entry) else ""
            page.write(f"- `{name}`" + (f": {' '.join(words.split())}" if words else "") + "\n")
