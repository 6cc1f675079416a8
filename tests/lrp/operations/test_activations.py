"""Activations pass relevance on: R_in = R_out, whatever their form."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, Epsilon, NotExplainable, Zero, attribute, conservation


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def softplus(x):
    return math.log1p(math.exp(x))


def gelu_tanh(x):
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


SELU, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717

# name: (the function of one number, its slope at 0 or None where f(0) != 0, its forms)
ACTIVATIONS = {
    "relu": (
        lambda x: max(x, 0.0),
        0.0,
        [
            nn.ReLU(),
            F.relu,
            torch.relu_,
            lambda x: x.clamp(min=0),
            lambda x: x.clip(0),
            lambda x: torch.clamp_min(x, 0),
            lambda x: F.threshold(x, 0, 0),
            lambda x: x.clamp_(0),
            lambda x: torch.clip(input=x, min=0.0),
            lambda x: x.clamp(0, None),
        ],
    ),
    "leaky relu": (
        lambda x: x if x > 0 else 0.2 * x,
        0.2,
        [
            nn.LeakyReLU(0.2),
            nn.LeakyReLU(0.2, inplace=True),
            lambda x: F.leaky_relu(x, 0.2),
            lambda x: F.leaky_relu_(x, 0.2),
            lambda x: F.prelu(x, torch.tensor([0.2]).double()),
            lambda x: F.rrelu(x, 0.2, 0.2),
            nn.RReLU(0.2, 0.2).eval(),
            lambda x: F.leaky_relu(input=x, negative_slope=0.2, inplace=True),
        ],
    ),
    "gelu": (
        lambda x: 0.5 * x * (1 + math.erf(x / math.sqrt(2))),
        0.5,
        [nn.GELU(), F.gelu, lambda x: F.gelu(input=x)],
    ),
    "gelu, tanh": (
        gelu_tanh,
        0.5,
        [nn.GELU("tanh"), lambda x: F.gelu(x, approximate="tanh")],
    ),
    "silu": (
        lambda x: x * sigmoid(x),
        0.5,
        [nn.SiLU(), nn.SiLU(inplace=True), F.silu, lambda x: F.silu(x, True)],
    ),
    "sigmoid": (
        sigmoid,
        None,
        [
            nn.Sigmoid(),
            torch.sigmoid,
            F.sigmoid,
            torch.Tensor.sigmoid,
            torch.sigmoid_,
            torch.special.expit,
            torch.Tensor.sigmoid_,
            lambda x: torch.sigmoid(input=x),
        ],
    ),
    "tanh": (
        math.tanh,
        1.0,
        [nn.Tanh(), torch.tanh, F.tanh, torch.Tensor.tanh, torch.tanh_, torch.Tensor.tanh_],
    ),
    "elu": (
        lambda x: x if x > 0 else 0.7 * math.expm1(x),
        0.7,
        [nn.ELU(0.7), nn.ELU(0.7, inplace=True), lambda x: F.elu(x, 0.7), lambda x: F.elu_(x, 0.7)],
    ),
    "selu": (
        lambda x: SELU * (x if x > 0 else ALPHA * math.expm1(x)),
        SELU * ALPHA,
        [nn.SELU(), F.selu, torch.selu, torch.selu_, nn.SELU(inplace=True)],
    ),
    "celu": (
        lambda x: x if x > 0 else 2 * math.expm1(x / 2),
        1.0,
        [nn.CELU(2), lambda x: F.celu(x, 2.0), lambda x: torch.celu_(x, 2.0)],
    ),
    "relu6": (lambda x: min(max(x, 0.0), 6.0), 0.0, [nn.ReLU6(), F.relu6, nn.ReLU6(True)]),
    "hardtanh": (
        lambda x: min(max(x, -0.5), 0.8),
        1.0,
        [
            nn.Hardtanh(-0.5, 0.8),
            lambda x: F.hardtanh(x, -0.5, 0.8),
            lambda x: x.clamp(-0.5, 0.8),
            lambda x: F.hardtanh_(x, -0.5, 0.8),
            lambda x: torch.clip_(x, min=-0.5, max=0.8),
            lambda x: x.clamp_max(0.8).clamp_min_(-0.5),
            nn.Hardtanh(-0.5, 0.8, inplace=True),
        ],
    ),
    "hardswish": (
        lambda x: x * min(max(x + 3, 0), 6) / 6,
        0.5,
        [nn.Hardswish(), F.hardswish, nn.Hardswish(inplace=True)],
    ),
    "hardsigmoid": (
        lambda x: min(max(x + 3, 0), 6) / 6,
        None,
        [nn.Hardsigmoid(), F.hardsigmoid],
    ),
    "mish": (lambda x: x * math.tanh(softplus(x)), 0.6, [nn.Mish(), F.mish]),
    "softplus": (softplus, None, [nn.Softplus(), F.softplus, lambda x: F.softplus(input=x)]),
    "log-sigmoid": (lambda x: -softplus(-x), None, [nn.LogSigmoid(), F.logsigmoid]),
    "softsign": (lambda x: x / (1 + abs(x)), 1.0, [nn.Softsign(), F.softsign]),
    "abs": (abs, 0.0, [torch.abs, abs, torch.Tensor.abs, torch.abs_, torch.absolute]),
    "square": (
        lambda x: x * x,
        0.0,
        [
            torch.square,
            lambda x: x**2,
            lambda x: x.pow(2),
            lambda x: torch.pow(x, exponent=2),
            torch.square_,
            lambda x: x.pow_(2.0),
            lambda x: x.__ipow__(2),
            lambda x: x * x,
            lambda x: x.mul_(x),
        ],
    ),
    "cube": (lambda x: x**3, 0.0, [lambda x: x**3, lambda x: x.pow(3)]),
    "exp": (math.exp, None, [torch.exp, torch.Tensor.exp, torch.exp_]),
    "exp2": (lambda x: 2.0**x, None, [torch.exp2, torch.special.exp2]),
    "expm1": (math.expm1, 1.0, [torch.expm1, torch.special.expm1, torch.expm1_]),
    "sin": (math.sin, 1.0, [torch.sin, torch.Tensor.sin, torch.sin_]),
    "cos": (math.cos, None, [torch.cos, torch.Tensor.cos_]),
    "sinh": (math.sinh, 1.0, [torch.sinh]),
    "asinh": (math.asinh, 1.0, [torch.asinh]),
    "atan": (math.atan, 1.0, [torch.atan, torch.arctan, torch.atan_]),
    "erf": (math.erf, 2 / math.sqrt(math.pi), [torch.erf, torch.special.erf, torch.erf_]),
    "erfc": (math.erfc, None, [torch.erfc, torch.special.erfc]),
    "snake": (
        lambda x: x + math.sin(2 * x) ** 2 / 2,
        1.0,
        [lambda x: x + torch.sin(2 * x).pow(2) / 2, lambda x: x + torch.sin(2 * x) ** 2 * 0.5],
    ),
    "gelu, written out": (
        lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
        0.5,
        [lambda x: x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))],
    ),
    "silu, written out": (
        lambda x: x / (1 + math.exp(-x)),
        0.5,
        [lambda x: x * torch.sigmoid(x), lambda x: x.mul_(x.clone().sigmoid_())],
    ),
}
POSITIVE = {
    "sqrt": (math.sqrt, [torch.sqrt, torch.sqrt_, torch.Tensor.sqrt, lambda x: x**0.5]),
    "log1p": (math.log1p, [torch.log1p, torch.special.log1p, torch.log1p_]),
    "log": (math.log, [torch.log, torch.Tensor.log, torch.log_]),
    "log10": (math.log10, [torch.log10, torch.log10_]),
    "log2": (math.log2, [torch.log2, torch.Tensor.log2]),
    "rsqrt": (lambda x: x**-0.5, [torch.rsqrt, torch.Tensor.rsqrt_, lambda x: x**-0.5]),
    "reciprocal": (
        lambda x: 1 / x,
        [torch.reciprocal, lambda x: 1 / x, lambda x: x.pow(-1), lambda x: torch.div(1, x)],
    ),
    "pow 1.7": (
        lambda x: x**1.7,
        [
            lambda x: x**1.7,
            lambda x: x.pow(exponent=1.7),
            lambda x: x ** torch.tensor(1.7),
            lambda x: torch.pow(x, torch.full((5,), 1.7).double()),
        ],
    ),
}
ZERO = Composite([(nn.Module, Zero())])
FORMS = [(name, n) for name, (*_, forms) in ACTIVATIONS.items() for n in range(len(forms))]
FORMS += [(name, n) for name, (_, forms) in POSITIVE.items() for n in range(len(forms))]


class Between(nn.Module):
    """Dense, activation, a sum: so that the activation is not the model's last step."""

    def __init__(self, function, weight):
        super().__init__()
        self.dense = nn.Linear(*weight.T.shape, bias=False).double()
        self.dense.weight.data = weight
        self.function = function

    def forward(self, x):
        return self.function(self.dense(x)).sum(1, keepdim=True)


def literal(weight, x, function, c):
    """Two steps on relevance itself: R_z = c f(z), then R_i = sum_j x_i w_ji / z_j R_j."""
    relevance = torch.zeros_like(x)
    for n, one in enumerate(x):
        z = weight @ one
        R = torch.tensor([c * function(float(value)) for value in z], dtype=torch.float64)
        relevance[n] = (weight * one * (R / z)[:, None]).sum(0)
    return relevance


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_an_activation_passes_relevance_on(name, form):
    function, *_, forms = (ACTIVATIONS | POSITIVE)[name]
    weight = torch.randn(5, 4, dtype=torch.float64)
    x = 2 * torch.randn(3, 4, dtype=torch.float64)
    if name in POSITIVE:
        weight, x = weight.abs(), x.abs()
    model = Between(forms[form], weight).eval()
    expected = model(x.clone()).detach()
    output, relevance = attribute(model, x, torch.full((3, 1), 0.7), ZERO)
    torch.testing.assert_close(output, expected, rtol=0, atol=0)
    z = [[function(float(value)) for value in weight @ one] for one in x]
    torch.testing.assert_close(output[:, 0], torch.tensor(z).double().sum(1), rtol=1e-6, atol=0)
    torch.testing.assert_close(relevance, literal(weight, x, function, 0.7), rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(relevance.sum(1), 0.7 * output[:, 0])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_at_zero_it_is_the_slope_or_nothing(name):
    """z = 0 from inputs that cancel: c_in = f'(0), or 0 where f(0) is no 0."""
    _, slope, forms = ACTIVATIONS[name]
    slope = slope or 0.0
    weight = torch.tensor([[1.0, -1.0], [0.0, 0.0]], dtype=torch.float64)
    for form in forms:
        model = Between(form, weight).eval()
        _, relevance = attribute(model, torch.ones(1, 2).double(), torch.ones(1, 1), ZERO)
        wanted = torch.tensor([[slope, -slope]], dtype=torch.float64)
        torch.testing.assert_close(relevance, wanted, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "hardsigmoid"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_tiny_inputs_stay_finite(name, dtype):
    """f(x) / x overflows: what no number can hold is absorbed."""
    model = nn.Sequential(ACTIVATIONS[name][2][0], nn.AdaptiveAvgPool1d(1), nn.Flatten()).eval()
    tiny = torch.finfo(dtype).smallest_normal / 4
    x = torch.tensor([[[tiny], [-tiny], [0.0], [1.0]]], dtype=dtype)
    output, relevance = attribute(model, x, torch.ones(1, 4), ZERO)
    assert bool(torch.isfinite(relevance).all())
    torch.testing.assert_close(relevance[0, 3, 0], output[0, 3])


def test_prelu_with_a_slope_per_channel():
    x = torch.randn(2, 3, 5, dtype=torch.float64)
    x[0, :, 0] = 0
    model = nn.Sequential(nn.PReLU(3), nn.Flatten()).double().eval()
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([0.1, -0.3, 2.0]))
    _, relevance = attribute(model, x, torch.ones(2, 15), ZERO)
    torch.testing.assert_close(relevance, model(x).detach().reshape(2, 3, 5))


def test_leaky_relu_is_gradient_times_input(expression, explained, gradient_times_input):
    def body(m, x):
        return F.leaky_relu(m.dense(F.leaky_relu(m.dense(x), 0.3)) + x, 0.1)

    x, c = torch.randn(2, 3, 6, dtype=torch.float64)
    net = expression(body)
    relevance = explained(net, x, c)
    torch.testing.assert_close(relevance, gradient_times_input(net, x, c))
    torch.testing.assert_close(relevance.sum(), (c * net(x)).sum().detach())


BODIES = {
    "residual": lambda m, x: F.gelu(m.dense(x)) + x,
    "reused": lambda m, x: torch.tanh(m.dense(torch.tanh(m.dense(x)))) * 2,
    "in place": lambda m, x: F.silu(m.dense(x), inplace=True).tanh_().add_(x),
    "gated by a constant": lambda m, x: m.dense(x).tanh() * torch.sigmoid(torch.ones(6).double()),
    "a branch each": lambda m, x: torch.cat([m.dense(x).sigmoid(), F.elu(x), F.gelu(x)], 1) * 3,
    "before and after": lambda m, x: m.dense(F.softplus(m.dense(F.mish(m.dense(x))))),
}


@pytest.mark.parametrize("name", BODIES)
def test_relevance_is_conserved_in_free_forms(name, expression, explained):
    """Dense layers without biases keep it, and so does every activation."""
    net = expression(BODIES[name])
    x = torch.randn(3, 6, dtype=torch.float64)
    c = torch.randn_like(net(x))
    torch.testing.assert_close(explained(net, x, c).sum(1), (c * net(x)).sum(1).detach())


class Written(torch.autograd.Function):
    """An activation with a backward of its own, as BLOOM's has."""

    @staticmethod
    def forward(ctx, x):
        return x * 0.5 * (1.0 + torch.tanh(0.8 * x * (1 + 0.04 * x * x)))

    @staticmethod
    def backward(ctx, gradient):
        raise AssertionError


def test_the_inside_of_an_autograd_function_is_watched(expression, explained):
    net, x = expression(lambda m, x: Written.apply(m.dense(x))), torch.randn(3, 6).double()
    c = torch.randn(3, 6, dtype=torch.float64)
    torch.testing.assert_close(explained(net, x, c).sum(1), (c * net(x)).sum(1).detach())


def test_epsilon_before_an_activation_literally():
    """R_i = sum_j x_i w_ji / (z_j + eps sgn z_j) f(z_j)."""
    weight, x = torch.randn(5, 4, dtype=torch.float64), torch.randn(1, 4, dtype=torch.float64)
    model = Between(F.gelu, weight).eval()
    _, relevance = attribute(model, x, torch.ones(1, 1), Composite([(nn.Linear, Epsilon(0.2))]))
    z = weight @ x[0]
    R = torch.tensor([ACTIVATIONS["gelu"][0](float(value)) for value in z])
    shares = weight * x[0] / (z + 0.2 * torch.sign(z))[:, None]
    torch.testing.assert_close(relevance[0], (shares * R[:, None]).sum(0))


def test_an_activation_with_parameters_of_the_input_raises():
    with pytest.raises(NotExplainable, match="parameters that depend on the input"):
        attribute(
            Between(lambda x: F.prelu(x, x[0, :1]), torch.eye(3).double()).eval(),
            torch.ones(2, 3).double(), torch.ones(2, 1), ZERO,
        )  # fmt: skip


FLOORS = {
    "clamp": lambda x: x.clamp(min=0.3),
    "torch.clamp": lambda x: torch.clamp(x, 0.3),
    "clamp_min_": lambda x: x.clamp_min_(0.3),
    "clip": lambda x: torch.clip(x, min=0.3, max=None),
    "two bounds": lambda x: x.clamp(min=0.3, max=1e4),
    "hardtanh": lambda x: F.hardtanh(x, 0.3, 9.0),
    "hardtanh_": lambda x: F.hardtanh(x, 0.3, 9.0, inplace=True),
    "below 0": lambda x: -(-x).clamp(max=-0.3),
    "below 0, two bounds": lambda x: -(-x).clamp(-7, -0.3),
}


@pytest.mark.parametrize("name", FLOORS)
def test_what_a_floor_adds_is_a_bias(name, expression):
    """R_in = R x / max(x, 0.3): bounded however close to 0 x is, and all of R above the floor."""
    x = torch.tensor([[2.0, 0.31, 0.29, 1e-30, 0.0, -1.0]], dtype=torch.float64)
    net = expression(lambda m, x: FLOORS[name](x.clone()))
    c = torch.randn(1, 6, dtype=torch.float64)
    output, relevance = attribute(net, x, c, ZERO)
    torch.testing.assert_close(output, x.clamp(min=0.3), rtol=0, atol=0)
    torch.testing.assert_close(relevance, c * output * x / output)
    (balance,) = [one for one in conservation(net, x, c, ZERO) if one.absorbed.abs().max() > 1e-9]
    torch.testing.assert_close(balance.bias, (c * (output - x)).sum(1))


def test_beyond_the_far_bound_relevance_passes():
    x = torch.tensor([[0.1, 1.0, 5.0]], dtype=torch.float64)
    for sign in (1, -1):

        class Bounded(nn.Module):
            def forward(self, x, low=0.3 if sign > 0 else -2, high=2 if sign > 0 else -0.3):
                return x.clamp(low, high)

        _, relevance = attribute(Bounded().eval(), sign * x, torch.ones(1, 3), ZERO)
        torch.testing.assert_close(relevance, sign * torch.tensor([[0.1, 1.0, 2.0]]).double())


@pytest.mark.parametrize("form", [F.threshold, F.threshold_])
def test_what_a_threshold_puts_in_is_a_constant(form, expression):
    x = torch.tensor([[2.0, 0.31, 0.29, 0.0, -1.0, 3.0]], dtype=torch.float64)
    _, relevance = attribute(
        expression(lambda m, x: form(x.clone(), 0.3, 20.0)), x, torch.ones(1, 6), ZERO
    )
    torch.testing.assert_close(relevance, torch.where(x > 0.3, x, 0))
