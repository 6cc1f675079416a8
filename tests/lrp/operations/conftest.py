"""Models made of one expression, and what every operation has to fulfil."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from speechlrp.lrp import Composite, Zero, attribute


class Expression(nn.Module):
    """A forward given as a function of the model and the input."""

    def __init__(self, body: Callable) -> None:
        super().__init__()
        self.body = body
        self.dense = nn.Linear(6, 6, bias=False)
        self.conv = nn.Conv1d(2, 4, 3, padding=1, bias=False)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self, x)


@pytest.fixture(scope="session")
def expression() -> Callable:
    """``body(model, x) -> model``, in float64."""

    def build(body) -> nn.Module:
        torch.manual_seed(5)
        return Expression(body).double().eval()

    return build


@pytest.fixture(scope="session")
def explained() -> Callable:
    """``model, x, c -> relevance``: LRP-0 in all layers, checking the output and the input.

    ``c`` weighs the outputs: the starting relevance is ``c`` times the output.
    """

    def explain(model, x, c=None) -> Tensor:
        before = x.clone()
        expected = model(x.clone()).detach()
        c = torch.ones_like(expected) if c is None else c
        output, relevance = attribute(model, x, c, Composite([(nn.Module, Zero())]))
        torch.testing.assert_close(output, expected, rtol=0, atol=0)
        torch.testing.assert_close(x, before, rtol=0, atol=0)
        assert bool(torch.isfinite(relevance).all())
        return relevance

    return explain


@pytest.fixture(scope="session")
def gradient_times_input() -> Callable:
    """``model, x, c -> x * gradient of (c * output).sum()``, by autograd on the model itself."""

    def compute(model, x, c) -> Tensor:
        leaf = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad((model(leaf.clone()) * c).sum(), leaf)
        return x * gradient

    return compute
