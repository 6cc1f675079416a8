"""A softmax, or a sigmoid, at the end: relevance begins at the logits."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import Composite, Epsilon, NotExplainable, Zero, attribute, conservation

RULES = Composite([(nn.Linear, Epsilon(0.1)), (nn.Module, Zero())])
STARTS = ["logit", "one", "sigmoid", "softmax"]


class Ending(nn.Module):
    """``[B, 5] -> [B, 3]`` logits, and a last step."""

    def __init__(self, last, name="last"):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
        self.add_module("last", last) if isinstance(last, nn.Module) else setattr(self, name, last)

    def forward(self, x):
        return self.last(self.body(x))


ENDINGS = {
    "nn.Softmax": nn.Softmax(dim=1),
    "nn.Softmax, last dimension": nn.Softmax(dim=-1),
    "nn.LogSoftmax": nn.LogSoftmax(dim=1),
    "F.softmax": lambda z: F.softmax(z, dim=1),
    "F.softmax, positional": lambda z: F.softmax(z, 1),
    "torch.softmax": lambda z: torch.softmax(z, 1),
    "Tensor.softmax": lambda z: z.softmax(dim=1),
    "torch.special.softmax": lambda z: torch.special.softmax(z, 1),
    "F.log_softmax": lambda z: F.log_softmax(input=z, dim=-1),
    "torch.log_softmax": lambda z: torch.log_softmax(z, dim=1),
    "Tensor.log_softmax": lambda z: z.log_softmax(1),
    "nn.Sigmoid": nn.Sigmoid(),
    "torch.sigmoid": torch.sigmoid,
    "Tensor.sigmoid_": lambda z: z.sigmoid_(),
    "F.logsigmoid": F.logsigmoid,
    "nn.LogSigmoid": nn.LogSigmoid(),
    "there and back": lambda z: F.log_softmax(z, 1).t().contiguous().mT.unsqueeze(0).squeeze(0),
    "reshaped": lambda z: z.log_softmax(-1).view(2, 2, 3).reshape(-1, 3),
    "log of a softmax": lambda z: z.softmax(1).log(),
    "log of a sigmoid": lambda z: torch.log(torch.sigmoid(z)),
    "softmax and dropout": lambda z: F.dropout(z.softmax(1), 0.5, training=False),
}


def endings(last):
    """The same weights, with and without the last step."""
    torch.manual_seed(3)
    with_it = Ending(last).double().eval()
    return with_it, with_it.body


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", ENDINGS)
def test_every_start_means_the_same_with_and_without_it(name, start):
    ended, bare = endings(ENDINGS[name])
    x, target = torch.randn(4, 5, dtype=torch.float64), torch.tensor([0, 2, 1, 1])
    output, relevance = attribute(ended, x, target, RULES, start=start)
    torch.testing.assert_close(output, ended(x).detach(), rtol=0, atol=0)
    expected = attribute(bare, x, target, RULES, start=start)[1]
    torch.testing.assert_close(relevance, expected, rtol=0, atol=0)


def test_a_recognisers_steps_may_come_first():
    class Steps(nn.Module):
        def __init__(self, ended):
            super().__init__()
            torch.manual_seed(3)
            self.body, self.ended = nn.Conv1d(5, 4, 3), ended

        def forward(self, x):  # [B, 5, T] -> [T, B, 4]
            z = self.body(x)
            return (F.log_softmax(z, 1) if self.ended else z).permute(2, 0, 1)

    ended, bare = (Steps(ended).double().eval() for ended in (True, False))
    x, rules = torch.randn(2, 5, 6, dtype=torch.float64), Composite([(nn.Module, Zero())])
    pick = torch.zeros(4, 2, 4, dtype=torch.float64)
    pick[1, :, 2] = 1
    output, relevance = attribute(ended, x, pick, rules)
    torch.testing.assert_close(output, ended(x).detach())
    z, expected = attribute(bare, x, pick, rules)
    torch.testing.assert_close(relevance, expected, rtol=0, atol=0)
    scale = (torch.softmax(z, 2) / z)[1, :, 2, None, None]
    _, relevance = attribute(ended, x, pick, rules, start="softmax")
    torch.testing.assert_close(relevance, expected * scale)


@pytest.mark.parametrize("name", ["nn.Softmax", "nn.Sigmoid"])
def test_targets_are_about_the_logits(name):
    ended, bare = endings(ENDINGS[name])
    x = torch.randn(4, 5, dtype=torch.float64)
    weights = torch.randn(4, 3, dtype=torch.float64)
    for target in (weights, lambda z: z[:, 2] - z[:, 0], 1):
        found, expected = (attribute(one, x, target, RULES)[1] for one in (ended, bare))
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_the_input_itself_may_be_the_logits():
    x = torch.randn(2, 4, dtype=torch.float64)
    _, relevance = attribute(nn.Softmax(1).eval(), x, 3, Composite([]), start="softmax")
    torch.testing.assert_close(relevance[:, 3], torch.softmax(x, 1)[:, 3])
    torch.testing.assert_close(relevance[:, :3], torch.zeros(2, 3).double())


@pytest.mark.parametrize("log", [False, True])
def test_the_softmax_is_over_the_models_own_dimension(log, expression):
    """``[B, T, K]``, as recurrent and CTC models have it."""

    def body(m, x):
        return (F.log_softmax if log else F.softmax)(m.dense(x), dim=2)

    net = expression(body)
    x = torch.randn(2, 5, 6, dtype=torch.float64)
    _, relevance = attribute(net, x, lambda z: z[:, 3, 1], RULES, start="softmax")
    _, logits = attribute(net, x, lambda z: z[:, 3, 1], RULES)
    z = x @ net.dense.weight.T.detach()
    share = z[:, 3].softmax(1)[:, 1] / z[:, 3, 1]
    torch.testing.assert_close(relevance, logits * share[:, None, None])


def test_a_sigmoid_inside_is_an_activation(expression, explained):
    net = expression(lambda m, x: m.dense(m.dense(x).sigmoid()))
    x = torch.randn(3, 6, dtype=torch.float64)
    c = torch.randn(3, 6, dtype=torch.float64)
    torch.testing.assert_close(explained(net, x, c).sum(1), (c * net(x)).sum(1).detach())


@pytest.mark.parametrize("form", [F.softmax, torch.softmax, torch.special.softmax])
def test_a_softmax_inside_is_its_first_order_expansion(form, expression):
    """R_in = x (R - s sum R) at its own input; what its constant absorbs is reported."""
    net = expression(lambda m, x: m.dense(form(x, dim=1)))
    x, c = torch.randn(3, 6, dtype=torch.float64), torch.randn(3, 6, dtype=torch.float64)
    _, relevance = attribute(net, x, c, RULES)
    s, W = torch.softmax(x, 1), net.dense.weight.detach()
    z = s @ W.T
    R = s * ((c * z.abs() / (z.abs() + 0.1)) @ W)
    torch.testing.assert_close(relevance, x * (R - s * R.sum(1, keepdim=True)))
    (found,) = [one for one in conservation(net, x, c, RULES) if "softmax" in one.operation]
    torch.testing.assert_close(found.received, R.sum(1))
    torch.testing.assert_close(found.bias, R.sum(1) - relevance.sum(1))


def test_a_softmax_inside_and_one_at_the_end(expression):
    x = torch.randn(3, 6, dtype=torch.float64)
    inner = expression(lambda m, x: m.dense(x.softmax(1)))
    both = expression(lambda m, x: m.dense(x.softmax(1)).softmax(1))
    for start in STARTS:
        found, expected = (attribute(net, x, 2, RULES, start=start)[1] for net in (both, inner))
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_a_sigmoid_read_twice_and_returned_begins_at_its_logits(expression):
    def body(m, x):
        y = torch.sigmoid(m.dense(x))
        m.dense(y)
        return y

    def bare(m, x):
        return m.dense(x)

    x = torch.randn(3, 6, dtype=torch.float64)
    found = attribute(expression(body), x, 1, RULES)[1]
    torch.testing.assert_close(found, attribute(expression(bare), x, 1, RULES)[1])


REFUSED = {
    "reshaped softmax": (
        lambda z: z.softmax(1).unsqueeze(1),
        "softmax can only be the model's last",
    ),
    "scaled softmax": (lambda z: 2 * z.softmax(1), "softmax can only be the model's last step"),
    "indexed log-softmax": (lambda z: F.log_softmax(z, 1)[:, :2], "softmax can only be"),
    "merged log-softmax": (lambda z: F.log_softmax(z, 1).flatten(), "softmax can only be"),
    "indexed log of softmax": (lambda z: torch.log(z.softmax(1))[:, :2], "softmax can only be"),
    "softmax over an unsaid dimension": (lambda z: F.softmax(z), "over which dimension"),
    "two softmaxes": (lambda z: z.softmax(1).softmax(1), "softmax can only be the model's last"),
    "squeezed sigmoid": (lambda z: z[:, :1].sigmoid().squeeze(1), "the output is that of sigmoid"),
    "concatenated sigmoids": (
        lambda z: torch.cat([z[:, :1].sigmoid(), z[:, 1:].sigmoid()], 1),
        "start='logit' asks for the logits",
    ),
    "largest sigmoid": (lambda z: z.sigmoid().amax(1), "the output is that of sigmoid"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_quite_last_raises(name):
    last, message = REFUSED[name]
    x = torch.randn(4, 5, dtype=torch.float64)
    with pytest.raises(NotExplainable, match=message) as caught:
        attribute(endings(last)[0], x, lambda z: z.sum(), RULES)
    assert "\n" not in str(caught.value)


def test_a_moved_sigmoid_can_start_from_one():
    model, bare = endings(lambda z: z.sigmoid().unsqueeze(2).squeeze(2))
    x = torch.randn(4, 5, dtype=torch.float64)
    found = attribute(model, x, 1, RULES, start="one")[1]
    torch.testing.assert_close(found, attribute(bare, x, 1, RULES, start="one")[1])


def test_conservation_begins_at_the_logits_too():
    ended, bare = endings(nn.Softmax(dim=1))
    x = torch.randn(4, 5, dtype=torch.float64)
    found, expected = (conservation(one, x, 1, RULES) for one in (ended, bare))
    for one, other in zip(found, expected, strict=True):
        assert one.operation == other.operation
        torch.testing.assert_close(one.received, other.received)
