"""Each rule on each operation against the operation's dense matrix, in float64."""

from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import (
    RULES,
    AlphaBeta,
    Composite,
    Epsilon,
    Flat,
    Gamma,
    LRPError,
    WSquare,
    ZBox,
    Zero,
    ZPlus,
    attribute,
)
from tests.lrp import literal


def normed(norm):
    """A batch norm whose statistics and weights say something."""
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2)
    if norm.affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    return norm


torch.manual_seed(2)
OPERATIONS = {
    "linear of one output": (nn.Linear(5, 1), (5,)),
    "conv1d same, even kernel": (nn.Conv1d(2, 3, 4, padding="same"), (2, 7)),
    "conv2d same, even and dilated": (
        nn.Conv2d(1, 2, (2, 4), padding="same", dilation=3),
        (1, 5, 9),
    ),
    "conv2d valid": (nn.Conv2d(1, 2, 2, padding="valid"), (1, 3, 4)),
    "batch_norm1d": (normed(nn.BatchNorm1d(4)), (4,)),
    "batch_norm2d": (normed(nn.BatchNorm2d(3)), (3, 2, 4)),
    "batch_norm without weights": (normed(nn.BatchNorm1d(3, affine=False)), (3, 5)),
    "linear": (nn.Linear(7, 5), (7,)),
    "linear without bias": (nn.Linear(7, 5, bias=False), (7,)),
    "linear on a sequence": (nn.Linear(4, 3), (5, 4)),
    "conv1d": (nn.Conv1d(2, 3, 3, stride=2, padding=1), (2, 9)),
    "conv1d groups": (nn.Conv1d(4, 6, 3, groups=2, dilation=2), (4, 9)),
    "conv2d": (nn.Conv2d(2, 3, 3, stride=2, padding=1), (2, 6, 5)),
    "conv2d same": (nn.Conv2d(2, 3, (3, 1), padding="same"), (2, 4, 5)),
    "conv2d reflect": (nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"), (1, 4, 5)),
    "conv2d depthwise": (nn.Conv2d(3, 6, 2, groups=3, bias=False), (3, 4, 4)),
    "conv1d on its whole input": (nn.Conv1d(3, 4, 5), (3, 5)),
    "conv2d on its whole input": (nn.Conv2d(2, 3, (2, 3), stride=2, bias=False), (2, 2, 3)),
    "conv2d on one number, padded": (nn.Conv2d(2, 3, 1, padding=1), (2, 1, 1)),
    "conv1d of few channels": (nn.Conv1d(2, 4, 3, 2, padding=1, dilation=2), (2, 9)),
    "conv2d of few channels": (nn.Conv2d(1, 9, (3, 2), (2, 1), padding=(1, 0)), (1, 6, 5)),
    "conv2d of few, same": (nn.Conv2d(1, 8, (2, 4), padding="same"), (1, 4, 5)),
    "conv2d of many channels": (nn.Conv2d(9, 2, 2, stride=2, padding=1), (9, 4, 3)),
    "conv1d of single steps": (nn.Conv1d(9, 5, 1, stride=3), (9, 8)),
    "conv2d of single steps": (nn.Conv2d(9, 5, 1, stride=(1, 2), padding=1), (9, 3, 4)),
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
TINY = 1e-12
RULES_ = {
    "zero": (Zero(), literal.zero),
    "epsilon": (Epsilon(0.3), literal.epsilon),
    "large epsilon": (Epsilon(5), partial(literal.epsilon, eps=5.0)),
    "gamma": (Gamma(0.7, TINY), literal.gamma),
    "gamma 0": (Gamma(0, TINY), partial(literal.gamma, gamma=0.0)),
    "z_plus": (ZPlus(TINY), literal.z_plus),
    "alpha_beta": (AlphaBeta(stabilizer=TINY), literal.alpha_beta),
    "alpha 1": (AlphaBeta(1, 0, TINY), partial(literal.alpha_beta, alpha=1.0, beta=0.0)),
    "w_square": (WSquare(TINY), literal.w_square),
    "flat": (Flat(TINY), literal.flat),
    "z_box": (ZBox(-4, 3.5, TINY), literal.z_box),
}


def check(operation, shape, case, dense_matrix, sign=0):
    """Compare on random inputs of both signs, or of the one given, and a random R."""
    rule, expected_of = RULES_[case]
    operation = operation.double().eval()
    x = torch.randn(3, *shape, dtype=torch.float64).clamp(-4, 3.5)
    x = x if sign == 0 else (sign * x.abs()).clamp(-4, 3.5)
    W, b = dense_matrix(operation, shape)
    c = torch.randn_like(operation(x))
    output, relevance = attribute(operation, x, c, Composite([(nn.Module, rule)]))
    for one, c_one, found in zip(x, c, relevance, strict=True):
        R = (W @ one.flatten() + b) * c_one.flatten()
        expected = expected_of(W, b, one.flatten(), R, TINY)
        scale = float(expected.abs().max())
        torch.testing.assert_close(found.flatten(), expected, rtol=1e-8, atol=1e-9 * scale + 1e-12)
    torch.testing.assert_close(output, operation(x).detach())


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("sign", [-1, 0, 1])
@pytest.mark.parametrize("case", RULES_)
@pytest.mark.parametrize("name", OPERATIONS)
def test_rule_on_operation(name, case, sign, dense_matrix):
    operation, shape = OPERATIONS[name]
    if "reflect" in name and case not in ("zero", "epsilon", "large epsilon"):
        pytest.skip("reflected entries contribute one by one; see the test of padding")
    check(operation, shape, case, dense_matrix, sign)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_rule_on_any_convolution(data, dense_matrix):
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
    case = data.draw(st.sampled_from(list(RULES_)))
    check(operation, shape, case, dense_matrix, draw(-1, 1))


def test_reflected_entries_contribute_one_by_one(dense_matrix):
    conv = nn.Conv1d(1, 2, 3).double().eval()
    x = torch.randn(1, 6, dtype=torch.float64)
    padded = F.pad(x, (1, 1), mode="reflect")
    W, b = dense_matrix(conv, padded.shape)
    R = W @ padded.flatten() + b
    expected = literal.z_plus(W, b, padded.flatten(), R, TINY)
    expected[2] += expected[0]
    expected[-3] += expected[-1]
    whole = nn.Conv1d(1, 2, 3, padding=1, padding_mode="reflect").double().eval()
    whole.load_state_dict(conv.state_dict())
    composite = Composite([(nn.Module, ZPlus(TINY))])
    _, relevance = attribute(whole, x[None], torch.sum, composite)
    torch.testing.assert_close(relevance.flatten(), expected[1:-1])


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


REFUSED = {
    "gamma must be a finite number at least 0; found -1": lambda: Gamma(-1),
    "gamma must be a number; found 'a'": lambda: Gamma("a"),
    "gamma must be a finite number at least 0; found nan": lambda: Gamma(float("nan")),
    "stabilizer must be a finite number above 0; found 0": lambda: ZPlus(0),
    "alpha - beta must be 1; found 2 - 0": lambda: AlphaBeta(2, 0),
    "beta must be a finite number at least 0; found -1": lambda: AlphaBeta(0, -1),
}


@pytest.mark.parametrize("message", REFUSED)
def test_settings_out_of_range(message):
    with pytest.raises(LRPError, match=message):
        REFUSED[message]()


BOXES = {
    "low has shape": ZBox(torch.zeros(5), 1),
    "low is above high": ZBox(2, 1),
    r"inputs of module '0' \(Conv1d\) are in \[-1, 1\], outside the box \[-1, 0.5\]": ZBox(-1, 0.5),
}


@pytest.mark.parametrize("message", BOXES)
def test_a_box_that_does_not_fit(message):
    net = nn.Sequential(nn.Conv1d(3, 2, 2), nn.Flatten()).double().eval()
    x = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(1, 3, 4)
    with pytest.raises(LRPError, match=message):
        attribute(net, x, 0, Composite([(nn.Module, BOXES[message])]))


def test_bounds_per_channel_are_those_of_a_tensor():
    net = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten()).double().eval()
    x = torch.rand(2, 2, 3, 4, dtype=torch.float64)
    low, high = torch.tensor([-1.0, 0.0]), torch.tensor([1.0, 2.0])
    whole = [one[:, None, None].expand(2, 3, 4) for one in (low, high)]
    found = [
        attribute(net, x, 1, Composite([(nn.Module, ZBox(*box))]))[1]
        for box in ((low, high), whole, [one[None] for one in whole])
    ]
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[0], found[2])


def test_rules_are_registered_and_say_what_they_are():
    assert [str(rule) for rule, _ in RULES_.values()] == [
        "Zero()", "Epsilon(0.3)", "Epsilon(5)", "Gamma(0.7)", "Gamma(0)", "ZPlus()",
        "AlphaBeta(2, 1)", "AlphaBeta(1, 0)", "WSquare()", "Flat()", "ZBox(-4, 3.5)",
    ]  # fmt: skip
    assert str(ZBox(torch.zeros(2), 1)) == "ZBox(..., 1)"
    assert {type(rule) for rule, _ in RULES_.values()} <= set(RULES.values())


def test_linear_in_the_starting_relevance():
    net = nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 4))
    x = torch.randn(2, 2, 6, dtype=torch.float64)
    a, b = torch.randn(2, 2, 4, dtype=torch.float64)
    for rule, _ in RULES_.values():
        composite = Composite([(nn.Conv1d, rule), (nn.Linear, Epsilon(0.1))])
        found = [
            attribute(net.double().eval(), x, weighting, composite)[1]
            for weighting in (a, b, 2 * a - 3 * b)
        ]
        torch.testing.assert_close(found[2], 2 * found[0] - 3 * found[1])


@pytest.mark.parametrize("case", RULES_)
def test_a_batch_equals_its_members(case):
    net = nn.Sequential(
        nn.Conv1d(2, 3, 3), nn.ReLU(), nn.Conv1d(3, 2, 2), nn.Flatten(), nn.Linear(6, 4)
    )
    net = net.double().eval()
    x = torch.randn(5, 2, 6, dtype=torch.float64).clamp(-4, 3.5)
    x[1:3] = x[1:3].abs()
    composite = Composite([("0", RULES_[case][0]), (nn.Module, RULES_["gamma"][0])])
    target = torch.tensor([0, 3, 1, 1, 2])
    _, together = attribute(net, x, target, composite)
    for index in range(5):
        _, alone = attribute(net, x[index : index + 1], target[index : index + 1], composite)
        torch.testing.assert_close(together[index], alone[0])


@pytest.mark.parametrize("case", RULES_)
def test_float32_agrees_with_float64(case):
    torch.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3)).eval()
    x = torch.randn(4, 1, 6, 6).clamp(-4, 3.5)
    rules = Composite([("0", RULES_[case][0]), (nn.Module, Epsilon(0.1))])
    _, single = attribute(net, x, 2, rules)
    _, double = attribute(net.double(), x.double(), 2, rules)
    torch.testing.assert_close(
        single.double(), double, rtol=1e-4, atol=1e-5 * float(double.abs().max())
    )


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
