"""Explainers and strategies of a user's own that are not what they should be."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from speechlrp.data.explaining import Explaining, scored
from speechlrp.errors import SpeechLRPError
from speechlrp.flipping.strategies import flipping_order

BROKEN = """
from speechlrp.explainers.base import Explainer
from speechlrp.flipping.strategies import Strategy

class Own(Explainer):
    units, sums_to = "x", "nothing"
    def explain(self, model, inputs, target):
        return model(inputs).detach(), inputs

class Raises(Own):
    def explain(self, model, inputs, target):
        raise KeyError("oops")

class Signature(Own):
    def explain(self, model):
        return model

class Alone(Own):
    def explain(self, model, inputs, target):
        return inputs

class Shape(Own):
    def explain(self, model, inputs, target):
        return model(inputs), inputs.mean(3)

class Nan(Own):
    def explain(self, model, inputs, target):
        return model(inputs), inputs * float("nan")

class Array(Own):
    def explain(self, model, inputs, target):
        return model(inputs), inputs.numpy()

class Unfinished(Strategy):
    pass

def columns(maps):
    return {"mine": maps.relevance.sum((1, 2))}

def short(maps):
    return {"mine": [1.0]}

def single(maps):
    return 0.5

def fails(maps):
    return {}["nothing"]
"""


@pytest.fixture
def explained(tmp_path, monkeypatch):
    (tmp_path / "brokenexplainers.py").write_text(BROKEN)
    monkeypatch.chdir(tmp_path)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2)).eval()
    network = SimpleNamespace(
        meta={"loss": "cross_entropy"}, measured_from=lambda _: (model, torch.zeros(1))
    )

    def explain(name):
        section = {"kind": f"brokenexplainers:{name}", "reference": "zero"}
        explaining = Explaining(network, section)
        return explaining.explain(torch.ones(2, 1, 3, 4), torch.tensor([0, 1]))

    return explain


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Raises", "Raises raises KeyError: 'oops'"),
        ("Signature", "Signature raises TypeError: .*positional arguments"),
        ("Alone", r"gives Tensor; .*relevance \[2, 1, 3, 4\] as a pair"),
        ("Shape", r"of shape \[2, 1, 3\]; .*\[2, 1, 3, 4\]"),
        ("Array", "gives Tensor, ndarray"),
        ("Nan", "not finite"),
    ],
)
def test_what_an_explainer_must_give(explained, name, message):
    with torch.no_grad(), pytest.raises(SpeechLRPError, match=message):
        explained(name)


def test_an_explainer_that_gives_it(explained):
    assert explained("Own")[1].shape == (2, 1, 3, 4)


def test_an_unfinished_strategy_is_not_blamed_on_the_features(explained):
    name = "brokenexplainers:Unfinished"
    with pytest.raises(SpeechLRPError, match=r"strategy .*Unfinished raises TypeError.*priority"):
        flipping_order(name, torch.ones(1, 4), ["a"], seed=1)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("short", r"gives mine \[1\] of float64; it must give named columns, of 2 numbers each"),
        ("single", "gives float; it must give named columns"),
        ("fails", "fails raises KeyError: 'nothing'"),
    ],
)
def test_what_a_score_must_give(explained, name, message):
    judged = SimpleNamespace(relevance=np.ones((2, 3, 4)), table=pd.DataFrame())
    assert list(scored("brokenexplainers:columns", judged)["mine"]) == [12, 12]
    with pytest.raises(SpeechLRPError, match=message):
        scored(f"brokenexplainers:{name}", judged)
