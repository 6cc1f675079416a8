"""Scores, explainers, rules and networks of a user's own: what they give is looked at."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import speechlrp
from speechlrp.data.explaining import Explaining, scored
from speechlrp.explainers.lrp import LRP
from speechlrp.lrp import Composite, Epsilon, LRPError, attribute
from speechlrp.measures.scores import Maps
from speechlrp.training.recipe import TrainSettings, build_optimizer

OWN = """
import numpy as np
from torch import nn
from speechlrp.explainers.base import Explainer
from speechlrp.lrp import Epsilon, Rule

def none(*_, **__):
    return None

def columns(maps):
    return {}

def texts(maps):
    return {"top": ["a"] * len(maps.relevance)}

def taken(maps):
    return {"id": np.zeros(len(maps.relevance))}

class Own(Explainer):
    units, sums_to = "logit", "nothing"
    def explain(self, model, inputs, target):
        return self.pair(model(inputs), inputs)

class Graph(Own):
    def pair(self, output, inputs):
        return output, inputs

class Flat(Own):
    def pair(self, output, inputs):
        return output.detach()[:, 0], inputs

class Nothing(Rule):
    def backward(self, layer, c):
        return None

class Same(Rule):
    def backward(self, layer, c):
        return c

def pairs():
    return [(nn.Module, Epsilon(0.1))]

def classes():
    return [(nn.Module, Epsilon)]

there = [(nn.Module, Epsilon(0.1))]
"""


@pytest.fixture
def own(written):
    written("own_other", OWN)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("texts", r"score own_other:texts gives top \[2\] of .*; it must give named columns"),
        ("columns", "score own_other:columns gives no columns; it must give named columns"),
        ("none", "score own_other:none gives NoneType; it must"),
        ("taken", "score own_other:taken gives a column 'id', which the table"),
    ],
)
def test_a_score_that_gives_no_numbers_is_named(own, refused, name, right):
    table = pd.DataFrame({"id": ["a", "b"]})
    maps = Maps(np.ones((2, 3, 4)), table, np.arange(3.0), np.arange(4.0), [0, 3], 1)
    refused(lambda: scored(f"own_other:{name}", maps), right)


@pytest.mark.parametrize(
    ("name", "right"),
    [("Graph", "gives tensors with a graph; .*detach"), ("Flat", r"an output of shape \[2\]")],
)
def test_an_explainer_that_gives_something_else_is_named(own, refused, name, right):
    kind = f"own_other:{name}"
    explaining = Explaining(SimpleNamespace(meta={"loss": ""}), {"kind": kind})
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    explaining.__dict__["_measured"] = (network, torch.zeros(1))
    refused(lambda: explaining.explain(torch.randn(2, 1, 3, 4), torch.tensor([0, 1])), right)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("Nothing", r"rule Nothing\(\) gives None for module '1' .* input's shape \[2, 12\]"),
        ("Same", r"rule Same\(\) gives \[2, 3\] for module '1'"),
    ],
)
def test_a_rule_that_gives_something_else_is_named(own, refused, name, right):
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).eval()
    lrp = LRP(rules=[{"layers": "Linear", "rule": f"own_other:{name}"}])
    refused(lambda: lrp.explain(network, torch.randn(2, 1, 3, 4), 1), right)


def test_pairs_of_selector_and_rule_are_a_composite(own, refused):
    network, inputs = nn.Sequential(nn.Linear(4, 3)).eval(), torch.randn(2, 4)
    wanted = attribute(network, inputs, 1, Composite([(nn.Module, Epsilon(0.1))]))[1]
    pairs = [(nn.Module, Epsilon(0.1))]
    for explainer in (
        LRP(rules=pairs), LRP(preset="own_other:pairs"), LRP(preset="own_other:there"),
    ):  # fmt: skip
        assert torch.equal(explainer.explain(network, inputs, 1)[1], wanted)
    assert torch.equal(speechlrp.explain(network, inputs, 1, pairs)[1], wanted)
    refused(
        lambda: LRP(preset="own_other:classes"),
        "own_other:classes: a rule must be an inst",
    )
    refused(lambda: LRP(preset="own_other:none"), "gives NoneType; it must give a Composite, or")
    with pytest.raises(LRPError, match=r"found list: make one of the pairs, Composite\(\["):
        attribute(network, inputs, 1, pairs)


def test_a_network_without_weights_to_train_is_refused(refused):
    network = nn.Linear(3, 2).requires_grad_(False)
    refused(lambda: build_optimizer(network, TrainSettings()), "nothing to train; .*requires_grad")
