"""Balances of any model: whatever dimension counts examples, masked, with named constants."""

import pytest
import torch
from torch import nn

from speechlrp.lrp import (
    Composite,
    Epsilon,
    LRPError,
    Uniform,
    Zero,
    attribute,
    conservation,
    report,
)

ZERO = Composite([(nn.Module, Zero())])


class TimeFirst(nn.Module):
    """Examples are counted by the second dimension inside, as in many recurrent networks."""

    def __init__(self, output_too=False):
        super().__init__()
        self.inner, self.last, self.output_too = nn.Linear(4, 6), nn.Linear(6, 3), output_too

    def forward(self, x):
        hidden = torch.relu(self.inner(x.transpose(0, 1)))
        return self.last(hidden if self.output_too else hidden.mean(0))


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("output_too", [False, True])
def test_any_dimension_may_count_the_examples(batch, output_too):
    net, x = TimeFirst(output_too).double().eval(), torch.randn(batch, 5, 4).double()
    target = (lambda z: z[1, :, 2]) if output_too else 2
    output, relevance = attribute(net, x, target, ZERO)
    balances = conservation(net, x, target, ZERO)
    for parts in ("received", "passed", "bias", "stabiliser", "absorbed"):
        assert all(getattr(one, parts).shape == (batch,) for one in balances)
    start = output[1, :, 2] if output_too else output[:, 2]
    absorbed = sum(one.absorbed for one in balances)
    torch.testing.assert_close(absorbed, start - relevance.sum((1, 2)))
    assert float(absorbed.abs().min()) > 1e-3
    assert report(balances).splitlines()[-1].split()[0] == "all"


@pytest.mark.parametrize("kind", ["classes", "weighting", "weighting, time first", "function"])
def test_every_kind_of_target_is_taken_example_by_example(kind):
    net = TimeFirst(output_too=kind.endswith("first")).double().eval()
    x = torch.randn(3, 3, 4).double()
    target = {
        "classes": torch.tensor([2, 0, 1]),
        "weighting": torch.randn(3, 3).double(),
        "weighting, time first": torch.randn(3, 3, 3).double(),
        "function": lambda z: z[torch.arange(3), torch.tensor([2, 0, 1])],
    }[kind]
    _, relevance = attribute(net, x, target, ZERO)
    balances = conservation(net, x, target, ZERO)
    torch.testing.assert_close(balances[-1].passed, relevance.sum((1, 2)))


@pytest.mark.parametrize("fill", [float("-inf"), torch.finfo(torch.float64).min])
@pytest.mark.parametrize("how", ["filled", "added"])
def test_masked_scores_hold_no_relevance(how, fill):
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.value = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            mask = torch.ones(5, 5, dtype=torch.bool).triu(1)
            scores = self.query(x) @ x.mT
            empty = torch.zeros(5, 5).double()
            scores = scores.masked_fill(mask, fill) if how == "filled" else scores + (
                empty.masked_fill(mask, fill)
            )  # fmt: skip
            return (torch.softmax(scores, -1) @ self.value(x)).sum(1)

    net, x = Masked().double().eval(), torch.randn(2, 5, 4).double()
    rules = Composite([(nn.Module, Uniform()), (nn.Module, Zero())])
    output, relevance = attribute(net, x, 1, rules)
    balances = conservation(net, x, 1, rules)
    assert all(one.received.isfinite().all() and one.passed.isfinite().all() for one in balances)
    absorbed = sum(one.absorbed for one in balances)
    torch.testing.assert_close(absorbed, output[:, 1] - relevance.sum((1, 2)))


class Positions(nn.Module):
    """Position embeddings of three kinds, added by name."""

    def __init__(self):
        super().__init__()
        self.learned = nn.Parameter(torch.randn(1, 8, 4))
        self.table = nn.Embedding(8, 4)
        self.register_buffer("waves", torch.randn(8, 4))
        self.head = nn.Linear(4, 2, bias=False)

    def forward(self, x):
        steps = x.shape[1]
        x = x + self.learned[:, :steps]
        x = x + self.table(torch.arange(steps))
        x += 0.5 * self.waves[:steps].to(x)
        return self.head(x.mean(1))


def test_what_position_embeddings_absorb_is_listed_by_name():
    net, x = Positions().double().eval(), torch.randn(2, 5, 4).double()
    balances = {one.constants: one for one in conservation(net, x, 1, ZERO)}
    added = {
        ("learned",): net.learned[0, :5],
        ("table.weight",): net.table.weight[:5],
        ("waves",): net.waves[:5] / 2,
    }
    for names, constant in added.items():
        expected = (net.head.weight[1] * constant.mean(0)).sum().detach()
        torch.testing.assert_close(balances[names].bias, expected.expand(2))
    text = report(conservation(net, x, 1, ZERO))
    for name in ("add (learned)", "add (table.weight)", "(waves)"):
        assert name in text


def test_a_model_that_takes_another_way_for_another_example_is_told():
    class Odd(nn.Module):
        def forward(self, x):
            return torch.relu(x) if (x > 0).all() else x.clamp(min=0).clone()

    x = torch.tensor([[1.0, 2.0], [-1.0, 1.0]])
    with pytest.raises(LRPError, match="another way for another example"):
        conservation(Odd().eval(), x, 1, ZERO)


def centred(x):
    return x - x.mean(0)


def of_two(x):
    return x * torch.ones(2, 1).to(x) if len(x) == 2 else x[2]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (centred, "mixes the examples"),
        (lambda x: x / len(x), "something of its size"),
        (of_two, r"no example of it alone \(IndexError"),
    ],
)
@pytest.mark.parametrize("target", [1, torch.tensor([0, 1]), lambda z: z[:, 1]])
def test_an_example_alone_that_is_not_what_it_is_in_the_batch_is_told(body, message, target):
    """Else the books would be those of another output."""

    class Mixing(nn.Module):
        def forward(self, x):
            return 2 * body(x)

    x = torch.tensor([[1.0, 2.0], [-1.0, 5.0]])
    with pytest.raises(LRPError, match=message):
        conservation(Mixing().eval(), x, target, ZERO)
    torch.testing.assert_close(attribute(Mixing().eval(), x, 0, ZERO)[0], Mixing()(x))


def test_a_complex_mask_leaves_real_books():
    class Masked(nn.Module):
        def forward(self, x):
            spectrum = torch.fft.rfft(x)
            return torch.fft.irfft(spectrum * torch.sigmoid(spectrum.abs()), n=6)

    for one in conservation(Masked().eval(), torch.randn(2, 6).double(), 1, ZERO):
        assert not one.bias.is_complex()
        assert one.bias.abs().max() < 1e-12


def test_the_report_is_a_table_of_means():
    layer = nn.Linear(2, 1).double().eval()
    layer.weight.data, layer.bias.data = torch.tensor([[1.0, 2.0]]).double(), torch.ones(1).double()
    net = nn.Sequential(layer, nn.ReLU()).eval()
    x = torch.tensor([[1.0, 1.0], [2.0, 0.0]]).double()  # z = 4 and 3
    text = report(conservation(net, x, 0, Composite([(nn.Linear, Epsilon(1))])))
    # bias: 4 / 5 and 3 / 4, the stabiliser likewise; passed: 4 - 1.6 and 3 - 1.5
    assert text.splitlines() == [
        "module  operation  rule        received  passed  bias %  stabiliser %",
        "0       linear     Epsilon(1)       3.5    1.95   22.14         22.14",
        "        all                         3.5    1.95   22.14         22.14",
    ]


def test_a_model_that_does_nothing_has_nothing_to_report():
    balances = conservation(nn.Identity().eval(), torch.randn(1, 2), 0, Composite([]))
    assert balances == []
    assert len(report(balances).splitlines()) == 1
