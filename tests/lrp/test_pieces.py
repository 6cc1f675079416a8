"""Large layers and weights go in pieces, which changes nothing; see `layer`."""

import pytest
import torch
from torch import nn

from speechlrp.lrp import Composite, attribute
from tests.lrp.test_rules import OPERATIONS, RULES_, normed

NORMS = {
    "layer_norm": (nn.LayerNorm((3, 4)), (2, 3, 4)),
    "group_norm": (nn.GroupNorm(2, 4), (4, 5)),
    "instance_norm": (nn.InstanceNorm1d(3, affine=True), (3, 5)),
    "rms_norm": (nn.RMSNorm(5), (3, 5)),
    "linear, normed": (nn.Sequential(nn.Linear(5, 4), normed(nn.BatchNorm1d(4))), (5,)),
    "conv1d, normed": (
        nn.Sequential(nn.Conv1d(2, 4, 3, bias=False), normed(nn.BatchNorm1d(4))),
        (2, 6),
    ),
    "conv2d of groups, normed": (
        nn.Sequential(nn.Conv2d(4, 6, 2, groups=2), normed(nn.BatchNorm2d(6))),
        (4, 3, 4),
    ),
    "conv_transpose1d, normed": (
        nn.Sequential(nn.ConvTranspose1d(4, 6, 3, 2, groups=2), normed(nn.BatchNorm1d(6))),
        (4, 5),
    ),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("case", RULES_)
@pytest.mark.parametrize("name", [*OPERATIONS, *NORMS])
def test_in_pieces_as_in_one(name, case, monkeypatch):
    """One example at a time, few weights at a time; a norm alone, and merged with its layer."""
    operation, shape = (OPERATIONS | NORMS)[name]
    operation, composite = operation.double().eval(), Composite([(nn.Module, RULES_[case][0])])
    x = torch.randn(4, *shape, dtype=torch.float64).clamp(-4, 3.5)
    x[:2] = x[:2].abs()
    target = torch.randn_like(operation(x))
    for merged in (False, True):
        composite.merge_batch_norm = merged
        expected = attribute(operation, x, target, composite)[1]
        with monkeypatch.context() as patch:
            for size in ("BLOCK", "EXAMPLES", "PIECE"):
                patch.setattr(f"speechlrp.lrp.layer.{size}", 1)
            found = attribute(operation, x, target, composite)[1]
        scale = float(expected.abs().max())
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12 * scale)
