"""Which selector wins, and how a call finds its module."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, LRPError, NotExplainable, Rule, attribute


class Spy(Rule):
    """Writes down where it was used."""

    def __init__(self, log, word):
        self.log, self.word = log, word

    def backward(self, layer, c):
        self.log.append((layer.place.name, layer.operation, self.word))
        return layer.transpose(c)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.AvgPool1d(2))
        self.head = nn.Linear(6, 4)
        self.own = nn.Parameter(torch.randn(3, 4))

    def forward(self, x):
        x = self.features(x).flatten(1)
        x = F.relu(F.linear(x, self.head.weight, self.head.bias))
        return F.linear(x, self.own)


def used(pairs):
    log = []
    composite = Composite([(selector, Spy(log, word)) for selector, word in pairs])
    attribute(Net().eval(), torch.randn(2, 1, 8), 0, composite)
    return log


OWN, HEAD = ("", "linear"), ("head", "linear")
POOL, CONV = ("features.2", "avg_pool1d"), ("features.0", "conv1d")

SELECTIONS = {
    "classes": (
        [(nn.Linear, "a"), (nn.Conv1d, "b")],
        [(*OWN, "a"), (*HEAD, "a"), (*CONV, "b")],
    ),
    "first match wins": (
        [("head", "a"), (nn.Linear, "b"), (nn.Module, "c")],
        [(*OWN, "b"), (*HEAD, "a"), (*POOL, "c"), (*CONV, "c")],
    ),
    "patterns": (
        [("features.*", "a"), ("*", "b")],
        [(*OWN, "b"), (*HEAD, "b"), (*POOL, "a"), (*CONV, "a")],
    ),
    "functions": (
        [(lambda name, module: isinstance(module, Net), "a"), (lambda *_: True, "b")],
        [(*OWN, "a"), (*HEAD, "b"), (*POOL, "b"), (*CONV, "b")],
    ),
}


@pytest.mark.parametrize("name", SELECTIONS)
def test_selection(name):
    pairs, expected = SELECTIONS[name]
    assert used(pairs) == expected


def test_a_layer_without_a_rule_is_named_with_what_to_add():
    with pytest.raises(NotExplainable, match=r"conv1d in module 'features.0' \(Conv1d\)") as caught:
        used([(nn.Linear, "a")])
    assert "(nn.Conv1d, Epsilon(0.01))" in str(caught.value)


def test_shared_weights_belong_to_the_running_module():
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    b.weight = a.weight
    log = []
    net = nn.Sequential(a, nn.ReLU(), b, a).eval()
    attribute(net, torch.randn(1, 3), 0, Composite([(nn.Linear, Spy(log, "x"))]))
    assert [name for name, _, _ in log] == ["0", "2", "0"]


@pytest.mark.parametrize(
    "pair", [nn.Linear, (nn.Linear, Spy), (3, Spy([], "")), (int, Spy([], ""))]
)
def test_malformed_composites_are_refused(pair):
    with pytest.raises(LRPError):
        Composite([pair])
