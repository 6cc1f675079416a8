"""Networks with gates and divisors in every form, beside those in which they are held constant."""

import torch
from torch import nn
from torch.nn import functional as F

MASK = torch.tensor([1.0, 0.0, 1.0, 2.0, 1.0, 0.5], dtype=torch.float64)


class Gated(nn.Module):
    """A forward over dense layers without biases, ``hold`` around whatever makes a gate."""

    def __init__(self, body, hold=lambda gate: gate):
        super().__init__()
        torch.manual_seed(7)
        self.dense, self.other = (nn.Linear(6, 6, bias=False) for _ in range(2))
        self.keys = nn.Linear(6, 6)
        self.body, self.hold = body, hold

    def forward(self, x):
        return self.body(self, x, self.hold)

    def score(self, x):
        return self.keys(x)


def gated(body, hold=lambda gate: gate):
    return Gated(body, hold).double().eval()


def in_place(m, x, hold):
    y = m.dense(x)
    y *= hold(torch.sigmoid(m.score(x)))
    return y.mul_(hold(m.score(y.clone()).sigmoid_()))


def normalised(m, x, hold):
    weights = torch.softmax(m.score(x), 1) * MASK
    return m.dense(x) * hold(weights / weights.sum(1, keepdim=True))


def attention(m, x, hold):
    scores = m.dense(x) @ m.score(x).transpose(1, 2) / 6**0.5
    return (hold(scores.softmax(-1)) @ m.other(x)).flatten(1)


def squeezed(m, x, hold):
    y = torch.relu(m.dense(x)).transpose(1, 2)  # [B, 6, T]
    gate = torch.sigmoid(m.score(F.adaptive_avg_pool1d(y, 1).view(len(x), -1)))
    return (y * hold(gate.view(len(x), 6, 1).expand_as(y))).sum(2)


def pooled(m, x, hold):
    y = m.dense(x)
    weights = hold(torch.softmax(torch.tanh(m.score(y)).mean(2, keepdim=True), dim=1))
    mean = (y * weights).sum(1)
    variance = (y.square() * weights).sum(1) - mean.square()
    return torch.cat([mean, variance.sqrt()], 1)


ROW, FRAMES = (6,), (4, 6)
FORMS = {
    "*": (lambda m, x, hold: m.dense(x) * hold(torch.sigmoid(m.score(x))), ROW),
    "gate first": (lambda m, x, hold: hold(m.score(x).sigmoid()) * m.dense(x), ROW),
    "torch.mul by name": (
        lambda m, x, hold: torch.mul(input=m.dense(x), other=hold(torch.sigmoid(m.score(x)))),
        ROW,
    ),
    "Tensor.multiply": (lambda m, x, h: m.dense(x).multiply(h(m.score(x).sigmoid())), ROW),
    "in place": (in_place, ROW),
    "of itself": (lambda m, x, hold: (y := m.dense(x)) * hold(torch.sigmoid(m.score(y))), ROW),
    "and beside it": (lambda m, x, h: (y := m.dense(x)) * h(torch.sigmoid(y)) + y, ROW),
    "of the input": (lambda m, x, hold: x * hold(torch.sigmoid(x)), ROW),
    "hard sigmoid": (lambda m, x, hold: m.dense(x) * hold(F.hardsigmoid(m.score(x))), ROW),
    "expit": (lambda m, x, hold: m.dense(x) * hold(torch.special.expit(m.score(x))), ROW),
    "1 - gate": (
        lambda m, x, hold: (
            hold(1 - (g := torch.sigmoid(m.score(x)))) * m.dense(x) + m.other(x) * hold(g)
        ),
        ROW,
    ),
    "scaled gate": (lambda m, x, h: m.dense(x) * h(2 * m.score(x).sigmoid() / 3 + 0.5), ROW),
    "product of gates": (
        lambda m, x, hold: (
            m.dense(x) * (hold(torch.sigmoid(m.score(x))) * hold(torch.sigmoid(m.other(x))))
        ),
        ROW,
    ),
    "gated twice": (
        lambda m, x, h: m.dense(x) * h(m.score(x).sigmoid()) * h(m.other(x).sigmoid()),
        ROW,
    ),
    "picked from a gate": (
        lambda m, x, h: m.dense(x)[:, :3] * h(torch.sigmoid(m.score(x)).chunk(2, 1)[1]),
        ROW,
    ),
    "gates side by side": (
        lambda m, x, h: (
            m.dense(x)
            * h(torch.cat([m.score(x)[:, :2].sigmoid(), m.other(x)[:, :4].softmax(1)], 1))
        ),
        ROW,
    ),
    "one number gates all": (
        lambda m, x, h: m.dense(x) * h(m.score(x).sum(1, keepdim=True).sigmoid()),
        ROW,
    ),
    "one signal, many gates": (
        lambda m, x, hold: m.dense(x)[:, :1] * hold(torch.sigmoid(m.score(x))),
        ROW,
    ),
    "lerp": (
        lambda m, x, hold: torch.lerp(m.dense(x), m.other(x), hold(torch.sigmoid(m.score(x)))),
        ROW,
    ),
    "lerp_": (lambda m, x, h: m.dense(x).lerp_(m.other(x), h(m.score(x).sigmoid())), ROW),
    "a power of 2": (lambda m, x, hold: m.dense(x) * hold(2 ** m.score(x)), ROW),
    "a sign": (lambda m, x, hold: m.dense(x) * hold(m.score(x).sign()), ROW),
    "a gate for weights": (
        lambda m, x, h: F.linear(m.dense(x), h(m.score(x)[0].softmax(1)), m.other(x)[0, :, 0]),
        FRAMES,
    ),
    "a gate for a kernel": (
        lambda m, x, h: F.conv1d(
            m.dense(x), h(m.score(x)[:1, :, ::2].sigmoid()), m.other(x)[0, 0, :1]
        ),
        FRAMES,
    ),
    "a gate without batch": (
        lambda m, x, hold: m.dense(x) * hold(torch.sigmoid(m.score(x).sum(0))),
        ROW,
    ),
    "squeeze and excitation": (squeezed, FRAMES),
    "attentive pooling": (pooled, FRAMES),
    "attention": (attention, FRAMES),
    "bmm": (
        lambda m, x, h: torch.bmm(h(m.score(x)[..., :4].softmax(2)), m.dense(x)).sum(1),
        FRAMES,
    ),
    "einsum": (
        lambda m, x, h: torch.einsum("btd,btd->bd", m.dense(x), h(torch.softmax(m.score(x), 1))),
        FRAMES,
    ),
    "baddbmm": (
        lambda m, x, h: torch.baddbmm(
            m.other(x), h(m.score(x)[..., :4].softmax(2)), m.dense(x), beta=0.5, alpha=-2
        ).flatten(1),
        FRAMES,
    ),
    "addcmul": (
        lambda m, x, h: torch.addcmul(m.other(x), h(m.score(x).sigmoid()), m.dense(x), value=-2),
        ROW,
    ),
    "addcmul_": (lambda m, x, h: m.other(x).addcmul_(m.dense(x), h(m.score(x).sigmoid())), ROW),
    "glu": (
        lambda m, x, hold: (
            F.glu(torch.cat([m.dense(x), m.score(x)], 1), dim=1)
            if hold(x).requires_grad == x.requires_grad
            else m.dense(x) * m.score(x).sigmoid().detach()
        ),
        ROW,
    ),
    "a quotient": (lambda m, x, h: m.dense(x) / h(x.norm(dim=1, keepdim=True)), ROW),
    "torch.div by name": (
        lambda m, x, h: torch.div(input=m.dense(x), other=h(1 + m.other(x).square())),
        ROW,
    ),
    "div_": (lambda m, x, hold: m.dense(x).div_(hold(x.std(1, keepdim=True))), ROW),
    "normalised weights": (normalised, ROW),
    "SwiGLU": (lambda m, x, hold: hold(F.silu(m.score(x))) * m.dense(x), ROW),
    "GEGLU": (lambda m, x, hold: m.dense(x) * hold(F.gelu(m.score(x))), ROW),
    "tanh": (lambda m, x, hold: m.dense(x) * hold(torch.tanh(m.score(x))), ROW),
    "erf": (lambda m, x, hold: hold(1 + torch.erf(m.score(x))) * m.dense(x), ROW),
    "an exponential": (lambda m, x, hold: m.dense(x) * hold(torch.exp(m.score(x) / 9)), ROW),
    "a softmax written out": (
        lambda m, x, h: h((w := torch.exp(m.score(x) / 9)) / w.sum(1, keepdim=True)) * m.dense(x),
        ROW,
    ),
    "rsqrt": (lambda m, x, h: m.dense(x) * h(torch.rsqrt(1 + m.other(x).square())), ROW),
    "rsqrt first": (lambda m, x, h: h((1 + m.other(x).square()).rsqrt()) * m.dense(x), ROW),
    "a negative power": (lambda m, x, h: m.dense(x) * h((1 + m.other(x) ** 2) ** -0.5), ROW),
    "pow": (lambda m, x, h: m.dense(x) * h((1 + m.other(x).square()).pow(-1)), ROW),
    "a reciprocal": (lambda m, x, h: m.dense(x) * h((2 + m.other(x).abs()).reciprocal()), ROW),
    "a constant over it": (lambda m, x, h: m.dense(x) * h(3 / (2 + m.other(x).abs())), ROW),
    "a tensor over it": (lambda m, x, h: m.dense(x) * h(MASK / (2 + m.other(x).abs())), ROW),
    "a gate over a sum": (
        lambda m, x, h: (
            m.dense(x) * h(torch.sigmoid(m.score(x)) * (1 + m.other(x).square()).rsqrt())
        ),
        ROW,
    ),
}
