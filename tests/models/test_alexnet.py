"""AlexNet's sizes, and that every configuration can be explained."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.lrp import Composite, Epsilon, Zero, attribute
from speechlrp.models import MODELS
from speechlrp.models.alexnet import AlexNet

BECKER = {
    "channels": (96, 256, 384, 384, 256),
    "groups": (1, 2, 1, 2, 2),
    "padding": (0, 2, 1, 1, 1),
    "dense": (1024, 1024),
}
SMALL = {"channels": (8, 16, 24, 16, 16), "dense": (64, 64)}


def parameters(**options) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in AlexNet(2, **options).parameters())


def by_hand(channels, groups, dense, classes) -> int:
    kernels = (11, 5, 3, 3, 3)
    before = (1, *channels[:-1])
    total = sum(
        c * (b // g) * k * k + c
        for c, b, g, k in zip(channels, before, groups, kernels, strict=True)
    )
    widths = (channels[-1] * 36, *dense, classes)
    return total + sum(a * b + b for a, b in pairwise(widths))


def test_becker_has_12_80_million_parameters():
    assert parameters(**BECKER) == 12_800_706
    assert round(parameters(**BECKER) / 1e6, 2) == 12.80


def test_defaults_are_the_thesis_network():
    count = by_hand((64, 192, 384, 256, 256), (1,) * 5, (4096, 4096), 2)
    assert parameters() == count


@pytest.mark.parametrize(
    ("options", "sides"),
    [({}, (56, 27, 27, 13, 13, 13, 13, 6)), (BECKER, (55, 27, 27, 13, 13, 13, 13, 6))],
)
def test_feature_maps_reach_six_by_six(options, sides):
    with torch.device("meta"):
        model, x, found = AlexNet(2, **options), torch.empty(1, 1, 227, 227), []
        for layer in model.features:
            x = layer(x)
            if not isinstance(layer, nn.ReLU):
                found.append(x.shape[-1])
    assert tuple(found) == sides


def test_small_variant_is_explained_and_conserves():
    torch.manual_seed(0)
    model = AlexNet(2, **SMALL).double().eval()
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.zeros_(module.bias)
    x = -80 * torch.rand(2, 1, 227, 227, dtype=torch.float64)
    output, relevance = attribute(model, x, 1, Composite([(nn.Module, Zero())]))
    assert output.shape == (2, 2)
    torch.testing.assert_close(relevance.flatten(1).sum(1), output[:, 1], rtol=1e-9, atol=1e-12)


def test_he_initialisation_keeps_the_scale_of_the_signal():
    """Zero biases, and a ReLU layer's second moment stays that of its input (He et al. 2015)."""
    torch.manual_seed(0)
    model = AlexNet(2, init="he")
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            assert not module.bias.any()
            spread = (2 / module.weight[0].numel()) ** 0.5
            assert module.weight.std().item() == pytest.approx(spread, rel=0.1)


def test_an_unknown_init_says_what_is_known():
    with pytest.raises(SpeechLRPError, match="known: he, normal, torch"):
        AlexNet(2, **SMALL, init="zeros")


def test_every_module_has_a_rule_in_the_thesis_assignment():
    torch.manual_seed(0)
    model = AlexNet(2, **SMALL).eval()
    thesis = Composite([(nn.Linear, Zero()), (nn.Module, Epsilon(0.8))])
    _, relevance = attribute(model, torch.randn(1, 1, 227, 227), 0, thesis)
    assert relevance.shape == (1, 1, 227, 227)
    assert relevance.abs().sum() > 0


def test_wrong_number_of_convolutions_says_which_setting():
    with pytest.raises(SpeechLRPError, match=r"model\.groups has 2 values"):
        AlexNet(2, groups=(1, 2))


def test_registry_finds_it():
    assert MODELS["alexnet"] is AlexNet
