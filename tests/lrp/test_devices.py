"""The same relevance on a GPU as on the CPU, and no memory kept from call to call."""

import gc

import pytest
import torch
from torch import nn

from speechlrp.lrp import RULES, Composite, Epsilon, ProductRule, attribute

SETTINGS = {"epsilon": (0.1,), "z_box": (-5.0, 5.0)}


class Gated(nn.Module):
    """Squeeze and excitation of six channels."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(6, 6)

    def forward(self, x):
        return x * torch.sigmoid(self.dense(x.mean((2, 3))))[..., None, None]


def network():
    norm = nn.BatchNorm2d(4)
    norm.running_var.uniform_(0.5, 2)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), norm, nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(4, 6, 3), nn.GELU(), Gated(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3),
    ).eval()  # fmt: skip


def composite(name):
    rule = RULES[name](*SETTINGS.get(name, ()))
    if isinstance(rule, ProductRule):
        return Composite([(nn.Module, rule), (nn.Module, Epsilon(0.1))])
    if name == "pass":
        return Composite([(nn.BatchNorm2d, rule), (nn.Module, Epsilon(0.1))])
    return Composite([("0", rule), (nn.Conv2d, rule if name != "z_box" else Epsilon(0.1)),
                      (nn.Module, Epsilon(0.1))])  # fmt: skip


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", RULES)
def test_cuda_agrees_with_cpu(name):
    net, x = network().double(), torch.randn(3, 1, 12, 9, dtype=torch.float64).clamp(-5, 5)
    _, here = attribute(net, x, 1, composite(name))
    _, there = attribute(net.cuda(), x.cuda(), 1, composite(name))
    torch.testing.assert_close(there.cpu(), here, rtol=1e-6, atol=1e-9 * float(here.abs().max()))


def alive() -> int:
    return sum(issubclass(type(one), torch.Tensor) for one in gc.get_objects())


@pytest.mark.parametrize("name", RULES)
def test_calls_leave_no_tensor_behind_and_need_no_garbage_collection(name):
    net, x = network(), torch.randn(2, 1, 12, 9).clamp(-5, 5)
    rules = composite(name)
    attribute(net, x, 1, rules)
    gc.disable()
    gc.freeze()  # what is there already is left out of what is looked through
    try:
        for _ in range(5):
            attribute(net, x, 1, rules)
        assert not alive()
    finally:
        gc.unfreeze()
        gc.enable()
