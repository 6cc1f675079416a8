"""The commands of the pages on extending the project can be typed as they stand."""

import re
import shlex
from pathlib import Path

import pytest
from hydra import initialize_config_dir

from speechlrp.cli.bridge import _from_options
from speechlrp.cli.explainers import with_explainers
from speechlrp.cli.options import OPTIONS
from speechlrp.config.names import conf_dir
from speechlrp.config.schema import typed

DOCS = Path(__file__).resolve().parents[2] / "docs"
COMMANDS = [
    line
    for page in sorted(DOCS.glob("adding-a*.md"))
    for block in re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    for line in block.splitlines()
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_composes_and_passes_the_checks(composed, command):
    _, verb, *arguments = shlex.split(command)
    options, overrides, words = {o.flag: o for o in OPTIONS[verb]}, [], iter(arguments)
    values = {}
    for word in words:
        if word in options:
            values[options[word].name] = next(words)
        else:
            overrides.append(word)
    overrides += _from_options(verb, tuple(overrides), values)
    if verb == "navai":
        overrides.append("experiment=arctic_letters")
    config = composed(verb, *overrides)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        typed(with_explainers(config, verb, overrides))


def test_there_are_commands():
    assert len(COMMANDS) > 6
