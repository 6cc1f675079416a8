"""What is computed from the input out of sight is refused, wherever it meets what is in sight."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from toy_sight import explain, in_inference_mode, without_gradients

from speechlrp.lrp import NotExplainable

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


def in_another_thread(function, x):
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, x).result()


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
