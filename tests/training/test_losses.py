"""Losses against their definitions, in float64."""

import math

import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.training.losses import losses, probabilities

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [-3.0, 0.0, 4.0]], dtype=torch.float64)
LABELS = torch.tensor([0, 1])


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


def test_bce():
    expected = []
    for z, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        terms = [math.log(sigmoid(v) if k == label else 1 - sigmoid(v)) for k, v in enumerate(z)]
        expected.append(-sum(terms) / 3)
    assert losses("bce", LOGITS, LABELS).tolist() == pytest.approx(expected, abs=1e-12)


def test_cross_entropy():
    expected = []
    for z, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        expected.append(math.log(sum(math.exp(v) for v in z)) - z[label])
    assert losses("cross_entropy", LOGITS, LABELS).tolist() == pytest.approx(expected, abs=1e-12)


def test_half_precision_logits_are_widened():
    assert losses("bce", LOGITS.bfloat16(), LABELS).dtype == torch.float32


def test_probabilities():
    expected = [[sigmoid(v) for v in z] for z in LOGITS.tolist()]
    assert probabilities("bce", LOGITS).tolist() == [pytest.approx(e) for e in expected]
    soft = probabilities("cross_entropy", LOGITS)
    assert soft.sum(dim=1).tolist() == pytest.approx([1, 1])
    assert (soft[0, 0] / soft[0, 1]).item() == pytest.approx(math.exp(3))


def test_unknown():
    with pytest.raises(SpeechLRPError, match="unknown loss"):
        losses("mse", LOGITS, LABELS)
