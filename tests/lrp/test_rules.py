"""Each rule on each operation against the operation's dense matrix, in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import RULES, Composite, Epsilon, LRPError, Zero, attribute

OPERATIONS = {
    "linear": (nn.Linear(7, 5), (7,)),
    "linear without bias": (nn.Linear(7, 5, bias=False), (7,)),
    "linear on a sequence": (nn.Linear(4, 3), (5, 4)),
    "conv1d": (nn.Conv1d(2, 3, 3, stride=2, padding=1), (2, 9)),
    "conv1d groups": (nn.Conv1d(4, 6, 3, groups=2, dilation=2), (4, 9)),
    "conv2d": (nn.Conv2d(2, 3, 3, stride=2, padding=1), (2, 6, 5)),
    "conv2d same": (nn.Conv2d(2, 3, (3, 1), padding="same"), (2, 4, 5)),
    "conv2d reflect": (nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"), (1, 4, 5)),
    "conv2d depthwise": (nn.Conv2d(3, 6, 2, groups=3, bias=False), (3, 4, 4)),
    "conv3d": (nn.Conv3d(1, 2, 2, stride=(1, 2, 1)), (1, 3, 4, 3)),
    "conv_transpose1d": (nn.ConvTranspose1d(2, 3, 3, stride=2, padding=1), (2, 5)),
    "conv_transpose2d": (nn.ConvTranspose2d(2, 4, 3, 2, 1, output_padding=1, groups=2), (2, 3, 3)),
    "conv_transpose3d": (nn.ConvTranspose3d(1, 2, 2), (1, 2, 3, 2)),
    "avg_pool1d": (nn.AvgPool1d(3, 2, padding=1), (2, 7)),
    "avg_pool2d": (nn.AvgPool2d(3, 2, ceil_mode=True), (2, 6, 5)),
    "avg_pool2d uncounted": (nn.AvgPool2d(3, 2, 1, count_include_pad=False), (1, 5, 5)),
    "avg_pool3d": (nn.AvgPool3d(2), (1, 4, 4, 2)),
    "adaptive_avg_pool1d": (nn.AdaptiveAvgPool1d(3), (2, 7)),
    "adaptive_avg_pool2d": (nn.AdaptiveAvgPool2d((3, 2)), (2, 7, 5)),
    "adaptive_avg_pool3d": (nn.AdaptiveAvgPool3d(2), (1, 3, 5, 4)),
}
CASES = {"zero": (Zero(), 0.0), "epsilon": (Epsilon(0.3), 0.3), "large epsilon": (Epsilon(5), 5.0)}


def check(operation, shape, rule, eps, dense_matrix, literal_rule, sign=0):
    """Compare on random inputs of both signs, or of the one given, and a random R."""
    operation = operation.double().eval()
    x = torch.randn(3, *shape, dtype=torch.float64)
    x = x if sign == 0 else sign * x.abs()
    W, b = dense_matrix(operation, shape)
    c = torch.randn_like(operation(x))
    output, relevance = attribute(operation, x, c, Composite([(nn.Module, rule)]))
    for one, c_one, found in zip(x, c, relevance, strict=True):
        R = (W @ one.flatten() + b) * c_one.flatten()
        expected = literal_rule(W, b, one.flatten(), R, eps)
        torch.testing.assert_close(found.flatten(), expected, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(output, operation(x).detach())


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_rule_on_operation(name, case, dense_matrix, literal_rule):
    operation, shape = OPERATIONS[name]
    check(operation, shape, *CASES[case], dense_matrix, literal_rule)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_epsilon_on_any_convolution(data, dense_matrix, literal_rule):
    def draw(low, high):
        return data.draw(st.integers(low, high))

    groups, dims = draw(1, 2), draw(1, 2)
    kernel = [draw(1, 3) for _ in range(dims)]
    dilation, stride, padding = draw(1, 2), draw(1, 3), draw(0, 2)
    shape = [groups * draw(1, 2), *(dilation * (k - 1) + draw(1, 4) for k in kernel)]
    operation = (nn.Conv1d, nn.Conv2d)[dims - 1](
        shape[0],
        groups * draw(1, 2),
        kernel,
        stride,
        padding,
        dilation,
        groups,
        bias=data.draw(st.booleans()),
    )
    rule, eps = data.draw(st.sampled_from(list(CASES.values())))
    check(operation, shape, rule, eps, dense_matrix, literal_rule, draw(-1, 1))


def test_zero_output_keeps_its_coefficient():
    layer = nn.Linear(2, 1, bias=False).double().eval()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -1.0]]))
    x = torch.ones(1, 2, dtype=torch.float64)
    _, relevance = attribute(layer, x, 0, Composite([(nn.Linear, Zero())]))
    assert relevance.tolist() == [[1.0, -1.0]]
    _, relevance = attribute(layer, x, 0, Composite([(nn.Linear, Epsilon(0.1))]))
    assert relevance.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("bad", [0, -1, float("nan"), float("inf"), "a", None])
def test_epsilon_needs_a_positive_number(bad):
    with pytest.raises(LRPError, match="eps must be a number above 0"):
        Epsilon(bad)


def test_rules_are_registered_and_say_what_they_are():
    assert {"zero": Zero, "epsilon": Epsilon}.items() <= RULES.items()
    assert repr(Epsilon(0.8)) == "Epsilon(0.8)"
    assert repr(Zero()) == "Zero()"


def test_float32_agrees_with_float64():
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).eval()
    x = torch.randn(4, 1, 6, 6)
    rules = Composite([(nn.Module, Epsilon(0.1))])
    _, single = attribute(net, x, 2, rules)
    _, double = attribute(net.double(), x.double(), 2, rules)
    torch.testing.assert_close(single.double(), double, rtol=1e-4, atol=1e-6)


def test_same_operation_as_function_and_module():
    weight = torch.randn(4, 2, 3, 3, dtype=torch.float64)

    class Functional(nn.Module):
        def forward(self, x):
            return F.conv2d(x, weight, padding=1).flatten(1)

    conv = nn.Conv2d(2, 4, 3, padding=1, bias=False).double()
    conv.weight.data = weight
    x = torch.randn(2, 2, 4, 4, dtype=torch.float64)
    rules = Composite([(nn.Conv2d, Epsilon(0.2))])
    _, a = attribute(Functional().eval(), x, 3, rules)
    _, b = attribute(nn.Sequential(conv, nn.Flatten()).eval(), x, 3, rules)
    torch.testing.assert_close(a, b, rtol=0, atol=0)
