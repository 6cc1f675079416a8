"""Relevance of what inner modules make, and every case in which there is no such thing."""

import gc
import threading
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import (
    Composite,
    Epsilon,
    Flat,
    Gamma,
    LRPError,
    SignCorrected,
    Zero,
    attribute,
    attribute_layers,
)
from tests.lrp.inner_networks import Block, Free, chain

RULES = Composite([(nn.Linear, Epsilon(0.1)), (nn.Module, Gamma(0.5))])
ZERO = Composite([(nn.Module, Zero())])


def steps(net):
    """The modules of ``chain`` that make something, by name, in their order."""
    return {
        name: module
        for name, module in net.named_modules()
        if not list(module.children()) and not isinstance(module, nn.Dropout)
    }


@pytest.mark.parametrize("inplace", [False, True])
def test_each_layer_is_what_the_layers_behind_it_make_of_the_output(inplace):
    """The relevance of a layer is that of the input of the net behind the layer."""
    net, x = chain(inplace=inplace), torch.randn(2, 1, 10, dtype=torch.float64)
    layers = list(steps(net))
    output, found = attribute_layers(net, x, 1, RULES, layers)
    assert torch.equal(output, attribute(net, x, 1, RULES)[0])
    assert list(found) == layers
    modules = list(steps(net).values())
    inner = x
    for i, name in enumerate(layers[:-1]):
        with torch.no_grad():
            inner = modules[i](inner.clone())  # a copy, as the next may write into it
        rest = nn.Sequential(*modules[i + 1 :]).eval()
        torch.testing.assert_close(found[name], attribute(rest, inner.clone(), 1, RULES)[1])


def test_every_layer_of_a_chain_without_biases_holds_the_output():
    net, x = chain(bias=False), torch.randn(3, 1, 10, dtype=torch.float64)
    layers = ["", "input", *steps(net), "features", "head"]
    output, found = attribute_layers(net, x, torch.tensor([0, 1, 1]), ZERO, layers)
    target = output[torch.arange(3), torch.tensor([0, 1, 1])]
    for name in layers:
        torch.testing.assert_close(found[name].flatten(1).sum(1), target, msg=name)


def test_the_ends_are_the_input_and_the_start():
    net, x = chain(), torch.randn(2, 1, 10, dtype=torch.float64)
    _, found = attribute_layers(net, x, 1, RULES, ["input", "", "out"], start="one")
    relevance = attribute(net, x, 1, RULES, start="one")[1]
    torch.testing.assert_close(found["input"], relevance, rtol=1e-12, atol=1e-15)
    assert torch.equal(found[""], found["input"])
    torch.testing.assert_close(found["out"], torch.tensor([[0.0, 1], [0, 1]]).double())


def test_a_container_is_its_last_module():
    net, x = chain(), torch.randn(2, 1, 10, dtype=torch.float64)
    layers = ["features", "features.5", "head", "head.2"]
    _, found = attribute_layers(net, x, 0, RULES, layers)
    assert torch.equal(found["features"], found["features.5"])
    assert torch.equal(found["head"], found["head.2"])


def test_free_forms():
    net, x = Free().double().eval(), torch.randn(2, 4, dtype=torch.float64)
    output, found = attribute_layers(net, x, 0, ZERO, ["block", "block.inner", "parts.0", "head"])
    for name in ("block", "head"):
        torch.testing.assert_close(found[name].sum(1), output[:, 0])
    with torch.no_grad():
        inner = net.block.inner(x)
        block = x + F.relu(inner)
        after = net.parts[0](block)
    c = torch.autograd.functional.jacobian(
        lambda v: _behind(net, v)[:, 0].sum(), block + F.relu(after)
    )
    torch.testing.assert_close(found["parts.0"], c * F.relu(after))
    whole = found["block"]
    torch.testing.assert_close(found["block.inner"], F.relu(inner) / block * whole)


def _behind(net, x):
    x = net.tied(F.relu(net.tied(x))) * 5
    return net.head(x * 3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("parts.1", r"layer 'parts.1' \(Linear\) computed nothing: it did not run"),
        ("parts", r"layer 'parts' \(ModuleList\) computed nothing"),
        ("drop", r"layer 'drop' \(Dropout\) computed nothing"),
        ("tied", r"layer 'tied' \(Linear\) computes something in several calls"),
        ("pair", r"layer 'pair' \(Pair\) makes 2 tensors that the rest of the model reads"),
        ("keeps", r"layer 'keeps' \(Keeps\) makes 2 tensors that"),
        ("silent", r"layer 'silent' \(Linear\) makes nothing that the rest of the model reads"),
        ("blok", "the model has no module 'blok'; did you mean 'block'"),
        ("xyz", "the model has no module 'xyz'$"),
    ],
)
def test_what_has_no_one_output_is_refused(name, message):
    net, x = Free().double().eval(), torch.randn(2, 4, dtype=torch.float64)
    with pytest.raises(LRPError, match=message) as caught:
        attribute_layers(net, x, 0, ZERO, ["block", name])
    assert "\n" not in str(caught.value)
    attribute_layers(net, x, 0, ZERO, ["block"])


@pytest.mark.parametrize("layers", ["features", [3], [None]])
def test_layers_that_are_no_names_are_refused(layers):
    with pytest.raises(LRPError, match="layers must be a list of module names; found"):
        attribute_layers(chain(), torch.randn(1, 1, 10).double(), 0, ZERO, layers)


def test_a_method_called_from_outside_is_no_call_of_its_module():
    class Calls(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = Block()

        def forward(self, x):
            return self.block.help(x)

    net, x = Calls().eval(), torch.randn(2, 4)
    with pytest.raises(LRPError, match=r"layer 'block' \(Block\) computed nothing"):
        attribute_layers(net, x, 0, ZERO, ["block"])
    output, found = attribute_layers(net, x, 0, ZERO, ["block.inner"])
    torch.testing.assert_close(found["block.inner"].sum(1), output[:, 0])


def test_a_forward_called_by_name_is_a_call():
    class Calls(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = Block()

        def forward(self, x):
            return self.block.forward(x) * 2

    output, found = attribute_layers(Calls().eval(), torch.randn(2, 4), 0, ZERO, ["block"])
    torch.testing.assert_close(found["block"].sum(1), output[:, 0])


def test_a_module_that_hands_something_new_on_but_gets_no_relevance_holds_none():
    class Picks(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.other = nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, x):
            return torch.cat([self.used(x), self.other(x)], 1)[:, :2]

    x = torch.randn(2, 3)
    _, found = attribute_layers(Picks().eval(), x, 0, ZERO, ["other", "used"])
    assert torch.equal(found["other"], torch.zeros(2, 2))
    assert bool((found["used"] != 0).any())


def test_a_module_called_input_is_meant_by_its_name():
    net = nn.Sequential()
    net.add_module("input", nn.Linear(3, 5))
    net.add_module("out", nn.Linear(5, 2))
    x = torch.randn(2, 3)
    _, found = attribute_layers(net.eval(), x, 0, ZERO, ["input", ""])
    assert found["input"].shape == (2, 5)
    assert found[""].shape == (2, 3)


@pytest.mark.parametrize("rule", [Zero(), SignCorrected(scale=False)])
def test_a_layer_merged_with_its_norm_has_no_output_of_its_own(rule):
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2)).eval()
    merged = Composite([(nn.Module, rule)], merge_batch_norm=isinstance(rule, Zero))
    x = torch.randn(2, 3)
    with pytest.raises(LRPError, match=r"layer '0' \(Linear\) is merged .* name the norm"):
        attribute_layers(net, x, 0, merged, ["0"])
    _, found = attribute_layers(net, x, 0, merged, ["1", "2", "3"])
    assert torch.equal(found["1"], found["2"])
    apart = attribute_layers(net, x, 0, ZERO, ["0", "1"])[1]
    assert apart["0"].shape == apart["1"].shape == (2, 4)


def test_relevance_of_zeros_is_there_too():
    """LRP-flat gives relevance to values that are 0."""
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1, bias=False)).eval()
    x = torch.randn(5, 3)
    rules = Composite([("2", Flat(1e-12)), (nn.Module, Zero())])
    output, found = attribute_layers(net, x, 0, rules, ["1"])
    torch.testing.assert_close(found["1"], (output / 4).expand(5, 4), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("last", [nn.Softmax(1), nn.Sigmoid()])
def test_a_last_softmax_or_sigmoid_counts_for_its_logits(last):
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2), last)).eval()
    x = torch.randn(2, 3)
    _, found = attribute_layers(net, x, 1, ZERO, ["2", "2.0"])
    logits = net[2][0](net[1](net[0](x))).detach()
    expected = torch.stack([torch.zeros(2), logits[:, 1]], 1)
    torch.testing.assert_close(found["2"], expected)
    torch.testing.assert_close(found["2.0"], expected)
    with pytest.raises(LRPError, match=r"layer '2.1' \((Softmax|Sigmoid)\)"):
        attribute_layers(net, x, 1, ZERO, ["2.1"])


def test_errors_of_the_model_come_first():
    with pytest.raises(LRPError, match="training mode"):
        attribute_layers(chain().train(), torch.randn(1, 1, 10).double(), 0, ZERO, ["out"])
    with pytest.raises(LRPError, match="must be a torch module; found int"):
        attribute_layers(3, torch.randn(1, 1, 10).double(), 0, ZERO, ["out"])


def test_nothing_is_left_on_the_model_and_no_tensor_stays_alive():
    net = chain()
    x = torch.randn(1, 1, 10, dtype=torch.float64)
    seen = []
    original = net.head[1].forward

    def forward(inputs):
        result = original(inputs)
        seen.append(weakref.ref(result))
        return result

    net.head[1].forward = forward
    before = {name: sorted(vars(module)) for name, module in net.named_modules()}
    gc.disable()
    try:
        attribute_layers(net, x, 0, ZERO, ["head.1", "features"])
        with pytest.raises(LRPError):
            attribute_layers(net, x, 0, ZERO, ["features.3"])
        gc.collect()
        assert [one() for one in seen] == [None] * len(seen)
        assert len(seen) == 2
    finally:
        gc.enable()
    assert {name: sorted(vars(module)) for name, module in net.named_modules()} == before
    assert all(parameter.grad is None for parameter in net.parameters())


def test_threads_do_not_disturb_each_other():
    net = chain()
    xs = torch.randn(4, 1, 1, 10, dtype=torch.float64)
    alone = [attribute_layers(net, x, 0, RULES, ["features", "head.1"])[1] for x in xs]
    found = [None] * len(xs)

    def work(i):
        for _ in range(5):
            found[i] = attribute_layers(net, xs[i], 0, RULES, ["features", "head.1"])[1]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(xs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(alone, found, strict=True):
        assert all(torch.equal(one[name], other[name]) for name in one)
