"""Activations pass relevance on: R_in = R_out, whatever their form."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, Epsilon, NotExplainable, Zero, attribute
from tests.lrp.operations.activation_forms import ACTIVATIONS, POSITIVE

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
