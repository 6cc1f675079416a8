"""The reference of settings and of what can be chosen, from YAML comments and `speechlrp list`."""

from __future__ import annotations

import html
from pathlib import Path

import mkdocs_gen_files

from speechlrp.cli.lists import names
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
    for table in (line.partition(":")[0] for line in names(None)):
        page.write(f"\n## {table}\n\n")
        for name, _, words in (line.partition("  ") for line in names(table)):
            page.write(f"- `{name}`" + (f": {words.strip()}" if words.strip() else "") + "\n")
