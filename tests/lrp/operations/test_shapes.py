"""Results of another shape than what they are made of, of no dimension, or of constants alone."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, NotExplainable, Zero, attribute

EXPONENTS = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
X = torch.tensor([[0.5], [2.0]], dtype=torch.float64)


POWERS = {
    "base": (lambda m, x: x**EXPONENTS, X**EXPONENTS),
    "base inside": (lambda m, x: torch.pow(2 * x, EXPONENTS), (2 * X) ** EXPONENTS),
    "base, from the exponents": (lambda m, x: EXPONENTS.__rpow__(x), X**EXPONENTS),
    "divisors": (lambda m, x: x**-EXPONENTS, X**-EXPONENTS),
    "exponent": (lambda m, x: EXPONENTS**x, EXPONENTS**X),
    "exponent inside": (lambda m, x: torch.pow(EXPONENTS, 2 * x), EXPONENTS ** (2 * X)),
    "exponent, in place": (lambda m, x: EXPONENTS.repeat(2, 1).pow_(x), EXPONENTS**X),
}


@pytest.mark.parametrize("name", POWERS)
def test_a_power_sums_over_what_is_repeated(name, expression, explained):
    """R_in = R_out, number by number, and the sum where one number makes several."""
    body, power = POWERS[name]
    c = torch.randn(2, 3).double()
    torch.testing.assert_close(explained(expression(body), X, c), (c * power).sum(1, keepdim=True))


def test_at_zero_each_exponent_has_its_own_slope(expression, explained):
    """0 from numbers that cancel: only the exponent 1 has a slope there."""
    net, x = expression(lambda m, x: (x[:, :1] - x[:, 1:]) ** EXPONENTS), torch.ones(1, 2).double()
    for column, slope in enumerate((1.0, 0.0, 0.0)):
        c = torch.eye(3).double()[column : column + 1]
        torch.testing.assert_close(
            explained(net, x, c), slope * torch.tensor([[1.0, -1.0]]).double()
        )


def overwritten(m, x):
    exponents = EXPONENTS.clone()
    y = x**exponents
    exponents += x[0]  # which makes another tensor of it, under the same name
    return y


def test_an_exponent_that_is_overwritten_stays_what_it_was(expression, explained):
    relevance = explained(expression(overwritten), X, torch.ones(2, 3))
    torch.testing.assert_close(relevance, (X**EXPONENTS).sum(1, keepdim=True))


@pytest.mark.parametrize("layer", [F.linear, F.conv1d, F.conv_transpose1d])
def test_a_layer_of_constants_may_have_a_bias_of_the_input(layer, expression, explained):
    weight = torch.full((1, 1) if layer is F.linear else (1, 1, 1), 3.0).double()
    net, x = (
        expression(lambda m, x: layer(2 * weight, weight, x[0])),
        torch.tensor([[1.5]]).double(),
    )
    torch.testing.assert_close(explained(net, x), x)


def test_numbers_without_a_dimension(expression, explained):
    """A softmax of one number is 1 whatever it is, and its product the number itself."""
    x = torch.randn(1, 4).double()
    torch.testing.assert_close(explained(expression(lambda m, x: x.sum().softmax(0) * x), x), x)
    torch.testing.assert_close(explained(expression(lambda m, x: x.sum().prod(0) + x), x), 5 * x)


def test_complex_numbers_are_refused_with_what_to_take_instead(expression):
    for body in (
        lambda m, x: (torch.complex(x, x) ** 1j).real,
        lambda m, x: F.rms_norm(torch.complex(x, x), (1,)).real,
        lambda m, x: torch.complex(x, x).exp().real,
    ):
        with pytest.raises(NotExplainable, match=r"complex .*; take its parts"):
            attribute(expression(body), X, lambda z: z.sum(), Composite([(nn.Module, Zero())]))
