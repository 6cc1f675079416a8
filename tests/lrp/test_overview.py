"""What a composite does to a model, before it is used."""

import pytest
import torch
from torch import nn

from speechlrp.lrp import (
    Composite,
    Epsilon,
    Gamma,
    LRPError,
    NotExplainable,
    Pass,
    SignCorrected,
    Zero,
    describe,
)


def network():
    block = nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.ReLU())
    return nn.Sequential(block, nn.AvgPool1d(2), nn.Flatten(), nn.Linear(6, 2)).eval()


CONV, NORM, POOL, HEAD = ("0.0", "conv1d"), ("0.1", "batch_norm"), ("1", "avg_pool1d"), "3"
BOTH = ("0.0", "conv1d + batch_norm")


@pytest.mark.parametrize(
    ("rule", "merge", "expected"),
    [
        (Epsilon(1), False, [(*CONV, "Epsilon(1)"), (*NORM, "Pass()")]),
        (Epsilon(1), True, [(*BOTH, "Epsilon(1)")]),
        (SignCorrected(scale=False), False, [(*BOTH, "SignCorrected(1e-21, scale=False)")]),
    ],
)
def test_every_layer_with_its_rule(rule, merge, expected):
    pairs = [(nn.Conv1d, rule), (nn.BatchNorm1d, Pass()), ("3", Zero())]
    found = describe(network(), torch.randn(1, 1, 8), Composite(pairs, merge_batch_norm=merge))
    rows = [(*layer[:2], repr(layer.rule)) for layer in found.layers]
    assert rows == [*expected, (*POOL, "None"), (HEAD, "linear", "Zero()")]
    assert found.unused == []


def test_pairs_that_no_layer_takes_are_named():
    pairs = [("heaf", Zero()), (nn.Module, Epsilon(1)), (nn.Conv1d, Gamma(1))]
    found = describe(network(), torch.randn(1, 1, 8), Composite(pairs))
    assert found.unused == [pairs[0], pairs[2]]
    last = str(found).splitlines()[-2:]
    assert last == ["no layer takes ('heaf', Zero())", "no layer takes (nn.Conv1d, Gamma(1))"]


def test_it_prints_as_a_table():
    pairs = [(nn.Conv1d, Epsilon(0.5)), (nn.Linear, Zero())]
    found = describe(network(), torch.randn(1, 1, 8), Composite(pairs, merge_batch_norm=True))
    assert str(found).splitlines() == [
        "module  operation            rule",
        "0.0     conv1d + batch_norm  Epsilon(0.5)",
        "1       avg_pool1d           gradient",
        "3       linear               Zero()",
    ]


def test_it_is_refused_where_an_explanation_would_be():
    x, rules = torch.randn(1, 1, 8), Composite([(nn.Module, Zero())])
    with pytest.raises(LRPError, match="training mode"):
        describe(network().train(), x, rules)
    with pytest.raises(LRPError, match="floating point"):
        describe(network(), x.long(), rules)
    with pytest.raises(LRPError, match="must be a Composite; found list"):
        describe(network(), x, [(nn.Module, Zero())])
    with pytest.raises(NotExplainable, match="linear in module '3'"):
        describe(network(), x, Composite([(nn.Conv1d, Zero())]))


def test_it_works_without_gradients_and_leaves_none():
    net, x = network(), torch.randn(1, 1, 8)
    with torch.inference_mode():
        found = describe(net, x, Composite([(nn.Module, Zero())]))
    assert len(found.layers) == 4
    assert all(parameter.grad is None for parameter in net.parameters())
