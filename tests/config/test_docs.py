"""The commands of README and manual can be typed as they stand."""

import re
import shlex
from pathlib import Path

import click
import pytest
from hydra import initialize_config_dir

from speechlrp.cli.bridge import _from_options, _parts, _spelt_out
from speechlrp.cli.explainers import with_explainers
from speechlrp.cli.main import main
from speechlrp.cli.options import OPTIONS
from speechlrp.config.names import conf_dir
from speechlrp.config.schema import typed

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def commands(page):
    """The words of every command of ours on a page."""
    for block in re.findall(r"```(?:bash|console)\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        for line in block.splitlines():
            for command in line.removeprefix("$ ").split(" && "):
                words = shlex.split(re.sub(r"\$\(.*?\)", "FILE", command), comments=True)
                if words[:1] == ["speechlrp"]:
                    yield words[1:]


COMMANDS = [(page, words) for page in PAGES for words in commands(page)]


def made_with(page, run):
    """The experiment of a run, as an earlier command of the page names it, or as it is called."""
    for words in commands(page):
        if f"run={run}" in words and (said := [w for w in words if w.startswith("experiment=")]):
            return said
    there = (conf_dir() / "experiment" / f"{run}.yaml").exists()
    return [f"experiment={run}"] if there else []


def of_a_sweep(override):
    """The override in a sweep's first member."""
    return override if re.search(r"[\['\"]", override) else override.split(",")[0]


def named(value):
    return value.name if isinstance(value, Path) else " ".join(value)


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=named)
def test_a_command_is_parsed_composes_and_passes_the_checks(
    composed, page, words, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.csv").touch()  # which click looks for
    verb, *arguments = words
    # Below its group, as click keeps the help option that a command is first asked for.
    group = click.Context(main, **main.context_settings)
    values = main.commands[verb].make_context(verb, arguments, parent=group).params
    overrides = [_spelt_out(word) for word in values.get("overrides", ())]
    if verb not in OPTIONS or not all("=" in override for override in overrides):
        return  # no stage, or a stage that is asked about files
    if values["multirun"]:
        overrides = [of_a_sweep(override) for override in overrides]
    overrides += _from_options(verb, tuple(overrides), values)
    overrides = [part for override in overrides for part in _parts(override)]
    runs = [override.partition("=")[2] for override in overrides if override.startswith("run=")]
    if runs and not any(override.startswith("experiment=") for override in overrides):
        overrides += made_with(page, runs[0])
    config = composed(verb, *overrides)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        typed(with_explainers(config, verb, overrides))


def test_there_are_commands():
    assert len(COMMANDS) > 40
