"""Independent derivations: operations as dense matrices, rules written out on them."""

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """The tensors here are tiny: a second thread only waits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def dense_matrix() -> Callable:
    """``function, shape -> (W [J, I], b [J])`` of an affine function, by unit vectors."""

    def build(function, shape) -> tuple[Tensor, Tensor]:
        count = int(torch.tensor(shape).prod())
        with torch.no_grad():
            bias = function(torch.zeros(1, *shape, dtype=torch.float64)).flatten()
            units = torch.eye(count, dtype=torch.float64).reshape(count, *shape)
            columns = function(units).flatten(1) - bias
        return columns.T, bias

    return build


@pytest.fixture(scope="session")
def literal_rule() -> Callable:
    """``W, b, x, R, eps -> R_in``: R_i = sum_j x_i w_ji / (z_j + eps sgn z_j) R_j."""

    def apply(W: Tensor, b: Tensor, x: Tensor, R: Tensor, eps: float) -> Tensor:
        z = W @ x + b
        denominator = z + eps * torch.where(z >= 0, 1.0, -1.0).double()
        shares = x[None, :] * W / denominator[:, None] * R[:, None]
        shares[denominator == 0] = 0  # 0/0: a neuron at 0 holds no relevance
        return shares.sum(0)

    return apply
