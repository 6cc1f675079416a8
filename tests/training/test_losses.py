"""Losses against their definitions, in float64."""

import math

import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.training.losses import RegionPenalty, aam, losses, probabilities

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


ROWS = torch.tensor([3, 5, 9])


def region(rows):
    inside = torch.zeros(len(rows), 1, 2, 3, dtype=torch.bool)
    inside[:, :, 0] = True
    return inside


def penalty_of(model, inputs, labels, reference, weight=1.0):
    x = inputs.clone().requires_grad_()
    return RegionPenalty(weight, region, reference)(x, model(x), labels, ROWS)


def test_of_a_linear_model_it_and_its_slope_are_what_is_written_down(generator):
    inputs = torch.randn(3, 1, 2, 3, generator=generator, dtype=torch.float64)
    reference = torch.randn(1, 2, 3, generator=generator, dtype=torch.float64)
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 3)).double()
    labels = torch.tensor([0, 2, 1])
    found = penalty_of(model, inputs, labels, reference, weight=2.5)
    found.sum().backward()
    weight = model[1].weight.detach()
    slope = torch.zeros_like(weight)
    for n, label in enumerate(labels.tolist()):
        sign = torch.full((3,), -0.5, dtype=torch.float64)
        sign[label] = 1
        w, d = sign @ weight, (inputs[n] - reference).flatten()
        size, inside = (w * d).abs(), torch.arange(6) < 3
        share = size[inside].sum() / size.sum()
        torch.testing.assert_close(found[n], 2.5 * share, rtol=1e-12, atol=0)
        # d share / d w_i = sgn(w_i) |d_i| ([i inside] - share) / sum
        each = w.sign() * d.abs() * (inside.double() - share) / size.sum()
        slope += 2.5 * torch.outer(sign, each)
    torch.testing.assert_close(model[1].weight.grad, slope, rtol=1e-10, atol=1e-14)


def test_its_slope_is_that_of_differences_through_a_network(generator):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 2, 2), nn.Tanh(), nn.Flatten(), nn.Linear(4, 2)).double()
    inputs = torch.randn(3, 1, 2, 3, generator=generator, dtype=torch.float64)
    labels, reference = torch.tensor([0, 1, 1]), torch.zeros(1, 2, 3, dtype=torch.float64)
    penalty_of(model, inputs, labels, reference).sum().backward()
    for parameter in (model[0].weight, model[3].weight):
        for k in range(parameter.numel()):
            sums = []
            for step in (1e-6, -1e-6):
                with torch.no_grad():
                    parameter.view(-1)[k] += step
                sums.append(penalty_of(model, inputs, labels, reference).sum().item())
                with torch.no_grad():
                    parameter.view(-1)[k] -= step
            slope = (sums[0] - sums[1]) / 2e-6
            assert abs(slope - float(parameter.grad.view(-1)[k])) < 1e-7


def test_a_network_that_sees_nothing_has_none():
    model = nn.Sequential(nn.Flatten(), nn.Linear(6, 2)).double()
    nn.init.zeros_(model[1].weight)
    inputs = torch.ones(3, 1, 2, 3, dtype=torch.float64)
    found = penalty_of(model, inputs, torch.tensor([0, 1, 1]), torch.zeros(1, 2, 3).double())
    assert found.tolist() == [0, 0, 0]
