"""Sensitivity, gradient times input, integrated gradients, SmoothGrad, against closed forms."""

import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.integrated_gradients import METHODS, IntegratedGradients
from speechlrp.explainers.sensitivity import GradientXInput, Sensitivity, SmoothGrad
from speechlrp.lrp import Composite, Zero, attribute
from speechlrp.measures.absorption import completeness
from tests.explainers import nets

TARGET = torch.tensor([2, 0, 1, 1])


@pytest.fixture
def inputs(generator):
    return torch.randn(4, 1, 8, 9, generator=generator, dtype=torch.float64)


def _numerical(model, x, target, step=1e-6):
    """The gradient by central differences."""
    found = torch.zeros_like(x)
    for place in range(x[0].numel()):
        up, down = x.clone(), x.clone()
        up.flatten(1)[:, place] += step
        down.flatten(1)[:, place] -= step
        with torch.no_grad():
            change = (model(up) - model(down)).gather(1, target[:, None])[:, 0] / (2 * step)
        found.flatten(1)[:, place] = change
    return found


def test_sensitivity_is_the_slope(inputs):
    model = nets.piecewise(bias=True)
    output, found = Sensitivity().explain(model, inputs, TARGET)
    assert torch.equal(output, model(inputs.clone()).detach())
    torch.testing.assert_close(found, _numerical(model, inputs, TARGET), atol=1e-8, rtol=1e-6)
    assert torch.equal(Sensitivity("absolute").explain(model, inputs, TARGET)[1], found.abs())
    assert torch.equal(Sensitivity("square").explain(model, inputs, TARGET)[1], found**2)


@pytest.mark.parametrize("start", ["softmax", "sigmoid"])
def test_the_slope_of_a_probability(start, inputs):
    model = nets.piecewise(bias=True)
    ends = nn.Softmax(dim=1) if start == "softmax" else nn.Sigmoid()
    found = Sensitivity(start=start).explain(model, inputs, TARGET)[1]
    slope = _numerical(nn.Sequential(model, ends), inputs, TARGET)
    torch.testing.assert_close(found, slope, atol=1e-8, rtol=1e-6)


def test_gradient_x_input_is_lrp_zero_without_biases(inputs):
    model = nets.piecewise(bias=False)
    output, found = GradientXInput().explain(model, inputs, TARGET)
    lrp = attribute(model, inputs, TARGET, Composite([(nn.Module, Zero())]))[1]
    torch.testing.assert_close(found, lrp)
    torch.testing.assert_close(found.sum((1, 2, 3)), output.gather(1, TARGET[:, None])[:, 0])


def test_of_a_linear_model_all_are_its_weights(generator):
    model = nets.linear()
    x = torch.randn(4, 1, 4, 5, generator=generator).double()
    base = torch.randn(1, 4, 5, generator=generator).double()
    weights = model[1].weight[TARGET].view_as(x).detach()
    wanted = {
        Sensitivity(): weights,
        SmoothGrad(7, noise=0.3): weights,
        GradientXInput(): weights * x,
        IntegratedGradients(3): weights * x,
        IntegratedGradients(3, baseline=base): weights * (x - base),
        IntegratedGradients(2, baseline=0.5, method="gauss"): weights * (x - 0.5),
    }
    for explainer, relevance in wanted.items():
        output, found = explainer.explain(model, x, TARGET)
        torch.testing.assert_close(found, relevance)
        assert torch.equal(output, model(x).detach())


@pytest.mark.parametrize("method", METHODS)
def test_integrated_gradients_of_one_linear_piece_are_complete(method, inputs):
    """Without biases the way from 0 crosses no kink, so that the integral is exact."""
    explainer = IntegratedGradients(5, method=method)
    model = nets.piecewise(False)
    output, found = explainer.explain(model, inputs, TARGET)
    error = _gap(explainer, model, inputs, found)
    assert error.abs().max() < 1e-6
    picked = output.gather(1, TARGET[:, None])[:, 0]
    torch.testing.assert_close(found.sum((1, 2, 3)), picked, atol=1e-6, rtol=0)


def test_integrated_gradients_across_kinks_become_complete(inputs):
    model, base = nets.piecewise(bias=True), torch.full((1, 8, 9), -0.2)
    few, many = (
        _gap(explainer, model, inputs, explainer.explain(model, inputs, TARGET)[1]).abs().max()
        for explainer in (IntegratedGradients(10, base), IntegratedGradients(4000, base))
    )
    assert few > 1e-4
    assert many < few / 50


@pytest.mark.parametrize("method", METHODS)
def test_the_integral_of_a_smooth_model_converges(method, generator):
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double().eval()
    x = torch.randn(4, 6, generator=generator).double()
    steps = {"midpoint": 2000, "gauss": 16}[method]
    explainer = IntegratedGradients(steps, 0.1, method, start="softmax")
    output, found = explainer.explain(model, x, TARGET)
    error = _gap(explainer, model, x, found)
    assert error.abs().max() < 1e-7
    change = output.softmax(1) - model(torch.full_like(x, 0.1)).softmax(1).detach()
    torch.testing.assert_close(
        found.sum(1), change.gather(1, TARGET[:, None])[:, 0], atol=1e-7, rtol=0
    )


def test_integrated_gradients_are_the_weighted_sum_that_a_loop_makes(inputs):
    model, base = nets.piecewise(bias=True), torch.full((1, 8, 9), 0.3).double()
    for method in METHODS:
        total = torch.zeros_like(inputs)
        for place, weight in zip(*METHODS[method](7), strict=True):
            between = base + place * (inputs - base)
            total += weight * Sensitivity().explain(model, between, TARGET)[1]
        for size in (1, 9, 100):
            explainer = IntegratedGradients(7, base, method, pass_size=size)
            found = explainer.explain(model, inputs, TARGET)[1]
            torch.testing.assert_close(found, total * (inputs - base))


def test_smoothgrad_without_noise_is_sensitivity(inputs):
    model = nets.piecewise(bias=True)
    for magnitude in ("signed", "absolute", "square"):
        plain = Sensitivity(magnitude).explain(model, inputs, TARGET)[1]
        found = SmoothGrad(3, noise=0.0, magnitude=magnitude).explain(model, inputs, TARGET)[1]
        torch.testing.assert_close(found, plain)


def test_smoothgrad_of_a_parabola(generator):
    """f = w sum x^2: the gradient is 2 w x, its mean square 4 w^2 (x^2 + deviation^2)."""

    class Parabola(nn.Module):
        def forward(self, x):
            return (x**2).sum(1, keepdim=True) * torch.tensor([1.0, 3.0])

    x = torch.randn(3, 6, generator=generator).double()
    target, scale = torch.tensor([0, 1, 1]), torch.tensor([1.0, 3.0, 3.0])[:, None]
    deviation = 0.2 * (x.amax(1) - x.amin(1))[:, None]
    mean, square = (
        torch.stack(
            [
                SmoothGrad(200, 0.2, seed, kind).explain(Parabola().eval(), x, target)[1]
                for seed in range(20)
            ]
        )
        for kind in ("signed", "square")
    )
    standard_error = 2 * scale * deviation / 4000**0.5
    assert ((mean.mean(0) - 2 * scale * x).abs() < 5 * standard_error).all()
    torch.testing.assert_close(mean.std(0).mean(1), (2 * scale * deviation / 200**0.5)[:, 0],
                               rtol=0.25, atol=0)  # fmt: skip
    wanted = 4 * scale**2 * (x**2 + deviation**2)
    torch.testing.assert_close(square.mean(0), wanted, rtol=0.2, atol=0)


def test_seeds_decide_the_noise(inputs):
    model = nets.piecewise(bias=True)
    first, again, other = (
        SmoothGrad(4, seed=seed).explain(model, inputs, TARGET)[1] for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_a_baseline_that_does_not_fit_is_refused(inputs):
    with pytest.raises(SpeechLRPError, match=r"baseline of shape \[3\] does not fit .*\[4, 1, 8"):
        IntegratedGradients(3, torch.zeros(3)).explain(nets.piecewise(True), inputs, TARGET)


def test_completeness_error_of_any_relevance(inputs):
    model = nets.piecewise(bias=True)
    error = _gap(IntegratedGradients(1, 0.1), model, inputs, torch.zeros_like(inputs))
    change = model(inputs.clone()) - model(torch.full_like(inputs, 0.1))
    torch.testing.assert_close(error, -change.gather(1, TARGET[:, None])[:, 0].detach())


def _gap(explainer, model, inputs, relevance):
    return completeness(explainer, model, inputs, TARGET, relevance)["completeness_error"]
