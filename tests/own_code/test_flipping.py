"""Measures of a curve, fill-ins and strategies of a user's own: what they give is looked at."""

import numpy as np
import pytest
import torch

from speechlrp.flipping.curve import check_measures
from speechlrp.flipping.fill_ins import Surroundings, fill_ins, filled_by
from speechlrp.flipping.strategies import flipping_order

OWN = """
import math
import numpy as np
import torch
from speechlrp.flipping.fill_ins import FillIn
from speechlrp.flipping.strategies import Strategy
from speechlrp.lrp import Epsilon

def text(*_, **__):
    return "low"

def none(*_, **__):
    return None

def two(first, second):
    return 1.0

def auc(curve):
    return 1.0

class Value(FillIn):
    def of(self, inputs, ids):
        return self.value(inputs)

class Number(Value):
    def value(self, inputs):
        return 0.0

class Whole(Value):
    def value(self, inputs):
        return torch.zeros_like(inputs)

class Nan(Value):
    def value(self, inputs):
        return inputs.flatten(1) * math.nan

class Array(Value):
    def value(self, inputs):
        return inputs.flatten(1).numpy()

class Late(Value):
    def value(self, inputs):
        return lambda flipped: None

class Double(Value):
    def value(self, inputs):
        return inputs.flatten(1).double() * 0 + 3

class Short(FillIn):
    def of(self, inputs):
        return inputs

class Bare(FillIn):
    def __init__(self): ...
    def of(self, inputs, ids): ...

class Log(Strategy):
    def priority(self, relevance):
        return relevance.log()

class Alone(Strategy):
    reverse = "lrp_reverse"
    def priority(self, relevance):
        return relevance

class Helped(Strategy):
    sharpness = 2
    def priority(self, relevance):
        return self.sharpened(relevance)
    def sharpened(self, relevance):
        return relevance ** self.sharpness
"""


@pytest.fixture
def own(written):
    written("own_flipping", OWN)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("text", "measure of a curve own_flipping:text gives str; it must give a number"),
        ("none", "own_flipping:none gives NoneType; it must give a number"),
        ("two", r"own_flipping:two raises TypeError: two\(\) missing 1 required"),
        ("auc", "auc is there twice"),
        ("tow", "unknown .*'tow'; known: (?!.*(Epsilon|math|np)).* Did you mean 'two'"),
    ],
)
def test_a_measure_of_a_curve_is_tried_before_anything_is_flipped(own, refused, name, right):
    counts = np.array([0, 5, 9])
    refused(lambda: check_measures([f"own_flipping:{name}"], counts, 10), right)


def test_a_column_of_a_measure_stands_for_one_function(own, refused, tmp_path):
    (tmp_path / "own_twin.py").write_text("def steep(curve):\n    return 1\n")
    (tmp_path / "own_twin2.py").write_text("def steep(curve):\n    return 2\n")
    counts = np.array([0, 5])
    check_measures(["own_twin:steep"], counts, 10)
    refused(lambda: check_measures(["own_twin:steep", "own_twin2:steep"], counts, 10), "steep")


AROUND = Surroundings(-8.0, torch.zeros(1, 2, 2), lambda: ([], torch.zeros(0)), 1)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("Number", r"baseline own_flipping:Number gives float; .* here \[4\] or \[3, 4\]"),
        ("Whole", r"baseline own_flipping:Whole gives \[3, 1, 2, 2\]"),
        ("Nan", "baseline own_flipping:Nan gives values that are not finite"),
        ("Array", "baseline own_flipping:Array gives ndarray"),
        ("Late", "baseline own_flipping:Late gives NoneType"),
        ("Short", r"own_flipping:Short raises TypeError: Short.of\(\) takes 2"),
        ("Bare", r"own_flipping:Bare raises TypeError: Bare.__init__\(\) takes 1"),
    ],
)
def test_a_fill_in_that_gives_something_else_is_named(own, refused, name, right):
    key, inputs, flipped = f"own_flipping:{name}", torch.randn(3, 1, 2, 2), torch.ones(3, 4) > 0

    def ask():
        values = filled_by(key, fill_ins([key], AROUND)[key], inputs, list("abc"))
        return values(flipped) if callable(values) else values

    refused(ask, right)


def test_a_fill_ins_numbers_are_of_the_inputs_kind(own):
    key, inputs = "own_flipping:Double", torch.randn(3, 1, 2, 2)
    values = filled_by(key, fill_ins([key], AROUND)[key], inputs, list("abc"))
    assert values.dtype == torch.float32
    assert torch.equal(values, torch.full((3, 4), 3.0))


def test_a_strategy_without_finite_numbers_is_named(own, refused):
    ask = lambda: flipping_order("own_flipping:Log", -torch.ones(1, 4), ["a"], 1)  # noqa: E731
    refused(ask, "strategy own_flipping:Log: bins cannot be ranked")


def test_the_opposite_of_a_strategy_must_be_one(own, refused):
    ask = lambda: flipping_order("own_flipping:Alone", torch.ones(1, 4), ["a"], 1)  # noqa: E731
    refused(ask, "reverse of strategy own_flipping:Alone: unknown .*'lrp_reverse'.*mean 'lrp_rev'")


def test_helpers_of_a_class_of_ones_own_are_its_own_affair(own):
    relevance = torch.tensor([[1.0, -3.0, 2.0]])
    assert flipping_order("own_flipping:Helped", relevance, ["a"], 1).tolist() == [[1, 2, 0]]
