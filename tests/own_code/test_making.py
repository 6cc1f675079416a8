"""Code of a user's own, of every table: what it imports, and how it fails, in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from speechlrp.audio import FEATURES
from speechlrp.config.schema import configure
from speechlrp.explainers import EXPLAINERS
from speechlrp.explainers.composites import from_preset, from_rules
from speechlrp.registry import blamed, imported

PROJECT = Path(__file__).resolve().parents[2]
OWN = """
import torchaudio
import torch
from torch import nn
from speechlrp.explainers.base import Explainer
from speechlrp.lrp import Rule

def make(classes):
    print("made")
    return nn.Sequential(nn.Flatten(), nn.Linear(6, classes))

class Mine(Explainer): ...
"""
CALLS = {
    "a factory by its name": (
        "from speechlrp.models import MODELS; MODELS['own_audio:make'](classes=3)"
    ),
    "a factory as a setting": (
        "from speechlrp.models import MODELS; MODELS['custom'](3, factory='own_audio:make')"
    ),
    "an explainer": "from speechlrp.explainers import EXPLAINERS; EXPLAINERS['own_audio:Mine']",
}
EACH = """
import os, sys, torch
assert "torchaudio" not in sys.modules
for name, call in {calls}.items():
    if not os.fork():
        exec(call)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(name)
"""


def test_torchaudio_can_be_imported_from_a_users_module(tmp_path):
    """In a Python of its own, where nobody has imported it; each after torch alone."""
    (tmp_path / "own_audio.py").write_text(OWN)
    done = subprocess.run(
        [sys.executable, "-c", EACH.format(calls=CALLS)], cwd=tmp_path, text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)}, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


BAD = """
import sys
from speechlrp.audio.windows import WindowSettings
from speechlrp.explainers.base import Explainer
from speechlrp.lrp import Epsilon

class Raises(Explainer):
    units, sums_to = "logit", "nothing"
    def __init__(self, size: int = 3):
        print("made")
        raise KeyError("size")
    def explain(self, model, inputs, target): ...

class Quits(Raises):
    def __init__(self):
        sys.exit()

class Unfinished(Explainer):
    units, sums_to = "logit", "nothing"

class Rule(Epsilon):
    def __init__(self):
        raise ZeroDivisionError("no epsilon")

class Features(WindowSettings):
    ...

def preset(**options):
    raise ValueError("several\\nlines")

def late():
    return int("x")
"""
SECTION = [{"layers": "Module", "rule": "own_bad:Rule"}]
SITUATIONS = {
    "an explainer that raises": (
        lambda: configure("explainer X", EXPLAINERS["own_bad:Raises"], {}),
        r"explainer X raises KeyError: 'size' \(own_bad.py, line 11\)",
    ),
    "an explainer that ends the program": (
        lambda: configure("explainer X", EXPLAINERS["own_bad:Quits"], {}),
        r"explainer X raises SystemExit: +\(own_bad.py, line 16\)",
    ),
    "an explainer that does not explain": (
        lambda: configure("explainer X", EXPLAINERS["own_bad:Unfinished"], {}),
        "abstract",
    ),
    "a rule that raises": (lambda: from_rules(SECTION, False), "ZeroDivisionError: no epsilon"),
    "a preset that raises": (lambda: from_preset("own_bad:preset", {}, None), "several lines"),
    "features that are not whole": (
        lambda: configure("features X", FEATURES["own_bad:Features"], {}),
        "features X raises TypeError: Can't instantiate abstract class",
    ),
    "a setting that it does not take": (
        lambda: configure("explainer X", EXPLAINERS["own_bad:Raises"], {"sizes": 3}),
        "unknown setting of explainer X 'sizes'.*Did you mean 'size'",
    ),
    "a module that does not import": (
        lambda: EXPLAINERS["own_broken:X"],
        "No module named",
    ),
    "a module that ends the program": (lambda: EXPLAINERS["own_quits:X"], "SystemExit: 3"),
    "a module that is no Python": (lambda: FEATURES["own_syntax:X"], "SyntaxError"),
}


@pytest.fixture
def own(written):
    written("own_bad", BAD)
    written("own_broken", "import nowhere\n")
    written("own_quits", "import sys\nsys.exit(3)\n")
    written("own_syntax", "def x(:\n")


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_a_users_code_does_wrong_is_one_line(own, refused, name):
    ask, right = SITUATIONS[name]
    refused(ask, right)


def test_an_error_is_blamed_on_a_users_code_where_it_passed_through(own):
    entry = imported("own_bad:late", "x")
    with pytest.raises(ValueError, match="invalid literal") as caught:
        entry()
    words = blamed(caught.value, ["own_bad:late"])
    assert words == (
        "own_bad raises ValueError: invalid literal for int() with base 10: 'x' "
        "(own_bad.py, line 32)"
    )
    assert blamed(caught.value, ["another:thing"]) is None


def test_a_call_that_a_users_function_does_not_take_is_blamed_on_it(own):
    rule = imported("own_bad:Raises", "x")
    with pytest.raises(TypeError, match="missing 1 required") as caught:
        rule.explain(None, 1, 2)
    assert blamed(caught.value, ["own_bad:Raises"]) == (
        "own_bad:Raises does not take what it is called with: Raises.explain() missing 1 required "
        "positional argument: 'target'"
    )
    assert blamed(caught.value, ["own_bad:Rule"]) is None
