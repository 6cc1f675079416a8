"""Constants that change where the tracer does not see it, random numbers, and the model's mode."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from toy_sight import ZERO, explain

from speechlrp.lrp import LRPWarning, NotExplainable, attribute


@torch.library.custom_op("speechlrp_tests::triple", mutates_args=("w",))
def custom(w: torch.Tensor) -> None:
    w.mul_(3.0)


def in_a_thread(w):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(w.mul_, 3.0).result()


def unguarded(w):
    with torch._C.DisableTorchFunction():
        w.mul_(3.0)


def stepped(w):
    parameter = nn.Parameter(w)
    parameter.grad = torch.ones_like(w)
    torch.optim.SGD([parameter], lr=1.0, foreach=True).step()


def scripted(w):
    with pytest.warns(DeprecationWarning, match="torch.jit"):
        torch.jit.script(_tripled)(w)


def _tripled(w: torch.Tensor) -> torch.Tensor:
    return w.mul_(3.0)


UNSEEN = {
    "another thread": in_a_thread,
    "without the function mode": unguarded,
    "a script": scripted,
    "an operator": lambda w: torch.ops.aten.mul_(w, 3.0),
    "an extension": custom,
    "a list at once": lambda w: torch._foreach_mul_([w], 3.0),
    "an optimiser": stepped,
    "vmap": lambda w: torch.vmap(lambda row: row.mul_(3.0))(w),
    "functionalize": lambda w: torch.func.functionalize(lambda v: v.mul_(3.0))(w),
    "an initialisation": lambda w: nn.init.constant_(w, 3.0),
    "an embedding's norm": lambda w: F.embedding(torch.arange(4), w, max_norm=0.1),
    "out, of two": lambda w: torch.max(
        torch.stack([w, 3 * w]), 0, out=(w, torch.zeros(4, 4).long())
    ),
    "running statistics": lambda w: F.batch_norm(
        torch.randn(5, 4).double(), w[0], w[1], training=True
    ),
    "NumPy": lambda w: np.multiply(w.numpy(), 3.0, out=w.numpy()),
    "an array": lambda w: np.asarray(w).fill(3.0),
    "dlpack": lambda w: torch.from_dlpack(w).mul_(3.0),
    "a storage": lambda w: w.untyped_storage().fill_(0),
}
READERS = {"a dense layer": F.linear, "a product": torch.matmul, "a factor": lambda x, w: x * w[0]}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", UNSEEN)
def test_a_constant_that_changes_out_of_sight_is_told(name, reader):
    def body(x):
        w = torch.rand(4, 4).double() + 0.5
        y = READERS[reader](x, w)
        torch.manual_seed(0)
        UNSEEN[name](w)
        return y

    with pytest.raises(NotExplainable, match=r"changes a constant that|is changed after an op"):
        explain(body)


@pytest.mark.parametrize("name", UNSEEN)
def test_what_changes_before_it_is_read_is_read_as_it_is(name):
    seen = []

    def body(x):
        w = torch.rand(4, 4).double() + 0.5
        torch.manual_seed(0)
        UNSEEN[name](w)
        seen.append(w.clone())
        return F.linear(x, w)

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LRPWarning)  # a storage of zeros explains nothing
        net, x, _, relevance = explain(body)
    torch.testing.assert_close(relevance, x * (net.head.weight.detach()[1] @ seen[0]))


def test_an_array_that_a_constant_was_made_of_is_looked_at_too():
    array = np.arange(1.0, 5.0)

    def body(x):
        y = x * torch.from_numpy(array)
        array[:] = 0
        return y

    with pytest.raises(NotExplainable, match=r"shape \[4\] is changed after .* NumPy"):
        explain(body)


DRAWN = {
    "noise": lambda x: x + torch.randn_like(x),
    "a factor": lambda x: x * torch.rand(4).double(),
    "in place": lambda x: x + 2 * torch.empty(4).double().normal_(),
    "into a part": lambda x: x + into_a_part(),
    "dropout of a constant": lambda x: x * F.dropout(torch.ones(4).double(), 0.5, True),
    "an order": lambda x: x[:, torch.randperm(4)],
    "a branch": lambda x: x * 2 if torch.rand(()) < 0.5 else x * 3,
    "a number": lambda x: x * (1 + torch.rand(1).item()),
    "a distribution": lambda x: x + torch.distributions.Normal(0.0, 1.0).sample((4,)).double(),
    "a generator that goes on": lambda x: x * torch.rand(4, generator=GOING_ON).double(),
}
GOING_ON = torch.Generator()
torch.rand(1, generator=GOING_ON)


def into_a_part():
    y = torch.zeros(2, 4).double()
    y[:, 0] = torch.rand(2).double()
    return y


@pytest.mark.parametrize("name", DRAWN)
def test_random_numbers_that_nobody_seeded_are_told(name):
    with pytest.warns(LRPWarning, match="draws at random in evaluation mode, and the output"):
        explain(DRAWN[name])


def seeded(x):
    torch.manual_seed(3)
    return x * torch.rand(4).double() + torch.rand(4).double()


UNTOLD = {
    "drawn and not used": lambda x: (torch.rand(()), x * 2)[1],
    "replaced": lambda x: x * torch.rand(4).double().fill_(2.0),
    "dropout that is off": lambda x: x * F.dropout(torch.ones(4).double(), 0.5, False),
    "seeded": seeded,
    "a generator of its own": lambda x: (
        x * torch.rand(4, generator=torch.Generator().manual_seed(0)).double()
    ),
}


@pytest.mark.parametrize("name", UNTOLD)
def test_random_numbers_that_change_nothing_are_not_told(name):
    explain(UNTOLD[name])


MODES = {
    "the gradient mode": lambda m, x: torch.is_grad_enabled(),
    "requires_grad": lambda m, x: m.head(x).requires_grad,
    "a constant's requires_grad": lambda m, x: (m.head.weight * 2).requires_grad,
    "grad_fn": lambda m, x: m.head(x).grad_fn is not None,
}


@pytest.mark.parametrize("caller", [torch.enable_grad, torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("name", MODES)
def test_a_model_runs_as_it_does_without_gradients(name, caller):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(4, 3, bias=False)

        def forward(self, x):
            return self.head(x) * (2 if MODES[name](self, x) else 3)

    net, x = Model().eval(), torch.randn(2, 4)
    with caller():
        output, relevance = attribute(net, x, 1, ZERO, check=True)
    torch.testing.assert_close(output, 3 * net.head(x).detach())
    torch.testing.assert_close(relevance.sum(1), output[:, 1])


def test_a_gradient_of_constants_where_the_model_asks_for_a_graph():
    def body(x):
        with torch.enable_grad():
            w = torch.full((4,), 2.0).double().requires_grad_()
            slope = torch.autograd.grad((w**3).sum(), w)[0]
            jacobian = torch.autograd.functional.jacobian(lambda v: v * 2, w.detach())
        return (x * slope) @ jacobian

    net, x, _, relevance = explain(body)
    torch.testing.assert_close(relevance, 24 * x * net.head.weight.detach()[1])


TRANSFORMS = {
    "vmap over constants": lambda x: torch.vmap(lambda k: x * k)(torch.ones(2).double()).sum(0),
    "func.grad": lambda x: torch.func.grad(lambda w: (w * x).sum())(torch.ones(4).double()) * x,
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_input_under_a_transform_of_constants_is_refused_by_name(name):
    with pytest.raises(NotExplainable, match="out of sight, under vmap or another transform"):
        explain(TRANSFORMS[name])
