"""A user's own code: a network, whose source makes stages stale; an explainer, score, strategy."""

import shutil
import sys

import h5py
import numpy as np
import pandas as pd
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


def test_a_network_that_does_not_fit_is_told_before_the_features_are_made(own, project, tmp_path):
    (tmp_path / "net.py").write_text(NET.replace("64, classes", "63, classes"))
    said = one_line(own("preprocess", "run=unfit"))
    assert "model.factory=net:make: for inputs of shape" in said
    assert not list(project.outputs.glob("unfit/**/features.h5"))


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


@pytest.fixture
def bare(finished, tmp_path, project_class):
    """A network and its features, and nothing else."""
    for part in (finished.features, finished.run / "train"):
        shutil.copytree(part, tmp_path / "outputs" / part.relative_to(finished.outputs))
    return project_class(finished.data, tmp_path / "outputs")


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "own_compared_5.py").write_text(
        "import numpy as np\n"
        "from speechlrp.explainers.sensitivity import Sensitivity\n"
        "from speechlrp.flipping.strategies import Largest\n"
        "class Slope(Sensitivity):\n    units = 'own'\n"
        "from speechlrp.flipping.fill_ins import FillIn\n"
        "class Big(Largest):\n    reverse = ''\n"
        "class Halved(FillIn):\n    def of(self, inputs, ids): return inputs.flatten(1) / 2\n"
        "def loudest(maps):\n    return {'loudest': np.abs(maps.relevance).max((1, 2))}\n"
        "def last(curve):\n    return curve.accuracy[-1]\n"
    )
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("own_compared_5", None)


@pytest.mark.usefixtures("mine")
def test_explainer_score_strategy_and_measure_of_a_users_own(bare):
    own = "own_compared_5:Slope"
    asking = "sparseness,infidelity,sensitivity_n,stability,sufficiency,masking"
    few = ("compare.examples=2", f"compare.scores='own_compared_5:loudest,{asking}'")
    done = bare.speechlrp("compare", "--explainers", f"random,{own}", *few)
    assert done.returncode == 0, done.stderr
    scores = pd.read_csv(bare.run / "compare/train-test" / "scores.csv").set_index(
        ["explainer", "score"]
    )
    assert scores.loc[(own, "loudest"), "mean"] > 0
    for column in ("gini", "infidelity", "max_sensitivity", "sufficiency", "drop"):
        assert np.isfinite(scores.loc[("random", column), "mean"])
    with h5py.File(bare.run / "compare/train-test" / f"maps/{own}.h5") as file:
        assert file["relevance"].attrs["units"] == "own"
    explainer = ("explainer=custom", f"explainer.kind={own}", "explainer.name=slope")
    assert bare.speechlrp("explain", *explainer).returncode == 0
    strategy = ("--strategy", "own_compared_5:Big", "flipping.measures=[own_compared_5:last]")
    done = bare.speechlrp("flip", *explainer, *strategy)
    assert done.returncode == 0, done.stderr
    (summary,) = bare.run.glob("flip/*slope*/summary.csv")
    table = pd.read_csv(summary)
    assert table.strategy.tolist() == ["own_compared_5:Big"]
    assert 0 <= table["last"][0] <= 1
    for baseline in ("neighbours", "donor", "noise"):
        done = bare.speechlrp("flip", *explainer, "--baseline", baseline, "--strategy", "lrp_abs")
        assert done.returncode == 0, done.stderr
    line = one_line(bare.speechlrp("flip", *explainer, "--strategy", "own_compared_5:Slope"))
    assert "own_compared_5:Slope is the class Slope; it must be a class derived from" in line


@pytest.mark.usefixtures("mine")
def test_a_fill_in_of_a_users_own_augments_and_its_weights_have_its_name(bare):
    fill = ("--fill", "own_compared_5:Halved")
    line = one_line(bare.speechlrp("retrain", "--random", *fill))
    assert "make it with `speechlrp augment --fill own_compared_5:Halved --random" in line
    for verb in ("augment", "retrain"):
        done = bare.speechlrp(verb, "--random", *fill)
        assert done.returncode == 0, done.stderr
    with (
        h5py.File(next(bare.run.parent.glob("*/preprocess/features.h5"))) as before,
        h5py.File(next(bare.run.glob("augment/own_compared_5*/features.h5"))) as after,
    ):
        rows = before["table/subset"].asstr()[:] == "train"
        plain, made = before["features"][:][rows], after["features"][:]
    changed = plain != made
    assert changed.any()
    np.testing.assert_array_equal(made[changed], plain[changed] / 2)
    done = bare.speechlrp("evaluate", "--weights", "aug_own_compared_5:Halved_random")
    assert done.returncode == 0, done.stderr
    line = one_line(bare.speechlrp("augment", "--random", "--fill", "own_compared_5:Big"))
    assert "own_compared_5:Big is the class Big; it must be a class derived from" in line
