"""Functions of one number, and the forms in which a model may call them."""

import math

import torch
from torch import nn
from torch.nn import functional as F


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
    "exp2": (
        lambda x: 2.0**x,
        None,
        [
            torch.exp2,
            torch.special.exp2,
            lambda x: 2**x,
            lambda x: torch.pow(2.0, x),
            lambda x: torch.tensor(2.0) ** x,
        ],
    ),
    "sign": (
        lambda x: (x > 0) - (x < 0),
        0.0,
        [torch.sign, torch.sgn, torch.Tensor.sign_, lambda x: x.sign()],
    ),
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
