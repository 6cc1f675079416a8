"""Settings of an explainer that a stage itself uses."""

import pytest
import torch
from torch import nn

from speechlrp.data.explaining import Explaining, against_next, against_others, check
from speechlrp.errors import SpeechLRPError

SECTION = {
    "target": "label",
    "reference": "zero",
    "batch_size": 32,
    "examples": 2,
    "bands_hz": [0, 250, 500.5],
    "f0_hz": {"male": [85, 155]},
}


def test_the_usual_ones_pass():
    check(SECTION)
    check(SECTION | {"f0_hz": {}})
    check(SECTION | {"f0_hz": None})  # as for letters


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("target", "best", "unknown value of explainer.target 'best'"),
        ("reference", "loud", "unknown value of explainer.reference 'loud'"),
        ("batch_size", 0, "explainer.batch_size is 0; it must be at least 1"),
        ("batch_size", 2.5, "explainer.batch_size is 2.5; it must be a whole number"),
        ("examples", "two", "explainer.examples is two"),
        ("bands_hz", 5, "explainer.bands_hz must be rising limits in Hz.*found 5"),
        ("bands_hz", [5], r"must be rising limits.*found \[5\]"),
        ("bands_hz", [5, 1], "must be rising limits"),
        ("bands_hz", ["low", "high"], "must be rising limits"),
        ("bands_hz", "0,500", "must be rising limits"),
        ("bands_hz", None, "must be rising limits"),
        ("bands_hz", [0, float("nan")], "must be rising limits"),
        ("f0_hz", 5, "explainer.f0_hz must give classes two limits in Hz.*found 5"),
        ("f0_hz", [85, 155], "must give classes two limits"),
        ("f0_hz", {"male": 85}, "must give classes two limits"),
        ("f0_hz", {"male": [85]}, "must give classes two limits"),
        ("f0_hz", {"male": [155, 85]}, "must give classes two limits"),
        ("f0_hz", {"male": "85-155"}, "must give classes two limits"),
    ],
)
def test_lists_and_mappings_are_checked_as_numbers_are(key, value, message):
    with pytest.raises(SpeechLRPError, match=message) as caught:
        check(SECTION | {key: value})
    assert "\n" not in str(caught.value)


def test_a_contrast_is_the_class_less_the_mean_of_the_others():
    logits = torch.tensor([[1.0, 5.0, 3.0], [2.0, 0.0, 4.0]])
    weights = against_others(torch.tensor([1, 2]), 3)
    assert (logits * weights).sum(1).tolist() == [5 - 2, 4 - 1]


@pytest.mark.parametrize("end", [None, nn.Sigmoid(), nn.Softmax(1), nn.LogSoftmax(1)])
def test_logits_are_kept_of_a_network_that_ends_in_probabilities(end):
    torch.manual_seed(0)
    body = nn.Sequential(nn.Flatten(), nn.Linear(6, 3))
    net = (nn.Sequential(*body, end) if end else body).eval()
    explaining = Explaining(None, {})
    explaining.__dict__["_measured"] = net, torch.zeros(1)
    inputs = torch.randn(4, 1, 2, 3)
    with torch.no_grad():
        torch.testing.assert_close(explaining.logits(inputs, net(inputs)), body(inputs))


def test_the_rival_is_the_likeliest_of_the_others():
    logits = torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0]])
    weights = against_next(torch.tensor([0, 1]), logits)
    assert weights.tolist() == [[1, 0, -1], [-1, 1, 0]]
