"""What plain Python computes is in sight; what a model keeps is ordinary; the rest is refused."""

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.utils.checkpoint import checkpoint
from toy_sight import ZERO, explain, in_inference_mode, without_gradients

from speechlrp.lrp import LRPError, NotExplainable, attribute
from speechlrp.lrp.recorder import Recorder
from speechlrp.lrp.tape import Tape


def twice(x):
    return x * 2.0


class Identity(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Pair(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x, x * 2

    @staticmethod
    def backward(ctx, first, second):
        return first


def slope(w):
    return torch.func.grad(lambda w: (w**3).sum())(w)


def parametrised():
    layer = nn.Linear(4, 4, bias=False).double()
    layer.weight.data = torch.eye(4).double()
    parametrize.register_parametrization(layer, "weight", Doubling())
    return layer


class Doubling(nn.Module):
    def forward(self, weight):
        return weight * 2


def projected(x):
    layer = nn.Linear(4, 4, bias=False).double()
    layer.weight.data = 3 * torch.eye(4).double()
    outputs = []
    for _ in range(2):
        layer.weight.data = torch.renorm(layer.weight.data, 2, 0, 1.0)
        outputs.append(layer(x))
    return outputs[0] + outputs[1]


def filled(x):
    columns = [torch.empty(1).double() for _ in range(8)]
    values = [column.fill_(number) for column, number in zip(columns, x.flatten(), strict=True)]
    return torch.cat(values).view(2, 4)


def in_place_of_a_view(x):
    y = x.clone()
    with torch.inference_mode():
        return y * 3


IN_SIGHT = {
    "inference mode": (lambda x: in_inference_mode(twice, x), 2),
    "no gradients": (lambda x: without_gradients(twice, x), 2),
    "inference mode after": (in_place_of_a_view, 3),
    "a function that returns its input": (lambda x: x + Identity.apply(x), 2),
    "a function that marks it dirty": (lambda x: x + Doubled.apply(x.clone()), 3),
    "a function of two results": (lambda x: x + Pair.apply(x)[1], 3),
    "a checkpoint": (lambda x: x + checkpoint(twice, x, use_reentrant=False), 3),
    "vmap of constants": (
        lambda x: x * torch.vmap(lambda row: row * 2)(torch.ones(2, 4).double()),
        2,
    ),
    "as_tensor": (lambda x: torch.as_tensor(x) + x, 2),
    "a gradient of constants": (lambda x: x * slope(torch.ones(4).double()), 3),
    "a Jacobian of constants": (
        lambda x: x @ torch.func.jacrev(twice)(torch.ones(4).double()).T,
        2,
    ),
    "a parametrisation": (lambda x: x + parametrised()(x), 3),
    "a weight that is projected twice": (lambda x: projected(x), 2),
    "fill_": (lambda x: x + filled(x), 2),
}


@pytest.mark.parametrize("name", IN_SIGHT)
def test_what_runs_in_plain_python_is_in_sight(name):
    body, factor = IN_SIGHT[name]
    net, x, output, relevance = explain(body)
    torch.testing.assert_close(output, factor * net.head(x).detach())
    torch.testing.assert_close(relevance, factor * x * net.head.weight.detach()[1])


@pytest.mark.parametrize(
    "register",
    ["register_full_backward_hook", "register_full_backward_pre_hook", "register_backward_hook"],
)
def test_backward_hooks_see_nothing_and_change_nothing(register):
    def hook(*_):
        raise AssertionError("no gradient is taken")

    layer = nn.Sequential(nn.Linear(4, 4, bias=False), nn.ReLU()).double()
    expected = explain(lambda x: x + layer(x), torch.ones(2, 4).double())
    torch.manual_seed(0)
    getattr(layer, register)(hook)
    getattr(layer[1], register)(hook)
    _, _, output, relevance = explain(lambda x: x + layer(x), torch.ones(2, 4).double())
    torch.testing.assert_close(relevance.sum(1), output[:, 1])
    assert relevance.shape == expected[3].shape


class Other(torch.Tensor):
    pass


def gradient_of_a_constant():
    w = torch.ones(4).double().requires_grad_()
    return torch.autograd.grad((w**3).sum(), w)[0]


SENTENCES = {
    "register_hook.* remove the hook": lambda x: (x.clone().register_hook(print), x)[1],
    "retain_grad.* remove the hook": lambda x: (x.retain_grad(), x)[1],
    "grad .* asks autograd for a gradient": lambda x: torch.autograd.grad((x * x).sum(), x)[0],
    "grad .* asks autograd for": lambda x: x * gradient_of_a_constant(),
    "alias.*out of sight": lambda x: x.as_subclass(Other) * 2,
    "torch, where .* grad as a constant": lambda x: x + torch.jit.trace(twice, x)(x),
    "backward .* asks autograd for a gradient": lambda x: (x.sum().backward(), x)[1],
    "asarray .* cuts a tensor off": lambda x: x + torch.asarray(x),
    "torch.tensor .* cuts a tensor off": lambda x: x + torch.tensor(x),
    "detach .* cuts a tensor off": lambda x: x - x.detach(),
    "requires_grad_ .* cuts": lambda x: x.requires_grad_(),
    "out= .*assign the result": lambda x: torch.add(x, 1, out=torch.zeros(2, 4).double()),
    "item .* takes the numbers out": lambda x: x * x[0, 0].item(),
    "full_like .* has no rule": lambda x: torch.full_like(x, x[0, 0]),
    "torch.full_like .* has no rule": lambda x: torch.full_like(x, fill_value=x[0, 0]),
    "full_like .* has no rule and": lambda x: torch.full_like(
        fill_value=x[0, 0], input=torch.ones(2, 4).double()
    ),
    "new_full .* has no rule": lambda x: x.new_full((2, 4), fill_value=x[0, 0]),
    "new_tensor .* has no rule": lambda x: torch.ones(1).double().new_tensor(x),
    "gt .*out= .*assign the result": lambda x: torch.gt(x, 0, out=x.clone()),
}


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("sentence", SENTENCES)
def test_each_has_its_own_sentence(sentence):
    with pytest.raises(NotExplainable, match=sentence):
        explain(SENTENCES[sentence])


def test_what_the_model_keeps_is_an_ordinary_tensor_afterwards():
    class Keeping(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(4, 3)

        def forward(self, x):
            self.inside = torch.relu(x)
            self.kept = [self.inside, {"head": self.head(x)}, x]
            self.weak = weakref.ref(self.inside)
            return self.kept[1]["head"]

    net, x = Keeping().double().eval(), torch.randn(2, 4).double()
    output, _ = attribute(net, x, 1, ZERO)
    kept = [net.inside, net.kept[0], net.kept[1]["head"], net.kept[2]]
    for one, expected in zip(kept, [x.relu(), x.relu(), output, x], strict=True):
        assert type(one) is torch.Tensor
        assert not vars(one)
        assert not one.requires_grad
        assert np.array_equal(one.numpy(), expected.numpy())
    tape = weakref.ref(net.inside)
    del net, kept, one, expected
    assert tape() is None


def test_a_failed_pass_leaves_ordinary_tensors_too():
    kept = []

    def body(x):
        kept.append(x * 2)
        return torch.round(x)

    with pytest.raises(NotExplainable, match="round"):
        explain(body)
    assert type(kept[0]) is torch.Tensor
    assert kept[0].numpy().shape == (2, 4)


def test_a_shape_changed_in_place():
    recorder = Recorder(nn.Identity(), Tape())
    (first, _), (second, value) = (recorder.emit(torch.ones(s)) for s in ((2, 3), (2, 1, 3)))
    alias = first
    recorder.overwrite(first, second)
    assert alias.shape == (2, 1, 3)
    assert recorder.value(alias) is value
    recorder.close()
    assert type(alias) is torch.Tensor


def test_two_passes_in_two_threads_do_not_meet():
    barrier = threading.Barrier(2)

    def body(x):
        barrier.wait(10)
        return x * 2

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda seed: explain(body), range(2)))
    for net, x, _, relevance in found:
        torch.testing.assert_close(relevance, 2 * x * net.head.weight.detach()[1])


def test_a_pass_inside_a_pass_is_refused():
    inner = nn.Linear(4, 4).double().eval()
    with pytest.raises(LRPError):
        explain(lambda x: attribute(inner, x, 0, ZERO)[1])
    gc.collect()
