"""Products with constant matrices are layers, for every rule."""

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
from tests.lrp.test_rules import RULES_, check


class Product(nn.Module):
    """A forward over constants ``w [4, 5]``, ``v [4]``, ``left [3, 6]`` and ``b [5]``."""

    def __init__(self, function):
        super().__init__()
        torch.manual_seed(4)
        self.w = nn.Parameter(torch.randn(4, 5))
        self.register_buffer("v", torch.randn(4))
        self.register_buffer("left", torch.randn(3, 6))
        self.b = torch.randn(5).double()
        self.function = function

    def forward(self, x):
        return self.function(self, x)


ROW, FRAMES, COLUMNS = (4,), (3, 4), (6, 2)
FORMS = {
    "@": (lambda m, x: x @ m.w, ROW),
    "@, frames": (lambda m, x: x @ m.w, FRAMES),
    "constant @ x": (lambda m, x: m.left @ x, COLUMNS),
    "transposed @ x": (lambda m, x: m.left.T.T @ x, COLUMNS),
    "torch.matmul": (lambda m, x: torch.matmul(x, m.w), FRAMES),
    "matmul by name": (lambda m, x: torch.matmul(input=x, other=m.w), ROW),
    "Tensor.matmul": (lambda m, x: x.matmul(m.w), ROW),
    "constant, matmul": (lambda m, x: m.left.matmul(x), COLUMNS),
    "torch.linalg.matmul": (lambda m, x: torch.linalg.matmul(x, m.w), ROW),
    "matrix and vector": (lambda m, x: x @ m.v, FRAMES),
    "mm": (lambda m, x: torch.mm(x, m.w), ROW),
    "Tensor.mm, mat2": (lambda m, x: x.mm(mat2=m.w), ROW),
    "mv": (lambda m, x: torch.mv(x, m.v)[:, None], ROW),
    "bmm": (lambda m, x: torch.bmm(x, m.w.expand(len(x), -1, -1)), FRAMES),
    "constant bmm": (lambda m, x: m.left.expand(len(x), -1, -1).bmm(x), COLUMNS),
    "inner": (lambda m, x: torch.inner(x, m.w.T), ROW),
    "tensordot": (lambda m, x: torch.tensordot(x, m.w, dims=([2], [0])), FRAMES),
    "tensordot, dims=1": (lambda m, x: torch.tensordot(x, m.w, 1), ROW),
    "addmm": (lambda m, x: torch.addmm(m.b, x, m.w), ROW),
    "addmm, scaled": (lambda m, x: torch.addmm(m.b, x, m.w, beta=0.5, alpha=2), ROW),
    "addmm by name": (lambda m, x: torch.addmm(input=m.b, mat1=x, mat2=m.w), ROW),
    "baddbmm": (
        lambda m, x: torch.baddbmm(m.b, x, m.w.expand(len(x), -1, -1), alpha=-1.5),
        FRAMES,
    ),
    "addmv": (lambda m, x: torch.addmv(m.b[:1], x, m.v)[:, None], ROW),
    "einsum": (lambda m, x: torch.einsum("bi,ij->bj", x, m.w), ROW),
    "einsum, constant first": (lambda m, x: torch.einsum("ti,bic->btc", m.left, x), COLUMNS),
    "einsum, a list": (lambda m, x: torch.einsum("...i,ij->...j", [x, m.w]), FRAMES),
    "einsum, by channel": (lambda m, x: torch.einsum("bti,i->bti", x, m.v), FRAMES),
    "einsum of two constants and x": (
        lambda m, x: torch.einsum("st,ti,bic", m.left[:, :3].T, m.left, x),
        COLUMNS,
    ),
    "einsum of sublists": (lambda m, x: torch.einsum(x, [0, 1, 2], m.w, [2, 3]), FRAMES),
    "F.linear": (lambda m, x: F.linear(x, m.w.T), FRAMES),
    "sparse @ x": (lambda m, x: (m.w.T.to_sparse() @ x.T).T, ROW),
    "x @ sparse": (lambda m, x: x @ m.w.to_sparse(), ROW),
}


@pytest.mark.parametrize("case", RULES_)
@pytest.mark.parametrize("name", FORMS)
def test_rule_on_product(name, case, dense_matrix):
    function, shape = FORMS[name]
    check(Product(function), shape, case, dense_matrix)


@pytest.mark.parametrize("case", ["epsilon", "gamma", "w_square"])
def test_same_as_a_dense_layer(case):
    product = Product(FORMS["@, frames"][0]).double().eval()
    dense = nn.Linear(4, 5, bias=False).double().eval()
    dense.weight.data = product.w.detach().T.contiguous()
    x = torch.randn(2, *FRAMES, dtype=torch.float64)
    rules = Composite([(nn.Linear, RULES_[case][0])])
    found, expected = (attribute(one, x, lambda z: z.sum(), rules)[1] for one in (product, dense))
    torch.testing.assert_close(found, expected)


def test_a_product_needs_a_rule_and_is_found_as_a_dense_layer():
    product = Product(FORMS["einsum"][0]).double().eval()
    x = torch.randn(2, 4, dtype=torch.float64)
    with pytest.raises(NotExplainable, match=r"einsum .*matches no selector.*nn\.Linear"):
        attribute(product, x, 0, Composite([(nn.Conv1d, Zero())]))
    (balance,) = conservation(product, x, 0, Composite([(nn.Linear, Epsilon(0.1))]))
    assert balance.operation == "einsum"


def test_a_parameter_tells_its_module():
    class Holder(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(4, 4)

        def forward(self, x):
            return torch.mm(x, self.inner.weight)

    net = Holder().double().eval()
    x = torch.randn(2, 4, dtype=torch.float64)
    (balance,) = conservation(net, x, 0, Composite([("inner", Zero())]))
    assert (balance.name, balance.operation) == ("inner", "matmul")


@pytest.mark.parametrize("beta", [1, 0.5])
def test_adding_to_a_tensor_of_the_input(beta, expression, explained, gradient_times_input):
    """A residual fused into the product: its branch is no bias."""
    net = expression(lambda m, x: torch.addmm(x, x.relu(), m.dense.weight, beta=beta, alpha=-2))
    x, c = torch.randn(2, 3, 6, dtype=torch.float64)
    relevance = explained(net, x, c)
    torch.testing.assert_close(relevance, gradient_times_input(net, x, c))


def test_addbmm_sums_over_its_batch(explained, gradient_times_input):
    net = Product(lambda m, x: torch.addbmm(m.b[:5], x, m.w.expand(len(x), -1, -1))).double().eval()
    x, c = torch.randn(2, *FRAMES, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64)
    _, relevance = attribute(net, x, c, Composite([(nn.Module, Zero())]))
    torch.testing.assert_close(relevance, gradient_times_input(net, x, c))


def test_einsum_of_one_tensor_is_linear(expression, explained, gradient_times_input):
    net = expression(lambda m, x: torch.einsum("bi->b", m.dense(x))[:, None])
    x, c = torch.randn(3, 6, dtype=torch.float64), torch.randn(3, 1, dtype=torch.float64)
    torch.testing.assert_close(explained(net, x, c), gradient_times_input(net, x, c))


THREE = {
    "bti,bsi,bsj->btj": ("bti,bsi->bts", "bts,bsj->btj"),
    "...ti,...si,...sj": ("...ti,...si->...ts", "...ts,...sj->...jt"),
    "bti,btj,btk": ("bti,btj->btij", "btij,btk->ijk"),
}


@pytest.mark.parametrize("rule", [Uniform(), SignalTakesAll("first")])
@pytest.mark.parametrize("equation", THREE)
def test_an_einsum_of_three_is_two_products_from_the_left(equation, rule):
    def three(m, x):
        return torch.einsum(equation, x, x.flip(1), x @ m.w)

    def pairs(m, x):
        first, second = THREE[equation]
        return torch.einsum(second, torch.einsum(first, x, x.flip(1)), x @ m.w)

    x, rules = torch.randn(2, *FRAMES).double(), Composite([(nn.Module, rule), (nn.Module, Zero())])
    results = [
        attribute(Product(body).double().eval(), x, lambda z: z.sum(), rules)
        for body in (three, pairs)
    ]
    assert results[0][1].abs().max() > 0
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
