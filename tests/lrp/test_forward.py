"""Models of several inputs, with other arguments, and outputs that are more than a tensor."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from speechlrp.lrp import (
    Composite,
    LRPError,
    NotExplainable,
    Zero,
    attribute,
    attribute_layers,
    conservation,
    describe,
)

ZERO = Composite([(nn.Module, Zero())])
Pair = namedtuple("Pair", ["logits", "hidden"])


@dataclass
class Result:
    logits: torch.Tensor
    hidden: torch.Tensor


class Both(nn.Module):
    """Logits of two inputs, of which a mask hides parts, without biases."""

    def __init__(self, form=None):
        super().__init__()
        self.a, self.b = nn.Linear(4, 3, bias=False), nn.Linear(2, 3, bias=False)
        self.form = form

    def forward(self, x, y, mask=None, *, scale=1.0):
        hidden = torch.relu(self.a(x)) + self.b(y)
        hidden = hidden if mask is None else hidden * mask
        logits = scale * hidden
        return logits if self.form is None else self.form(logits, hidden)


def case(form=None):
    torch.manual_seed(1)
    x, y = torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 2, dtype=torch.float64)
    return Both(form).double().eval(), x, y


def expected(net, x, y, factor=1.0):
    leaves = [one.clone().requires_grad_() for one in (x, y)]
    logits = torch.relu(net.a(leaves[0])) + net.b(leaves[1])
    grads = torch.autograd.grad((logits * factor)[:, 1].sum(), leaves)
    return [one.detach() * grad for one, grad in zip(leaves, grads, strict=True)]


def test_a_tuple_of_inputs_has_a_tuple_of_relevances():
    net, x, y = case()
    output, relevance = attribute(net, (x, y), 1, ZERO)
    assert isinstance(relevance, tuple)
    for one, other in zip(relevance, expected(net, x, y), strict=True):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(sum(one.sum(1) for one in relevance), output[:, 1])


def test_inputs_by_name():
    net, x, y = case()
    _, relevance = attribute(net, {"y": y, "x": x}, 1, ZERO)
    assert list(relevance) == ["y", "x"]
    torch.testing.assert_close(relevance["x"], expected(net, x, y)[0])
    torch.testing.assert_close(relevance["y"], expected(net, x, y)[1])


def test_other_arguments_are_constants():
    net, x, y = case()
    mask = torch.tensor([[1.0, 1, 0], [0, 1, 1], [1, 0, 1]]).double()
    _, relevance = attribute(net, x, 1, ZERO, (y, mask), {"scale": 3.0})
    torch.testing.assert_close(relevance, expected(net, x, y, 3 * mask)[0])
    _, relevance = attribute(net, (x, y), 1, ZERO, kwargs={"mask": mask})
    torch.testing.assert_close(relevance[1], expected(net, x, y, mask)[1])


FORMS = {
    "an attribute": (Result, lambda o: o.logits),
    "a named tuple": (Pair, lambda o: o.logits),
    "a tuple": (lambda *both: both, lambda o: o[0]),
    "a dict": (lambda logits, hidden: {"logits": logits}, lambda o: o["logits"]),
    "a computation": (lambda logits, hidden: (logits / 2, hidden / 2), sum),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_part_of_the_output_is_explained(name):
    form, output = FORMS[name]
    net, x, y = case(form)
    result, relevance = attribute(net, (x, y), 1, ZERO, output=output, check=True)
    torch.testing.assert_close(result, case()[0](x, y).detach())
    torch.testing.assert_close(relevance[0], expected(net, x, y)[0])


UNPICKED = {
    "found tuple: .* o\\[0\\]": lambda *both: both,
    "found dict: .* o\\['logits'\\]": lambda logits, hidden: {"hidden": hidden, "logits": logits},
    "found OrderedDict: .* o\\['hidden'\\]": lambda logits, hidden: OrderedDict(hidden=hidden),
    "found Result: say which part": Result,
}


@pytest.mark.parametrize("message", UNPICKED)
def test_an_output_of_several_parts_asks_which(message):
    net, x, y = case(UNPICKED[message])
    with pytest.raises(LRPError, match=message):
        attribute(net, (x, y), 1, ZERO)


def test_an_output_that_is_picked_may_be_made_of_constants():
    net, x, y = case(lambda logits, hidden: (logits, torch.ones(3, 3).double()))
    with pytest.raises(NotExplainable, match="does not depend on its input"):
        attribute(net, (x, y), 1, ZERO, output=lambda o: o[1])


REFUSED = {
    "Both.forward: missing a required argument: 'y'; .* args=": lambda net, x, y: (net, x, {}),
    "Both.forward: got an unexpected keyword argument 'z'": lambda net, x, y: (
        net,
        (x, y),
        {"kwargs": {"z": 1}},
    ),
    "Both.forward: too many positional arguments": lambda net, x, y: (
        net,
        (x, y),
        {"args": (None, 3)},
    ),
    "inputs are empty": lambda net, x, y: (net, (), {}),
    "floating point; found torch.int64: .*inputs_embeds": lambda net, x, y: (
        net,
        (x, y.long()),
        {},
    ),
    "inputs must be a tensor; found str": lambda net, x, y: (net, (x, "y"), {}),
    r"no example to explain: .* is \[0, 4\]": lambda net, x, y: (net, x[:0], {"args": (y[:0],)}),
}


@pytest.mark.parametrize("message", REFUSED)
def test_arguments_that_do_not_fit(message):
    net, x, y = case()
    model, inputs, options = REFUSED[message](net, x, y)
    with pytest.raises(LRPError, match=message) as caught:
        attribute(model, inputs, 1, ZERO, **options)
    assert "\n" not in str(caught.value)


def test_the_others_take_the_same_arguments():
    net, x, y = case(lambda *both: both)
    mask = torch.tensor([[1.0, 1, 0], [0, 1, 1], [1, 0, 1]]).double()
    options = {"kwargs": {"mask": mask}, "output": lambda o: o[0]}
    _, relevance = attribute(net, (x, y), 1, ZERO, **options)
    _, inner = attribute_layers(net, (x, y), 1, ZERO, ["input", "a"], **options)
    torch.testing.assert_close(inner["input"], relevance)
    assert [one.name for one in describe(net, (x, y), ZERO, **options).layers] == ["a", "b"]
    balances = conservation(net, (x, y), 1, ZERO, **options)
    passed = sum(one.passed for one in balances if one.operation == "linear")
    torch.testing.assert_close(passed, sum(one.sum(1) for one in relevance))


def test_an_embedding_is_explained_by_name():
    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.head = nn.Embedding(5, 4), nn.Linear(4, 2)

        def forward(self, input_ids=None, inputs_embeds=None):
            embedded = self.embed(input_ids) if inputs_embeds is None else inputs_embeds
            return self.head(embedded.mean(1))

    net, tokens = Tagger().eval(), torch.tensor([[1, 2, 3]])
    with pytest.raises(LRPError, match="inputs_embeds"):
        attribute(net, tokens, 0, ZERO)
    embeddings = net.embed(tokens)
    _, relevance = attribute(net, {"inputs_embeds": embeddings}, 0, ZERO)
    assert relevance["inputs_embeds"].shape == (1, 3, 4)
