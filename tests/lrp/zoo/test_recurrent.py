"""Recurrent layers equal the network that is written out by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import (
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
)

from speechlrp.lrp import Composite, Epsilon, NotExplainable, Uniform, Zero, attribute, describe
from tests.lrp.zoo.reference import relevance
from tests.lrp.zoo.steps import STEPS, by_hand, weights_of

RULES = {
    "gates": Composite([(nn.Module, Zero())]),
    "halves": Composite([(nn.Module, Uniform()), (nn.Module, Zero())]),
}
LENGTHS = [3, 5, 1, 5]


MODULES = {
    "LSTM": nn.LSTM(3, 4),
    "GRU": nn.GRU(3, 4),
    "RNN": nn.RNN(3, 4),
    "RNN, relu": nn.RNN(3, 4, nonlinearity="relu"),
    "LSTM of three layers": nn.LSTM(3, 4, 3, dropout=0.3),
    "LSTM, batch first": nn.LSTM(3, 4, batch_first=True),
    "LSTM, both ways": nn.LSTM(3, 4, 2, bidirectional=True, batch_first=True),
    "LSTM, projected": nn.LSTM(3, 4, 2, proj_size=2, bidirectional=True),
    "LSTM without biases": nn.LSTM(3, 4, bias=False),
    "GRU, both ways": nn.GRU(3, 4, 2, bidirectional=True),
    "GRU, batch first": nn.GRU(3, 4, 2, batch_first=True, bias=False),
    "RNN, both ways": nn.RNN(3, 4, 2, bidirectional=True, batch_first=True),
}


class Padded(nn.Module):
    """``[B, T, 3]``: the outputs and the last states of a module."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        output, state = self.module(x if self.module.batch_first else x.transpose(0, 1))
        output = output if self.module.batch_first else output.transpose(0, 1)
        last = state[0] if isinstance(state, tuple) else state
        return torch.cat([output.flatten(1), last.transpose(0, 1).flatten(1)], 1)


class Packed(nn.Module):
    """The same with examples of several lengths, ``LENGTHS``."""

    def __init__(self, module, ordered):
        super().__init__()
        self.module, self.ordered = module, ordered

    def forward(self, x):
        first = self.module.batch_first
        lengths = sorted(LENGTHS, reverse=True) if self.ordered else LENGTHS
        sequence = pack_padded_sequence(
            x if first else x.transpose(0, 1), lengths, first, enforce_sorted=self.ordered
        )
        output, state = self.module(sequence)
        output, _ = pad_packed_sequence(output, batch_first=True, padding_value=2.0)
        last = state[0] if isinstance(state, tuple) else state
        return torch.cat([output.flatten(1), last.transpose(0, 1).flatten(1)], 1)


def prepared(name):
    torch.manual_seed(1)
    module = MODULES[name].double().eval()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    return module


def compared(net, forward, x, rule):
    c = torch.randn_like(net(x))
    output, found = attribute(net, x, c, RULES[rule])
    expected_output, expected = relevance(forward, x, c)
    torch.testing.assert_close(output, expected_output, rtol=1e-12, atol=1e-12)
    scale = float(expected.abs().max())
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12 * max(scale, 1))


@pytest.mark.parametrize("name", MODULES)
def test_a_layer_equals_its_steps(name):
    module = prepared(name)

    def written(x):
        rows = [
            torch.cat([o.flatten(), s]) for o, s in (by_hand(module, one, "gates") for one in x)
        ]
        return torch.stack(rows)

    compared(Padded(module).eval(), written, torch.randn(2, 5, 3, dtype=torch.float64), "gates")


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("name", ["LSTM", "LSTM, both ways", "GRU, both ways", "LSTM, projected"])
def test_packed_sequences_equal_their_steps(name, ordered):
    module = prepared(name)

    def written(x):
        rows = []
        for one, length in zip(
            x, sorted(LENGTHS, reverse=True) if ordered else LENGTHS, strict=True
        ):
            output, last = by_hand(module, one, "gates", length)
            rest = output.new_full((5 - length, output.shape[1]), 2.0)
            rows.append(torch.cat([output.flatten(), rest.flatten(), last]))
        return torch.stack(rows)

    x = torch.randn(4, 5, 3, dtype=torch.float64)
    compared(Packed(module, ordered).eval(), written, x, "gates")


class Loop(nn.Module):
    """Cells in a loop, as a model writes them."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x):
        state = self.cell(x[:, 0])
        for step in x.unbind(1)[1:]:
            state = self.cell(step, state)
        return state[0] if isinstance(state, tuple) else state


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_cells_in_a_loop(kind):
    torch.manual_seed(1)
    module = getattr(nn, kind)(3, 4, batch_first=True).double().eval()
    cell = getattr(nn, f"{kind}Cell")(3, 4).double()
    for name, parameter in cell.named_parameters():
        parameter.data.copy_(getattr(module, f"{name}_l0"))
    x = torch.randn(2, 5, 3, dtype=torch.float64)
    net = Loop(cell).eval()
    compared(net, lambda x: torch.stack([by_hand(module, o, "gates")[1] for o in x]), x, "gates")


class Two(nn.Module):
    """Two steps from a state that the input makes: every product has two factors of the input."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        state = x[None, :, 2, :].tile(2)[..., :4]
        state = (state, state.flip(-1)) if isinstance(self.module, nn.LSTM) else state
        return self.module(x[:, :2], state)[0].flatten(1)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_state_of_the_input_and_halves(kind, rule):
    torch.manual_seed(1)
    module = getattr(nn, kind)(3, 4, batch_first=True).double().eval()

    def written(x):
        state = x[:, 2].tile(2)[..., :4]
        state = (state, state.flip(-1)) if kind == "LSTM" else (state,)
        outputs = []
        for t in (0, 1):
            state = STEPS[kind](x[:, t], state, weights_of(module, 0, 0), rule)
            outputs.append(state[0])
        return torch.cat(outputs, 1)

    compared(Two(module).eval(), written, torch.randn(2, 3, 3, dtype=torch.float64), rule)


def test_gates_of_constants_keep_the_sum():
    """Without biases all of the output's relevance arrives, however long the sequence."""
    module = nn.LSTM(3, 8, 2, bias=False, batch_first=True).double()
    net = Padded(module).eval()
    x = torch.randn(2, 40, 3, dtype=torch.float64)
    output, found = attribute(net, x, 7, RULES["gates"])
    torch.testing.assert_close(found.sum((1, 2)), output[:, 7], rtol=1e-9, atol=1e-12)


def test_selectors_see_the_layer():
    net = Padded(nn.LSTM(3, 4, batch_first=True)).eval()
    rows = describe(net, torch.randn(1, 2, 3), Composite([(nn.LSTM, Epsilon(0.1))])).layers
    assert {(one.name, repr(one.rule)) for one in rows if one.operation == "linear"} == {
        ("module", "Epsilon(0.1)")
    }


def test_sequences_that_are_joined():
    class Joined(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(3, 4, bias=False)

        def forward(self, x):
            rows = pad_sequence([x[0], x[1, :3]], batch_first=True)
            packed = pack_sequence([rows[0], rows[1, :3]])
            return self.lstm(packed)[1][0][0]

    net, x = Joined().double().eval(), torch.randn(2, 5, 3, dtype=torch.float64)
    output, found = attribute(net, x, 1, RULES["gates"])
    torch.testing.assert_close(found.sum((1, 2)), output[:, 1])
    assert bool((found[1, 3:] == 0).all())


def test_dropout_between_layers_raises():
    net = Padded(nn.LSTM(3, 4, 2, dropout=0.5)).eval()
    net.module.forward = lambda x: nn.LSTM.forward(net.module.train(), x)
    with pytest.raises(NotExplainable, match=r"lstm in module 'module' \(LSTM\) drops at random"):
        attribute(net, torch.randn(2, 5, 3), 1, RULES["gates"])


class ByHand(nn.Module):
    """A GRU as one writes it, from a state of zeros."""

    def __init__(self, gru, fused):
        super().__init__()
        self.gru, self.fused = gru, fused

    def forward(self, x):
        if self.fused:
            return self.gru(x)[0].flatten(1)
        h, outputs = x.new_zeros(len(x), self.gru.hidden_size), []
        for step in x.unbind(1):
            x_r, x_z, x_n = F.linear(step, self.gru.weight_ih_l0, self.gru.bias_ih_l0).chunk(3, 1)
            h_r, h_z, h_n = F.linear(h, self.gru.weight_hh_l0, self.gru.bias_hh_l0).chunk(3, 1)
            r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
            h = (1 - z) * torch.tanh(x_n + r * h_n) + z * h
            outputs.append(h)
        return torch.stack(outputs, 1).flatten(1)


def test_a_gru_equals_one_that_is_written_as_a_model():
    """The first step's reset gate lets a constant pass in both."""
    torch.manual_seed(1)
    gru = nn.GRU(3, 4, batch_first=True)
    nn.init.normal_(gru.bias_hh_l0)
    x, c = torch.randn(2, 5, 3, dtype=torch.float64), torch.randn(2, 20, dtype=torch.float64)
    nets = [ByHand(gru, fused).double().eval() for fused in (True, False)]
    (_, one), (_, other) = (attribute(net, x, c, RULES["gates"]) for net in nets)
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_a_gate_that_is_multiplied_in_place_with_a_constant_signal():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = nn.Linear(3, 3)

        def forward(self, x):
            gate = torch.sigmoid(x)
            gate *= self.dense(torch.ones(3).double())
            return gate + x

    net, x = Gated().double().eval(), torch.randn(2, 3, dtype=torch.float64)
    output, relevance = attribute(net, x, 1, RULES["gates"])
    torch.testing.assert_close(output, net(x).detach())
    torch.testing.assert_close(relevance, x * torch.eye(3).double()[1])
