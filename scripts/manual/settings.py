"""The reference of settings and of what can be chosen, as `speechlrp help` and `list` know them."""

from __future__ import annotations

import html
from typing import Any

import mkdocs_gen_files
import yaml

from speechlrp.cli.help import TABLES, names
from speechlrp.config.names import conf_dir
from speechlrp.config.settings import Setting, default_choices, groups, settings_of, words_of


def cell(text: str) -> str:
    """Text that may stand in a table."""
    return html.escape(text, quote=False).replace("|", "&#124;")


def code(value: Any) -> str:
    """A value as YAML, in a table."""
    if isinstance(value, dict) and value:
        return ""  # its own settings follow
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000).strip()
    return f"<code>{cell(text.removesuffix('...').strip())}</code>"


def row(setting: Setting, default: str) -> str:
    """A setting, its value in the default choice or else in the first, and what it is."""
    value = setting.values.get(default, next(iter(setting.values.values())))
    return f"| <code>{cell(setting.key)}</code> | {code(value)} | {cell(setting.comment)} |"


def section(group: str) -> str:
    """A group's choices, and the settings that they have."""
    chosen = default_choices().get(group, "")
    lines = [f"## {group or 'Of every command'}", ""]
    for choice in groups().get(group, []):
        mark = " (where none is chosen)" if choice == chosen else ""
        words = words_of(conf_dir() / group / f"{choice}.yaml")
        lines.append(f"- `{group}={choice}`{mark}" + (f": {words}" if words else ""))
    default = f"{group}/{chosen}" if group else "base"
    rows = [row(setting, default) for setting in settings_of(group).values()]
    head = ["", "| setting | default | |", "| --- | --- | --- |"] if rows else []
    return "\n".join([*lines, *head, *rows, ""])


with mkdocs_gen_files.open("reference/settings.md", "a") as page:
    page.write("\n" + "\n".join(map(section, ["", *groups()])))

with mkdocs_gen_files.open("reference/choices.md", "a") as page:
    for table in TABLES:
        page.write(f"\n## {table}\n\n")
        for name, _, words in (line.partition("  ") for line in names(table)):
            page.write(f"- `{name}`" + (f": {words.strip()}" if words.strip() else "") + "\n")
