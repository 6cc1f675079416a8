"""Compiled models are explained as what they were made from; scripts are refused."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import (
    Composite,
    Epsilon,
    NotExplainable,
    SignalTakesAll,
    Uniform,
    Zero,
    attribute,
    conservation,
)

RULES = Composite([("0", Epsilon(0.1)), ("3", Zero())])
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Backend:
    """Counts the graphs that torch hands over to be compiled."""

    def __init__(self):
        self.graphs = 0

    def __call__(self, graph, inputs):
        self.graphs += 1
        return graph.forward


class Net(nn.Sequential):
    def forward(self, x):
        for part in self:
            x = part(x)
        return x


@pytest.fixture
def net():
    return Net(nn.Conv1d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, 3)).eval()


@pytest.fixture
def x():
    return torch.randn(2, 1, 8)


def whole(net, backend):
    return torch.compile(net, backend=backend)


def in_place(net, backend):
    net.compile(backend=backend)
    return net


def a_part(net, backend):
    net[0] = torch.compile(net[0], backend=backend)
    return net


@pytest.mark.parametrize("ran_before", [False, True])
@pytest.mark.parametrize("compiled", [whole, in_place, a_part])
def test_compiled_models_are_explained(compiled, ran_before, net, x):
    expected = attribute(net, x, 1, RULES)
    names = [one.name for one in conservation(net, x, 1, RULES)]
    backend = Backend()
    model = compiled(net, backend)
    if ran_before:
        model(x)
    graphs = backend.graphs
    found = attribute(model, x, 1, RULES)
    assert backend.graphs == graphs  # nothing was compiled for the explanation
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    assert [one.name for one in conservation(model, x, 1, RULES)] == names
    model(x + 1)
    assert backend.graphs > 0  # and it compiles again afterwards


class Gated(nn.Module):
    """A gate of a constant and of two sides, in place."""

    def __init__(self):
        super().__init__()
        self.signal, self.gate = nn.Linear(8, 4), nn.Linear(8, 4)

    def forward(self, x):
        y = self.signal(x)
        y *= torch.sigmoid(self.gate(x))
        return (y * torch.softmax(y, 2)).sum(1)


@pytest.mark.parametrize("compiled", [whole, in_place])
@pytest.mark.parametrize("rule", [SignalTakesAll(), Uniform()])
def test_compiled_gates_are_explained(rule, compiled, x):
    rules = Composite([(nn.Module, rule), (nn.Module, Epsilon(0.1))])
    model = Gated().eval()
    expected, balances = attribute(model, x, 1, rules), conservation(model, x, 1, rules)
    model = compiled(model, Backend())
    model(x)
    found = attribute(model, x, 1, rules)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    for one, other in zip(conservation(model, x, 1, rules), balances, strict=True):
        assert (one.name, one.operation, one.rule) == (other.name, other.operation, other.rule)
        torch.testing.assert_close(one.passed, other.passed, rtol=0, atol=0)


def test_compiled_functions_are_watched(net, x):
    backend = Backend()
    known = torch.compile(lambda x: torch.tanh(x) * 2, backend=backend)
    unknown = torch.compile(torch.lgamma, backend=backend)

    class Behind(nn.Module):
        def __init__(self, function):
            super().__init__()
            self.function, self.net = function, net

        def forward(self, x):
            return self.net(self.function(x))

    rules = Composite([(nn.Module, Zero())])
    for function in (known, unknown):
        function(x)
    plain = attribute(Behind(lambda x: torch.tanh(x) * 2).eval(), x, 1, rules)
    found = attribute(Behind(known).eval(), x, 1, rules)
    torch.testing.assert_close(found[1], plain[1], rtol=0, atol=0)
    with pytest.raises(NotExplainable, match=r"torch\.lgamma"):
        attribute(Behind(unknown).eval(), x, 1, rules)


def test_threads_leave_the_compiler_switched_on(net, x):
    backend = Backend()
    model = torch.compile(net, backend=backend)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: attribute(model, x, 1, RULES)[1], range(40)))
    assert backend.graphs == 0
    for one in found:
        torch.testing.assert_close(one, found[0], rtol=0, atol=0)
    model(x)
    assert backend.graphs == 1


def test_an_error_leaves_the_compiler_switched_on(net, x):
    backend = Backend()
    model = torch.compile(nn.Sequential(net, nn.Softsign(), nn.CosineSimilarity()), backend=backend)
    with pytest.raises(TypeError):
        attribute(model.eval(), x, 1, Composite([(nn.Module, Zero())]))
    torch.compile(net, backend=backend)(x)
    assert backend.graphs == 1


@pytest.mark.parametrize("part", [False, True])
@pytest.mark.parametrize("kind", ["script", "trace", "freeze"])
def test_scripts_are_refused_by_name(kind, part, net, x):
    if kind == "trace":
        model = torch.jit.trace(net, x)
    else:
        model = torch.jit.script(net)
        model = torch.jit.freeze(model) if kind == "freeze" else model
    model = nn.Sequential(model).eval() if part else model
    where = "module '0'" if part else "the model"
    with pytest.raises(NotExplainable, match=f"{where} is a script"):
        attribute(model, x, 1, RULES)


def test_scripted_functions_are_out_of_sight(net, x):
    @torch.jit.script
    def squashed(x: torch.Tensor) -> torch.Tensor:
        return torch.lgamma(x)

    class Squashed(nn.Module):
        def forward(self, x):
            return F.relu(squashed(x))

    with pytest.raises(NotExplainable, match="out of sight"):
        attribute(Squashed().eval(), x, 1, RULES)
