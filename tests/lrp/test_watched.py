"""What is computed from the input out of sight is refused, wherever it meets what is in sight."""

import gc
import io
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from speechlrp.lrp import Composite, LRPError, NotExplainable, Zero, attribute

ZERO = Composite([(nn.Module, Zero())])

pytestmark = [
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:To copy construct from a tensor"),
]


@pytest.fixture(scope="module")
def twice():
    with pytest.warns(DeprecationWarning, match="torch.jit"):
        return {"script": torch.jit.script(_twice), "quiet": torch.jit.script(_quietly_twice)}


def _twice(x: torch.Tensor) -> torch.Tensor:
    return x * 2.0


def _quietly_twice(x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return x * 2.0


class Net(nn.Module):
    """A head over a function of the input, without biases."""

    def __init__(self, body):
        super().__init__()
        self.body, self.head = body, nn.Linear(4, 3, bias=False)

    def forward(self, x):
        return self.head(self.body(x))


def explain(body, x=None):
    net = Net(body).double().eval()
    x = torch.randn(2, 4, dtype=torch.float64) if x is None else x
    output, relevance = attribute(net, x, 1, ZERO)
    return net, x, output, relevance


def in_inference_mode(function, x):
    with torch.inference_mode():
        return function(x)


def in_another_thread(function, x):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, x).result()


def without_gradients(function, x):
    with torch.no_grad():
        return function(x)


def pickled(x):
    buffer = io.BytesIO()
    torch.save(x, buffer)
    buffer.seek(0)
    return torch.load(buffer)


class Raw(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        with torch._C.DisableTorchFunction():
            return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient


OUT_OF_SIGHT = {
    "a script": lambda x, twice: twice["script"](x),
    "a script in inference mode": lambda x, twice: in_inference_mode(twice["script"], x),
    "a script without gradients": lambda x, twice: twice["quiet"](x),
    "vmap": lambda x, twice: torch.vmap(lambda row: row * 2)(x),
    "func.grad": lambda x, twice: torch.func.grad(lambda one: (one**2).sum())(x),
    "another thread": lambda x, twice: in_another_thread(lambda one: one * 2, x),
    "another thread, no gradients": lambda x, twice: in_another_thread(
        lambda one: without_gradients(_twice, one), x
    ),
    "a raw autograd function": lambda x, twice: Raw.apply(x),
    "a parameter": lambda x, twice: nn.Parameter(x),
    "torch.tensor": lambda x, twice: torch.tensor(x),
    "torch.Tensor": lambda x, twice: torch.Tensor(x.float()).double().detach(),
    "dlpack": lambda x, twice: torch.utils.dlpack.from_dlpack(torch.utils.dlpack.to_dlpack(x)),
    "from_dlpack": lambda x, twice: torch.from_dlpack(x),
    "numpy": lambda x, twice: torch.from_numpy(x.detach().numpy() * 2),
    "numpy in a thread": lambda x, twice: torch.from_numpy(in_another_thread(np.asarray, x) * 2),
    "a list": lambda x, twice: torch.tensor(x.tolist()),
    "a number": lambda x, twice: torch.full((2, 4), float(x.sum())).double(),
    "data": lambda x, twice: x.data * 2,
    "another's data": lambda x, twice: with_data(x),
    "set_": lambda x, twice: torch.empty(0).double().set_(x),
    "a copy": lambda x, twice: __import__("copy").deepcopy(x),
    "a file": lambda x, twice: pickled(x),
    "a storage": lambda x, twice: torch.tensor(x.untyped_storage().tolist()),
    "without the function mode": lambda x, twice: unguarded(x),
}


def with_data(x):
    tensor = torch.zeros(2, 4).double()
    tensor.data = x
    return tensor


def unguarded(x):
    with torch._C.DisableTorchFunction():
        return torch.relu(x)


MEETINGS = {
    "alone": lambda x, y: y,
    "a sum": lambda x, y: x + y,
    "first in a sum": lambda x, y: y + x,
    "a product": lambda x, y: y * x,
    "stack": lambda x, y: torch.stack([x, y]).sum(0),
    "cat": lambda x, y: torch.cat((x, y), 1)[:, ::2],
    "where": lambda x, y: torch.where(torch.tensor([True, False, True, False]), x, y),
    "a keyword": lambda x, y: torch.add(x, other=y),
    "addcmul": lambda x, y: torch.addcmul(x, y, torch.ones(4).double()),
    "an assignment": lambda x, y: assigned(x, y),
}


def assigned(x, y):
    z = x.clone()
    z[:, 1:] = y[:, 1:]
    return z


@pytest.mark.parametrize("name", OUT_OF_SIGHT)
def test_what_is_out_of_sight_is_refused_by_name(name, twice):
    with pytest.raises(NotExplainable) as caught:
        explain(lambda x: OUT_OF_SIGHT[name](x, twice))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("meeting", MEETINGS)
@pytest.mark.parametrize("name", ["a script", "vmap", "another thread, no gradients", "dlpack"])
def test_wherever_it_meets_what_is_in_sight(name, meeting, twice):
    with pytest.raises(NotExplainable, match="out of sight"):
        explain(lambda x: MEETINGS[meeting](x, OUT_OF_SIGHT[name](x, twice)))


def test_a_refusal_that_the_model_catches_is_raised_all_the_same(twice):
    def body(x):
        try:
            return x + twice["script"](x)
        except RuntimeError as error:
            raise KeyError("something else") from error

    with pytest.raises(NotExplainable, match="out of sight"):
        explain(body)


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


def in_place_of_a_view(x):
    y = x.clone()
    with torch.inference_mode():
        return y * 3


IN_SIGHT = {
    "inference mode": (lambda x: in_inference_mode(_twice, x), 2),
    "no gradients": (lambda x: without_gradients(_twice, x), 2),
    "inference mode after": (in_place_of_a_view, 3),
    "a function that returns its input": (lambda x: x + Identity.apply(x), 2),
    "a function that marks it dirty": (lambda x: x + Doubled.apply(x.clone()), 3),
    "a function of two results": (lambda x: x + Pair.apply(x)[1], 3),
    "a checkpoint": (lambda x: x + checkpoint(_twice, x, use_reentrant=False), 3),
    "vmap of constants": (
        lambda x: x * torch.vmap(lambda row: row * 2)(torch.ones(2, 4).double()),
        2,
    ),
    "as_tensor": (lambda x: torch.as_tensor(x) + x, 2),
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


SENTENCES = {
    "register_hook.* remove the hook": lambda x: (x.clone().register_hook(print), x)[1],
    "retain_grad.* remove the hook": lambda x: (x.retain_grad(), x)[1],
    "grad .* asks autograd for a gradient": lambda x: torch.autograd.grad((x * x).sum(), x)[0],
    "backward .* asks autograd for a gradient": lambda x: (x.sum().backward(), x)[1],
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
        return torch.erfinv(x)

    with pytest.raises(NotExplainable, match="erfinv"):
        explain(body)
    assert type(kept[0]) is torch.Tensor
    assert kept[0].numpy().shape == (2, 4)


def test_a_shape_changed_in_place():
    from speechlrp.lrp.recorder import Recorder
    from speechlrp.lrp.tape import Tape

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
