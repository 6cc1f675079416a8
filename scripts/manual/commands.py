"""The reference of commands, from click, and of what can be chosen, from the tables."""

from __future__ import annotations

import html
import inspect
from collections.abc import Mapping

import click
import mkdocs_gen_files

from speechlrp.cli.main import main


def options(told: click.Command) -> dict[str, str]:
    """The options of a command and what they say."""
    context = click.Context(told)
    records = [p.get_help_record(context) for p in told.params if isinstance(p, click.Option)]
    return dict(filter(None, records))


def as_table(rows: Mapping[str, str]) -> list[str]:
    """Options as a table."""
    head = ["| option | |", "| --- | --- |"] if rows else []
    return [
        *head,
        *(f"| <code>{_cell(key)}</code> | {_cell(text)} |" for key, text in rows.items()),
    ]


def command(name: str, told: click.Command, common: Mapping[str, str]) -> str:
    """A command's words, usage and the options that are its own."""
    usage = told.get_usage(click.Context(told, info_name=f"speechlrp {name}"))
    own = {key: text for key, text in options(told).items() if common.get(key) != text}
    words = inspect.cleandoc(told.help or "")
    lines = [f"## speechlrp {name}", "", words, "", "```text", usage, "```", "", *as_table(own)]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return html.escape(text, quote=False).replace("|", "&#124;").replace("\n", " ")


with mkdocs_gen_files.open("reference/commands.md", "a") as page:
    common = options(main.commands["preprocess"])
    page.write("\n".join(["\n## Of every stage\n", *as_table(common), ""]))
    for name, told in main.commands.items():
        page.write("\n" + command(name, told, common))
