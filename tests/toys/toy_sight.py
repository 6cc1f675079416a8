"""A network with a function of the input inside, for tests of what the tracer sees."""

import torch
from torch import nn

from speechlrp.lrp import Composite, Zero, attribute

ZERO = Composite([(nn.Module, Zero())])


class Net(nn.Module):
    """A head over a function of the input, without biases."""

    def __init__(self, body):
        super().__init__()
        self.body, self.head = body, nn.Linear(4, 3, bias=False)

    def forward(self, x):
        return self.head(self.body(x))


def explain(body, x=None):
    net = Net(body).double().eval()
    x = torch.randn(2, 4, dtype=torch.float64) if x is None else x
    output, relevance = attribute(net, x, 1, ZERO)
    return net, x, output, relevance


def in_inference_mode(function, x):
    with torch.inference_mode():
        return function(x)


def without_gradients(function, x):
    with torch.no_grad():
        return function(x)
