"""Activation maximisation against closed forms and against Adam written out."""

import math

import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.neurons.maximize import MaximizeSettings, maximize
from speechlrp.neurons.neurons import Neuron
from tests.explainers import nets

SHAPE = (6, 12)
NEURONS = [Neuron("0", 2), Neuron("1", 0, 3), Neuron("3", 4), Neuron("3", 1, -1), Neuron("0", 2, 1)]
PLAIN = {"l1": 0.0, "l2": 0.0}


@pytest.fixture
def model():
    return nets.sequence()


def test_it_starts_xavier_uniform_and_the_same_for_all():
    model = nn.Sequential(nn.Conv1d(40, 7, 3)).double().eval()
    neurons = [Neuron("0", channel) for channel in range(5)]
    inputs, history = maximize(model, neurons, (40, 60), MaximizeSettings(steps=0))
    assert inputs.dtype == torch.float64
    assert history.shape == (1, 5)
    bound = math.sqrt(6 / (40 + 60))
    assert 0.98 * bound < inputs.abs().max() <= bound
    assert abs(float(inputs[0].var()) / (bound**2 / 3) - 1) < 0.1
    assert torch.equal(inputs[0], inputs[4])
    other = maximize(model, neurons[:1], (40, 60), MaximizeSettings(steps=0, seed=2)).inputs
    assert not torch.equal(inputs[:1], other)


def test_a_linear_neuron_wants_its_weights_sign(model):
    """Of a linear neuron Adam's step is the learning rate times the gradient's sign."""
    settings = MaximizeSettings(steps=30, learning_rate=0.05, **PLAIN)
    neurons = [Neuron("0", 2, 0), Neuron("0", 5, 0)]
    inputs, history = maximize(model, neurons, (6, 3), settings)
    start = maximize(model, neurons, (6, 3), MaximizeSettings(steps=0)).inputs
    weights = model[0].weight[[2, 5]].detach()
    torch.testing.assert_close(inputs, start + 30 * 0.05 * weights.sign(), atol=1e-5, rtol=0)
    reached = (weights * inputs).sum((1, 2)) + model[0].bias[[2, 5]].detach()
    torch.testing.assert_close(history[-1], reached)
    torch.testing.assert_close(
        history.diff(dim=0), (0.05 * weights.abs().sum((1, 2))).expand(30, 2), atol=1e-5, rtol=0
    )


def test_l1_and_l2_have_their_own_optimum(model):
    """The maximum of w x - l1 |x| - l2 / 2 x^2 is w less l1, towards 0, over l2."""
    settings = MaximizeSettings(steps=3000, learning_rate=0.01, l1=0.05, l2=0.4)
    inputs = maximize(model, [Neuron("0", 2, 0)], (6, 3), settings).inputs
    weights = model[0].weight[2].detach()
    wanted = weights.sign() * (weights.abs() - 0.05).clamp(min=0) / 0.4
    torch.testing.assert_close(inputs[0], wanted, atol=2e-2, rtol=0)
    assert (wanted == 0).any()


def test_a_batch_is_one_after_the_other(model):
    settings = MaximizeSettings(steps=12, total_variation=0.01, jitter=(1, 2))
    together = maximize(model, NEURONS, SHAPE, settings)
    for index, neuron in enumerate(NEURONS):
        alone = maximize(model, [neuron], SHAPE, settings)
        torch.testing.assert_close(alone.inputs[0], together.inputs[index])
        torch.testing.assert_close(alone.history[:, 0], together.history[:, index])
    assert (together.history[-1] > together.history[0]).all()


def test_adam_written_out(model):
    neuron, rate = Neuron("1", 3, 2), 0.05
    found = maximize(model, [neuron], SHAPE, MaximizeSettings(steps=9, total_variation=0.02))
    x = maximize(model, [neuron], SHAPE, MaximizeSettings(steps=0)).inputs
    first, second = torch.zeros_like(x), torch.zeros_like(x)
    for step in range(1, 10):
        leaf = x.clone().requires_grad_()
        loss = 0.001 * leaf.abs().sum() + 0.0005 * leaf.pow(2).sum() - model[:2](leaf)[0, 3, 2]
        loss = loss + 0.02 * (leaf[:, 1:] - leaf[:, :-1]).abs().sum()
        loss = loss + 0.02 * (leaf[:, :, 1:] - leaf[:, :, :-1]).abs().sum()
        loss.backward(inputs=[leaf])
        first = 0.9 * first + 0.1 * leaf.grad
        second = 0.999 * second + 0.001 * leaf.grad**2
        mean, square = first / (1 - 0.9**step), second / (1 - 0.999**step)
        x = x - rate * mean / (square.sqrt() + 1e-8)
    torch.testing.assert_close(found.inputs, x, atol=1e-6, rtol=0)


def test_total_variation_smooths_and_jitter_moves(model):
    neuron = [Neuron("0", 2)]
    plain, smooth, moved = (
        maximize(model, neuron, SHAPE, MaximizeSettings(steps=60, **more)).inputs
        for more in ({}, {"total_variation": 0.02}, {"jitter": (0, 4)})
    )

    def variation(x):
        return float(x.diff(dim=-1).abs().sum() + x.diff(dim=-2).abs().sum())

    assert variation(smooth) < 0.7 * variation(plain)
    assert not torch.allclose(moved, plain)


def test_the_model_is_left_as_it_was(model):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.random.get_rng_state()
    with torch.inference_mode():
        maximize(model, NEURONS, SHAPE, MaximizeSettings(steps=2))
    for bad in (NEURONS[0]._replace(channel=7), Neuron("4", 0), Neuron("0", 0, 10)):
        with pytest.raises(SpeechLRPError):
            maximize(model, [NEURONS[2], bad], SHAPE, MaximizeSettings(steps=2))
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert not any(module._forward_hooks for module in model.modules())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_the_pass_stops_behind_the_last_module_asked():
    class Never(nn.Module):
        def forward(self, x):
            raise AssertionError("not needed")

    net = nn.Sequential(nn.Conv1d(6, 4, 3), nn.Conv1d(4, 4, 3), Never()).eval()
    maximize(net, [Neuron("0", 1), Neuron("1", 1)], SHAPE, MaximizeSettings(steps=1))


def test_two_dimensional_networks():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(40, 3)).eval()
    neurons = [Neuron("0", 3), Neuron("2", 1)]
    inputs, history = maximize(net, neurons, (1, 4, 7), MaximizeSettings(steps=5))
    assert inputs.shape == (2, 1, 4, 7)
    assert (history[-1] > history[0]).all()


def test_what_cannot_be_maximised_is_an_expected_error(model):
    aside = nn.Sequential(nn.Conv1d(6, 4, 3)).eval()
    aside.never = nn.Identity().eval()
    aside.forward = aside[0].forward
    cases = [
        (model, [], "no neurons"),
        (model, [Neuron("5", 0)], "no module '5'"),
        (model, [Neuron("", 0)], "no module ''"),
        (nets.sequence().train(), NEURONS, "training mode"),
        (aside, [Neuron("never", 0)], "'never' did not run"),
    ]
    for net, neurons, message in cases:
        with pytest.raises(SpeechLRPError, match=message):
            maximize(net, neurons, SHAPE, MaximizeSettings(steps=1))
    endless = MaximizeSettings(steps=9, learning_rate=1e308)
    with pytest.raises(SpeechLRPError, match=r"not finite.*smaller learning rate"):
        maximize(model, NEURONS, SHAPE, endless)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": -1}, "steps is -1; it must be at least 0"),
        ({"l1": -0.1}, "l1 is -0.1"),
        ({"l2": float("inf")}, "l2 is inf; it must be at least 0, and finite"),
        ({"learning_rate": float("inf")}, "learning_rate is inf; it must be above 0, and finite"),
        ({"total_variation": -1}, "total_variation is -1"),
        ({"jitter": (0, -1)}, "jitter is -1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0; it must be above 0"),
    ],
)
def test_settings_without_a_meaning_are_refused(settings, message):
    with pytest.raises(SpeechLRPError, match=message):
        MaximizeSettings(**settings)
