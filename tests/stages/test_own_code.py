"""A network of the user's own: its source is part of what makes a stage stale."""

import sys

import pytest

from tests.stages.test_contract import one_line

NET = """
from torch import nn
from parts import pool
def make(classes):
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, stride=4), nn.ReLU(), pool(), nn.Flatten(), nn.Linear(64, classes))
"""
PARTS = "from torch import nn\ndef pool():\n    return nn.AdaptiveAvgPool2d(4)\n"
OWN = ("model=custom", "model.factory=net:make", "model.input_scale=0.0125", "trainer.epochs=1")


@pytest.fixture
def own(project, tmp_path, monkeypatch):
    """A trained network of the user's own, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "parts.py").write_text(PARTS)
    yield lambda *words: project.speechlrp(*words, settings=OWN)
    for name in ("net", "parts"):
        sys.modules.pop(name, None)


def test_edited_code_trains_again_and_is_not_given_old_weights(own, tmp_path):
    for verb in ("preprocess", "train", "evaluate"):
        done = own(verb)
        assert done.returncode == 0, done.stderr
    assert "complete, nothing to do" in own("train").stdout
    # The network is the same file; what it imports has changed, and its weights still fit.
    (tmp_path / "parts.py").write_text(PARTS.replace("Avg", "Max"))
    for name in ("net", "parts"):
        sys.modules.pop(name)
    refused = one_line(own("evaluate", "--force"))
    assert "net:make" in refused
    assert "parts" in refused
    assert "`speechlrp train" in refused
    again = own("train")
    assert "the code of net:make changed; running again" in again.stdout
    assert own("evaluate").returncode == 0


LATE = """
import sys
from speechlrp.explainers.base import Explainer

class Quits(Explainer):
    units, sums_to = "logit", "nothing"
    def explain(self, model, inputs, target):
        sys.exit(0)

class Raises(Quits):
    def explain(self, model, inputs, target):
        return inputs.reshape(-1, 7)
"""


@pytest.mark.parametrize(("name", "words"), [("Quits", "SystemExit: 0"), ("Raises", "shape")])
def test_an_explainer_that_goes_wrong_at_work_is_one_line(
    copied, tmp_path, monkeypatch, name, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "late.py").write_text(LATE)
    said = one_line(copied.speechlrp("explain", "explainer=custom", f"explainer.kind=late:{name}"))
    assert words in said
    assert "late.py, line" in said
    sys.modules.pop("late", None)
