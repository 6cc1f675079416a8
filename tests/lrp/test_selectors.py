"""Layers picked by their place in the forward pass, and by several conditions at once."""

import warnings
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import (
    All,
    Composite,
    Depth,
    Epsilon,
    First,
    Last,
    LRPError,
    LRPWarning,
    NotExplainable,
    Uniform,
    Zero,
    attribute,
    describe,
)


class Six(nn.Module):
    """A norm and six layers that need a rule, of which the two middle ones are one module."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(2)
        self.a, self.b = nn.Conv1d(2, 2, 1), nn.Conv1d(2, 2, 1)
        self.pool = nn.AvgPool1d(2)
        self.twice = nn.Conv1d(2, 2, 1)
        self.head, self.own = nn.Linear(4, 3), nn.Parameter(torch.randn(2, 3))

    def forward(self, x):
        x = self.pool(self.b(self.a(self.norm(x))))
        x = self.twice(torch.relu(self.twice(x))).flatten(1)
        return F.linear(torch.relu(self.head(x)), self.own)


ORDER = ["norm", "a", "b", "pool", "twice", "twice", "head", ""]
"""The calls of ``Six`` that may take a rule."""
NEED = [1, 2, 4, 5, 6, 7]
"""Those that need one."""

CASES = {
    "first": (First(), [1]),
    "last": (Last(), [7]),
    "a third": (Depth(0, 1 / 3), [0, 1, 2, 3]),
    "the middle": (Depth(1 / 3, 2 / 3), [4, 5]),
    "the end": (Depth(2 / 3, 1), [6, 7]),
    "all": (Depth(0, 1), [0, 1, 2, 3, 4, 5, 6, 7]),
    "too thin for a second": (Depth(0, 0.01), [0, 1]),
    "between two": (Depth(0.01, 0.16), []),
    "a class and a depth": (All(nn.Conv1d, Depth(0, 1 / 3)), [1, 2]),
    "a pattern and a depth": (All("t*", Depth(0, 0.5)), [4]),
    "a class and first": (All(nn.Conv1d, First()), [1]),
    "first of another class": (All(nn.Linear, First()), []),
    "first and last": (All(First(), Last()), []),
    "a function and a class": (All(lambda name, module: name == "pool", nn.Module), [3]),
    "nested": (All(All(nn.Conv1d, "*"), Depth(0.5, 1), ("twice", "a")), [5]),
    "one alone": (All(Last()), [7]),
    "either class": ((nn.Conv1d, nn.AvgPool1d), [1, 2, 3, 4, 5]),
    "either pattern": (("a", "t*"), [1, 4, 5]),
    "a tuple of one": ((nn.Conv1d,), [1, 2, 4, 5]),
    "either, and a depth": (All((nn.Conv1d, nn.AvgPool1d), Depth(0, 1 / 3)), [1, 2, 3]),
}


@pytest.mark.parametrize("name", CASES)
def test_selection_in_the_order_of_the_forward_pass(name):
    selector, expected = CASES[name]
    composite = Composite([(selector, Zero()), (nn.Module, Epsilon(1))])
    layers = describe(Six().eval(), torch.randn(2, 2, 4), composite).layers
    assert [layer.name for layer in layers] == ORDER
    assert [i for i, layer in enumerate(layers) if isinstance(layer.rule, Zero)] == expected


@pytest.mark.parametrize("parts", [2, 3, 4, 5, 6, 7, 12, 36])
def test_parts_of_the_depth_take_every_layer_once(parts):
    ends = [i / parts for i in range(parts + 1)]
    rules = [Epsilon(1 + i) for i in range(parts)]
    pairs = [(Depth(*both), rule) for both, rule in zip(pairwise(ends), rules, strict=True)]
    layers = describe(Six().eval(), torch.randn(1, 2, 4), Composite(pairs)).layers
    found = [rules.index(layers[i].rule) for i in NEED]
    assert found == [number * parts // 6 for number in range(6)]


def test_selectors_by_position_leave_the_rest_without_a_rule():
    with pytest.raises(NotExplainable, match=r"module 'b' .* matches no selector"):
        describe(Six().eval(), torch.randn(1, 2, 4), Composite([(First(), Zero())]))


def test_a_model_without_layers_that_need_a_rule_has_a_depth_too():
    net = nn.Sequential(nn.BatchNorm1d(2), nn.AvgPool1d(2)).eval()
    layers = describe(net, torch.randn(1, 2, 4), Composite([(Depth(0, 0.1), Zero())])).layers
    assert [type(layer.rule) for layer in layers] == [Zero, Zero]
    layers = describe(net, torch.randn(1, 2, 4), Composite([(All(First(), Last()), Zero())])).layers
    assert [layer.rule for layer in layers] == [None, None]


WRONG_DEPTHS = [(0.5, 0.5), (0.6, 0.5), (-0.1, 0.5), (0, 1.1), (0, float("nan"))]


@pytest.mark.parametrize("ends", [*WRONG_DEPTHS, ("0", 1), (None, 1), (False, True)])
def test_fractions_that_are_no_part_of_the_depth_are_refused(ends):
    with pytest.raises(LRPError, match="0 <= start < stop <= 1; found Depth") as caught:
        Depth(*ends)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        (3, r"a selector is .*; found 3"),
        (None, r"a selector is .*; found None"),
        ((), r"a selector is .*; found \(\)"),
        ([nn.Conv1d], r"a selector is .* a tuple of either, .*; found \["),
        ((nn.Conv1d, 0.5), r"a selector is .*; found 0.5"),
        ((nn.Conv1d, None), r"a selector is .*; found None"),
        ((nn.Conv1d, First()), r"a tuple of classes or of patterns .* write All\(nn.Conv1d, First"),
        ((nn.Conv1d, "a"), r"what all of them pick write All\(nn.Conv1d, 'a'\)"),
        (int, "must be a torch module; found int"),
        (Zero, "must be a torch module; found Zero"),
        (First, r"found First; write First\(\)"),
        ((nn.Conv1d, Last), r"found Last; write Last\(\)"),
    ],
)
def test_what_selects_nothing_known_is_refused(selector, message):
    with pytest.raises(LRPError, match=message) as caught:
        Composite([(selector, Zero())])
    assert "\n" not in str(caught.value)


def test_a_composite_is_shown_as_it_is_written():
    composite = Composite(
        [(All(nn.Conv2d, First()), Epsilon(2)), (("b", "c"), Zero()), ((nn.Linear,), Zero())],
        merge_batch_norm=True,
    )
    shown = "[(All(nn.Conv2d, First()), Epsilon(2)), (('b', 'c'), Zero()), ((nn.Linear,), Zero())]"
    assert repr(composite) == f"Composite({shown}, merge_batch_norm=True)"


def test_all_needs_selectors_of_known_kinds():
    with pytest.raises(LRPError, match=r"All\(\) needs selectors"):
        All()
    with pytest.raises(LRPError, match=r"a selector is .*; found 0.5"):
        All(nn.Conv1d, 0.5)


def net_of_two():
    return nn.Sequential(nn.Conv1d(2, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(9, 2)).eval()


UNMET = {
    "a class": (nn.Conv2d, Epsilon(1)),
    "a pattern": ("features.*", Epsilon(1)),
    "all": (All(nn.Linear, First()), Epsilon(1)),
    "a rule for products": (nn.Linear, Uniform()),
}


@pytest.mark.parametrize("name", UNMET)
def test_a_pair_that_no_layer_meets_is_told(name):
    composite = Composite([UNMET[name], (nn.Module, Zero())])
    with pytest.warns(LRPWarning, match="no layer of the model meets the pair") as told:
        attribute(net_of_two(), torch.randn(1, 2, 4), 0, composite)
    assert len(told) == 1
    assert repr(UNMET[name][1]) in str(told[0].message)
    general = Composite(composite.rules, general=True)
    attribute(net_of_two(), torch.randn(1, 2, 4), 0, general)


@pytest.mark.parametrize(
    "pairs",
    [
        [((nn.Conv1d, nn.Conv2d), Epsilon(1)), (nn.Linear, Zero())],
        [(nn.Module, Zero()), (nn.Linear, Epsilon(1))],
        [(nn.Module, Uniform()), (nn.Module, Zero())],
    ],
    ids=["either", "met though another pair comes first", "for all"],
)
def test_a_pair_that_a_layer_meets_is_not(pairs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attribute(net_of_two(), torch.randn(1, 2, 4), 0, Composite(pairs))
