"""The model and torch's state come back as they were, whatever happens."""

import copy
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch.overrides import _get_current_function_mode

from speechlrp.lrp import Composite, Epsilon, LRPError, NotExplainable, Rule, Zero, attribute

RULES = Composite([(nn.Linear, Zero()), (nn.Module, Epsilon(0.5))])


class Boom(RuntimeError):
    """Raised on purpose."""


class Failing(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def forward(self, x):
        if self.kind == "forward":
            raise Boom
        return torch.lgamma(x) if self.kind == "unknown" else x


class FailingRule(Rule):
    def backward(self, layer, c):
        raise Boom


def network(kind="none"):
    return nn.Sequential(
        nn.Conv2d(1, 3, 3),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2),
        Failing(kind),
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(12, 2),
    ).eval()


def state(net):
    hooks = [
        {key: dict(value) for key, value in vars(m).items() if "hooks" in key}
        for m in net.modules()
    ]
    return {
        "weights": copy.deepcopy(net.state_dict()),
        "attributes": [sorted(vars(m)) for m in net.modules()],
        "identity": [id(p) for p in net.parameters()],
        "hooks": hooks,
        "training": [m.training for m in net.modules()],
        "requires": [p.requires_grad for p in net.parameters()],
        "grad": [None if p.grad is None else p.grad.clone() for p in net.parameters()],
        "mode": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "functions": _get_current_function_mode(),
        "random": torch.get_rng_state(),
    }


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


CASES = {
    "success": (network(), RULES, 1, None),
    "exception in the forward": (network("forward"), RULES, 1, Boom),
    "unknown operation": (network("unknown"), RULES, 1, NotExplainable),
    "exception in a rule": (network(), Composite([(nn.Module, FailingRule())]), 1, Boom),
    "no rule": (network(), Composite([(nn.Linear, Zero())]), 1, NotExplainable),
    "target out of range": (network(), RULES, 2, LRPError),
}


@pytest.mark.parametrize("mode", ["grad", "no_grad", "inference"])
@pytest.mark.parametrize("name", CASES)
def test_untouched(name, mode):
    net, rules, target, error = CASES[name]
    hook = net[0].register_forward_hook(lambda *_: None)
    net[0].weight.requires_grad_(False)
    net[6].bias.grad = torch.ones(2)
    x = torch.randn(2, 1, 7, 7, requires_grad=mode == "grad")
    numbers = x.detach().clone()
    context = {
        "grad": torch.enable_grad,
        "no_grad": torch.no_grad,
        "inference": torch.inference_mode,
    }[mode]
    with context():
        before = state(net)
        if error is None:
            output, relevance = attribute(net, x, target, rules)
            assert not output.requires_grad
            assert not relevance.requires_grad
            assert relevance.shape == x.shape
        else:
            with pytest.raises(error):
                attribute(net, x, target, rules)
        assert same(state(net), before)
    assert torch.equal(x.detach(), numbers)
    assert x.grad is None
    hook.remove()


def test_same_answer_whatever_the_callers_mode():
    net = network()
    x = torch.randn(2, 1, 7, 7)
    expected = attribute(net, x, 1, RULES)[1]
    with torch.no_grad():
        torch.testing.assert_close(attribute(net, x, 1, RULES)[1], expected, rtol=0, atol=0)
    with torch.inference_mode():
        inside = attribute(net, x.clone(), 1, RULES)[1]
        torch.testing.assert_close(inside, expected, rtol=0, atol=0)
        made_inside = network()
        made_inside.load_state_dict(net.state_dict())
    result = attribute(made_inside, x.requires_grad_(), 1, RULES)[1]
    torch.testing.assert_close(result, expected, rtol=0, atol=0)


def test_parameters_without_gradients_give_the_same():
    net, x = network(), torch.randn(2, 1, 7, 7)
    expected = attribute(net, x, 0, RULES)[1]
    net.requires_grad_(False)
    torch.testing.assert_close(attribute(net, x, 0, RULES)[1], expected, rtol=0, atol=0)


def test_inputs_that_are_not_contiguous():
    net, x = network(), torch.randn(7, 7, 1, 2).permute(3, 2, 0, 1)
    expected = attribute(net, x.contiguous(), 0, RULES)[1]
    torch.testing.assert_close(attribute(net, x, 0, RULES)[1], expected)


def test_threads_do_not_disturb_each_other():
    net = network()
    inputs = torch.randn(24, 2, 1, 7, 7)
    expected = [attribute(net, x, 1, RULES) for x in inputs]
    gate = threading.Barrier(4)

    def work(start):
        gate.wait()
        found = []
        for x in inputs[start::4]:
            found.append(attribute(net, x, 1, RULES))
            with pytest.raises(NotExplainable):
                attribute(network("unknown"), x, 1, RULES)
            assert net(x).requires_grad
        return found

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, range(4)))
    for start, found in enumerate(results):
        for (output, relevance), (o, r) in zip(found, expected[start::4], strict=True):
            assert torch.equal(output, o)
            assert torch.equal(relevance, r)


def test_nothing_is_kept_between_calls():
    import gc
    import weakref

    net, x = network(), torch.randn(2, 1, 7, 7)
    gc.collect()
    gc.disable()
    try:
        alive: list[weakref.ref] = []
        handle = net[0].register_forward_hook(lambda _m, _i, out: alive.append(weakref.ref(out)))
        attribute(net, x, 1, RULES)
        handle.remove()
        assert [one() for one in alive] == [None]
    finally:
        gc.enable()
