"""A small AlexNet, layer by layer with loops, against the engine."""

import itertools

import pytest
import torch
from torch import nn

from speechlrp.lrp import Composite, Epsilon, Zero, attribute


def small_alexnet(bias=True, inplace=True) -> nn.Sequential:
    net = nn.Sequential(
        nn.Conv2d(1, 3, 5, stride=2, padding=1, bias=bias),
        nn.ReLU(inplace=inplace),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(3, 4, 3, padding=1, groups=1, bias=bias),
        nn.ReLU(inplace=inplace),
        nn.AdaptiveAvgPool2d(3),
        nn.Flatten(),
        nn.Linear(36, 6, bias=bias),
        nn.ReLU(inplace=inplace),
        nn.Dropout(0.5),
        nn.Linear(6, 2, bias=bias),
    )
    return net.double().eval()


def max_pool_literally(x, R):
    """Each 3/2 window gives its relevance to its winner. ``x`` [C, H, W]."""
    result = torch.zeros_like(x)
    for channel, row, column in itertools.product(*map(range, R.shape)):
        window = x[channel, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3]
        place = int(window.argmax())
        i, j = 2 * row + place // window.shape[1], 2 * column + place % window.shape[1]
        result[channel, i, j] += R[channel, row, column]
    return result


def explain_literally(net, x, target, eps_of, dense_matrix, literal_rule):
    """The relevance of one input ``[1, H, W]``, carried from layer to layer as R itself."""
    activations = [x]
    with torch.no_grad():
        for layer in net:
            activations.append(layer(activations[-1].clone()[None])[0])
    R = torch.zeros_like(activations[-1])
    R[target] = activations[-1][target]
    for layer, a in zip(reversed(net), reversed(activations[:-1]), strict=True):
        if isinstance(layer, nn.MaxPool2d):
            R = max_pool_literally(a, R)
        elif isinstance(layer, nn.Conv2d | nn.Linear | nn.AdaptiveAvgPool2d):
            W, b = dense_matrix(layer, a.shape)
            R = literal_rule(W, b, a.flatten(), R.flatten(), eps_of(layer)).reshape(a.shape)
        else:
            R = R.reshape(a.shape)
    return R


@pytest.mark.parametrize("inplace", [True, False])
@pytest.mark.parametrize("sign", [1, -1, 0])
def test_thesis_assignment_layer_by_layer(sign, inplace, dense_matrix, literal_rule):
    net = small_alexnet(inplace=inplace)
    x = torch.randn(3, 1, 19, 17, dtype=torch.float64)
    x = x if sign == 0 else sign * x.abs()
    targets = torch.tensor([0, 1, 1])
    rules = Composite([(nn.Linear, Zero()), (nn.Module, Epsilon(0.8))])
    _, relevance = attribute(net, x, targets, rules)

    def eps_of(layer):
        return 0.0 if isinstance(layer, nn.Linear) else 0.8

    for one, target, found in zip(x, targets, relevance, strict=True):
        expected = explain_literally(net, one, target, eps_of, dense_matrix, literal_rule)
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-11)


def test_pool_without_a_rule_is_lrp_0(dense_matrix, literal_rule):
    net = small_alexnet()
    x = torch.randn(1, 1, 19, 17, dtype=torch.float64)
    rules = Composite([(nn.Linear, Epsilon(0.1)), (nn.Conv2d, Epsilon(0.8))])
    _, relevance = attribute(net, x, 0, rules)

    def eps_of(layer):
        return {nn.Linear: 0.1, nn.Conv2d: 0.8}.get(type(layer), 0.0)

    expected = explain_literally(net, x[0], 0, eps_of, dense_matrix, literal_rule)
    torch.testing.assert_close(relevance[0], expected, rtol=1e-8, atol=1e-11)


def test_zero_everywhere_is_gradient_times_input():
    net = small_alexnet()
    x = torch.randn(2, 1, 19, 17, dtype=torch.float64)
    _, relevance = attribute(net, x, 1, Composite([(nn.Module, Zero())]))
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(net(leaf)[:, 1].sum(), leaf)
    torch.testing.assert_close(relevance, x * gradient)


def test_conserves_without_biases():
    net = small_alexnet(bias=False)
    x = torch.randn(4, 1, 19, 17, dtype=torch.float64)
    output, relevance = attribute(net, x, 1, Composite([(nn.Module, Zero())]))
    torch.testing.assert_close(relevance.flatten(1).sum(1), output[:, 1], rtol=1e-6, atol=1e-12)


def test_batch_equals_its_members():
    net = small_alexnet()
    x = torch.randn(5, 1, 19, 17, dtype=torch.float64)
    targets = torch.tensor([0, 1, 0, 0, 1])
    rules = Composite([(nn.Module, Epsilon(0.1))])
    _, together = attribute(net, x, targets, rules)
    alone = [attribute(net, x[i : i + 1], int(targets[i]), rules)[1] for i in range(5)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-10, atol=1e-13)


def test_linear_in_the_starting_relevance():
    net = small_alexnet()
    x = torch.randn(2, 1, 19, 17, dtype=torch.float64)
    rules = Composite([(nn.Module, Epsilon(0.1))])
    weights = torch.randn(2, 2, dtype=torch.float64)
    parts = [attribute(net, x, k, rules)[1] * weights[:, k, None, None, None] for k in (0, 1)]
    torch.testing.assert_close(attribute(net, x, weights, rules)[1], parts[0] + parts[1])
