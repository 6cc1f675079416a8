"""The price on relevance, against derivations by hand and by differences, in float64."""

import torch
from torch import nn

from speechlrp.training.region_penalty import RegionPenalty

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
