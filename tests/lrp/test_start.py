"""Targets, starting relevance, and requests that cannot be met."""

import numpy as np
import pytest
import torch
from torch import nn

from speechlrp.lrp import Composite, LRPError, NotExplainable, Zero, attribute

ZERO = Composite([(nn.Module, Zero())])


def network():
    return nn.Sequential(nn.Linear(5, 8, bias=False), nn.ReLU(), nn.Linear(8, 3, bias=False))


@pytest.fixture
def net():
    return network().double().eval()


@pytest.fixture
def x():
    return torch.randn(4, 5, dtype=torch.float64)


STARTS = {
    "logit": lambda z: z,
    "one": torch.ones_like,
    "sigmoid": lambda z: 1 / (1 + torch.exp(-z)),
    "softmax": lambda z: torch.exp(z) / torch.exp(z).sum(1, keepdim=True),
}


@pytest.mark.parametrize("start", STARTS)
def test_relevance_sums_to_the_start(net, x, start):
    target = torch.tensor([0, 2, 1, 1])
    output, relevance = attribute(net, x, target, ZERO, start=start)
    wanted = STARTS[start](output)[range(4), target]
    torch.testing.assert_close(relevance.sum(1), wanted, rtol=1e-6, atol=1e-12)


def test_all_kinds_of_target_agree(net, x):
    expected = attribute(net, x, 2, ZERO)[1]
    weights = torch.zeros(4, 3, dtype=torch.float64)
    weights[:, 2] = 1
    for target in (
        torch.tensor(2).expand(4),
        torch.full((4,), 2, dtype=torch.int32),
        np.int64(2),
        weights,
        lambda z: z[:, 2],
        lambda z: z.mul_(weights),
        lambda z: z @ torch.tensor([0.0, 0.0, 1.0]).double(),
    ):
        torch.testing.assert_close(attribute(net, x, target, ZERO)[1], expected)


def test_function_picks_time_and_class_per_example():
    conv = nn.Conv1d(2, 3, 3, bias=False).double().eval()
    x = torch.randn(2, 2, 8, dtype=torch.float64)
    output, relevance = attribute(conv, x, lambda z: z[[0, 1], [2, 0], [5, 1]], ZERO)
    wanted = torch.stack([output[0, 2, 5], output[1, 0, 1]])
    torch.testing.assert_close(relevance.sum((1, 2)), wanted)
    assert relevance[0, :, :5].abs().sum() == 0


def test_weighting_with_a_start_weighs_the_starts(net, x):
    weights = torch.randn(4, 3, dtype=torch.float64)
    output, relevance = attribute(net, x, weights, ZERO, start="sigmoid")
    torch.testing.assert_close(relevance.sum(1), (weights * torch.sigmoid(output)).sum(1))


BAD = {
    "target 3 is out of range": {"target": 3},
    "target -1 is out of range": {"target": -1},
    "target 7 is out of range": {"target": torch.tensor([0, 1, 7, 0])},
    r"must have shape \[4\]; found \[3\]": {"target": torch.tensor([0, 1, 2])},
    r"must have shape \[4\]; found \[\]": {"target": torch.tensor(1)},
    r"must have shape \[4, 3\]; found \[4\]": {"target": torch.ones(4)},
    "target classes must be integers": {"target": torch.ones(4, dtype=torch.bool)},
    "target must be an int, a tensor or a function; found True": {"target": True},
    r"found \[0, 1\]": {"target": [0, 1]},
    "depends on the output": {"target": lambda z: torch.ones(3)},
    "which probability": {"target": 0, "start": "probability"},
    "unknown start 'logits'": {"target": 0, "start": "logits"},
    "inputs must be floating point; found torch.int64": {"inputs": torch.ones(4, 5).long()},
    "inputs must be a tensor; found list": {"inputs": [1.0]},
    "batch dimension": {"inputs": torch.tensor(1.0)},
    "not finite: 3 of 12 values": {"inputs": torch.tensor([[1.0] * 5] * 3 + [[torch.nan] * 5])},
    "composite must be a Composite; found list": {"composite": [(nn.Linear, Zero())]},
}


@pytest.mark.parametrize("message", BAD)
def test_bad_requests_are_one_clear_line(net, x, message):
    request = {"inputs": x, "target": 0, "composite": ZERO, "start": "logit"} | BAD[message]
    if isinstance(request["inputs"], torch.Tensor) and request["inputs"].is_floating_point():
        request["inputs"] = request["inputs"].double()
    with pytest.raises(LRPError, match=message) as caught:
        attribute(
            net, request["inputs"], request["target"], request["composite"], start=request["start"]
        )
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [nn.Dropout, nn.Dropout2d, nn.BatchNorm1d, nn.ReLU])
def test_training_mode_is_refused_by_name(net, x, kind):
    part = kind(8) if kind is nn.BatchNorm1d else kind()
    model = nn.Sequential(net[0], part, net[2])
    with pytest.raises(LRPError, match=r"the model \(Sequential\) is in training mode; call model"):
        attribute(model.train(), x, 0, ZERO)
    model.eval()[1].train()
    with pytest.raises(LRPError, match=rf"module '1' \({kind.__name__}\) is in training mode"):
        attribute(model, x, 0, ZERO)


def test_a_zero_logit_cannot_be_scaled():
    net = nn.Linear(2, 2).eval()
    nn.init.zeros_(net.weight)
    nn.init.zeros_(net.bias)
    with pytest.raises(LRPError, match="logit is exactly 0"):
        attribute(net, torch.ones(1, 2), 0, ZERO, start="one")
    assert attribute(net, torch.ones(1, 2), 0, ZERO)[1].tolist() == [[0.0, 0.0]]


def test_model_must_be_a_module_that_returns_a_tensor(x):
    class Two(nn.Module):
        def forward(self, x):
            return x, x

    with pytest.raises(LRPError, match="return one tensor; found tuple"):
        attribute(Two().eval(), x, 0, ZERO)
    with pytest.raises(LRPError, match="must be a torch module; found function"):
        attribute(torch.nn.functional.relu, x, 0, ZERO)


def test_class_target_needs_a_matrix_output():
    with pytest.raises(LRPError, match="give a function of the output"):
        attribute(nn.Conv1d(2, 3, 1).eval(), torch.randn(2, 2, 4), 0, ZERO)


def test_not_explainable_is_an_lrp_error_and_a_value_error():
    assert issubclass(NotExplainable, LRPError)
    assert issubclass(LRPError, ValueError)
