"""A transformer encoder under AttnLRP against LXT, where that is installed (``lxt`` 2.1)."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import PRESETS, attribute

lxt = pytest.importorskip("lxt.explicit.functional")

WIDTH, HEADS, FRAMES = 16, 4, 7


class Identity(torch.autograd.Function):
    """An activation as LXT has it: relevance passes."""

    @staticmethod
    def forward(ctx, x):
        return F.gelu(x)

    @staticmethod
    def backward(ctx, relevance):
        return relevance


class Block(nn.Module):
    """A layer that norms first, in one of two languages."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(2))
        self.q, self.k, self.v, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.up, self.down = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(3 * WIDTH, WIDTH)

    def forward(self, x):
        y = self.norms[0](x)
        q, k, v = (split(part(y)) for part in (self.q, self.k, self.v))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norms[1](x))))

    def by_lxt(self, x):
        def norm(module, x):
            return lxt.layer_norm(x, module.weight, module.bias, module.eps)

        def dense(module, x):
            return lxt.linear_epsilon(x, module.weight, module.bias, 1e-9)

        y = norm(self.norms[0], x)
        q, k, v = (split(dense(part, y)) for part in (self.q, self.k, self.v))
        scores = lxt.matmul(q, k.transpose(-1, -2), epsilon=1e-12)
        scores = lxt.mul2(scores, torch.tensor((WIDTH // HEADS) ** -0.5).double())
        joined = lxt.matmul(lxt.softmax(scores, -1), v, epsilon=1e-12)
        x = lxt.add2(x, dense(self.out, joined.transpose(1, 2).flatten(2)), epsilon=1e-12)
        y = Identity.apply(dense(self.up, norm(self.norms[1], x)))
        return lxt.add2(x, dense(self.down, y), epsilon=1e-12)


def split(x):
    return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(12)
        self.blocks = nn.ModuleList(Block() for _ in range(3))
        self.head = nn.Linear(WIDTH, 5)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.head(x[:, 0])

    def by_lxt(self, x):
        for block in self.blocks:
            x = block.by_lxt(x)
        return lxt.linear_epsilon(x[:, 0], self.head.weight, self.head.bias, 1e-9)


def test_an_encoder_under_attnlrp():
    net, x = Encoder().double().eval(), torch.randn(2, FRAMES, WIDTH, dtype=torch.float64)
    output, relevance = attribute(net, x, 3, PRESETS["attnlrp"](epsilon=1e-9))
    leaf = x.clone().requires_grad_()
    theirs = net.by_lxt(leaf)
    torch.testing.assert_close(theirs, output)
    (expected,) = torch.autograd.grad(theirs[:, 3], leaf, theirs[:, 3].detach())
    largest = float(expected.abs().max())
    torch.testing.assert_close(relevance, expected, rtol=0, atol=1e-3 * largest)
