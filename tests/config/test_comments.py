"""Comments of YAML files belong to the settings that they stand behind."""

import yaml

from speechlrp.config.comments import opening, settings
from speechlrp.config.names import conf_dir, flatten

TEXT = """\
# @package _global_
# What it is,
# and why.
defaults:
  - base        # Hydra's
rate: 8000      # Hz; see
                # the paper
name: a#b
plain:
inner:
  list: [1, 2]  # two
  lines:
    - {a: 1}    # the first
    - {b: 2}
  # of what follows
  last: "x # y"
"""


def test_keys_values_and_comments():
    assert [tuple(setting) for setting in settings(TEXT)] == [
        ("rate", "8000", "Hz; see the paper"),
        ("name", "a#b", ""),
        ("plain", "", ""),
        ("inner.list", "[1, 2]", "two"),
        ("inner.lines", "[{a: 1}, {b: 2}]", ""),
        ("inner.last", '"x # y"', ""),
    ]
    assert opening(TEXT) == "What it is, and why."


def test_every_setting_of_every_file_is_read():
    for path in conf_dir().rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        content = yaml.safe_load(text) or {}
        read = {}
        for setting in settings(text):
            read |= flatten(setting.key, yaml.safe_load(setting.value))
        for key in {*content} - {"defaults", "hydra"}:
            for name, value in flatten(key, content[key]).items():
                assert read[name] == value, (path, name)
