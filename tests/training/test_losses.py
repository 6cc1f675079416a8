"""Losses against their definitions, in float64."""

import math

import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.training.losses import aam, losses, probabilities

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


@pytest.mark.parametrize("margin", [0.0, 0.2, 0.5])
def test_the_margin_is_added_to_the_targets_angle(margin):
    scale = 4.0
    angles = torch.tensor([[0.3, 1.0, 2.0], [2.8, 0.1, 3.1]], dtype=torch.float64)
    found = aam(scale * angles.cos(), torch.tensor([0, 1]), scale, margin)
    for loss, own, label in zip(found.tolist(), angles.tolist(), (0, 1), strict=True):
        logits = [scale * math.cos(a + margin * (k == label)) for k, a in enumerate(own)]
        expected = math.log(sum(map(math.exp, logits))) - logits[label]
        assert loss == pytest.approx(expected, abs=1e-9)


def test_beyond_the_half_turn_the_loss_still_rises_with_the_angle():
    angles = torch.linspace(0.01, math.pi - 0.01, 200, dtype=torch.float64)
    logits = torch.stack([8 * angles.cos(), torch.zeros_like(angles)], dim=1)
    found = aam(logits, torch.zeros(200, dtype=torch.int64), 8.0, 0.2)
    assert (found.diff() > 0).all()


def test_the_gradient_is_finite_where_the_angle_is_none():
    logits = torch.tensor([[32.0, 1.0]], requires_grad=True)
    aam(logits, torch.tensor([0]), 32.0, 0.2).sum().backward()
    assert logits.grad.isfinite().all()
