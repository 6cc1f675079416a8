"""Code of a user's own, of every table: what it imports, and what it does wrong, in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from speechlrp.audio import FEATURES
from speechlrp.config.schema import call
from speechlrp.errors import SpeechLRPError
from speechlrp.explainers import EXPLAINERS
from speechlrp.explainers.composites import from_preset, from_rules
from speechlrp.registry import blamed

PROJECT = Path(__file__).resolve().parents[1]
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
ASK = """
from {table}
model = {call}
"""


@pytest.mark.parametrize(
    ("table", "call"),
    [
        ("speechlrp.models import MODELS", "MODELS['own_audio:make'](classes=3)"),
        ("speechlrp.models import MODELS", "MODELS['custom'](3, factory='own_audio:make')"),
        ("speechlrp.explainers import EXPLAINERS", "EXPLAINERS['own_audio:Mine']"),
    ],
)
def test_torchaudio_can_be_imported_from_a_users_module(tmp_path, table, call):
    (tmp_path / "own_audio.py").write_text(OWN)
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(table=table, call=call)], cwd=tmp_path, text=True,
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
        lambda: call("explainer X", EXPLAINERS["own_bad:Raises"], {}),
        r"explainer X raises KeyError: 'size' \(own_bad.py, line 11\)",
    ),
    "an explainer that ends the program": (
        lambda: call("explainer X", EXPLAINERS["own_bad:Quits"], {}),
        r"explainer X raises SystemExit: +\(own_bad.py, line 16\)",
    ),
    "an explainer that does not explain": (
        lambda: call("explainer X", EXPLAINERS["own_bad:Unfinished"], {}),
        "abstract",
    ),
    "a rule that raises": (lambda: from_rules(SECTION, False), "ZeroDivisionError: no epsilon"),
    "a preset that raises": (lambda: from_preset("own_bad:preset", {}, None), "several lines"),
    "features that are not whole": (
        lambda: call("features X", FEATURES["own_bad:Features"], {}),
        "features X raises TypeError: Can't instantiate abstract class",
    ),
    "a setting that it does not take": (
        lambda: call("explainer X", EXPLAINERS["own_bad:Raises"], {"sizes": 3}),
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
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_bad.py").write_text(BAD)
    (tmp_path / "own_broken.py").write_text("import nowhere\n")
    (tmp_path / "own_quits.py").write_text("import sys\nsys.exit(3)\n")
    (tmp_path / "own_syntax.py").write_text("def x(:\n")
    yield
    sys.modules.pop("own_bad", None)


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_a_users_code_does_wrong_is_one_line(own, name):
    ask, right = SITUATIONS[name]
    with pytest.raises(SpeechLRPError, match=right) as caught:
        ask()
    assert "\n" not in str(caught.value)


def test_an_error_is_blamed_on_a_users_code_where_it_passed_through(own):
    entry = __import__("speechlrp.registry").registry.imported("own_bad:late", "x")
    with pytest.raises(ValueError, match="invalid literal") as caught:
        entry()
    words = blamed(caught.value, ["own_bad:late"])
    assert words == (
        "own_bad raises ValueError: invalid literal for int() with base 10: 'x' "
        "(own_bad.py, line 32)"
    )
    assert blamed(caught.value, ["another:thing"]) is None
