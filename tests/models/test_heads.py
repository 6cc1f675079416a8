"""The last layer of cosines: its numbers, its margin's loss, and that it can be explained."""

import math

import pytest
import torch
from torch.nn import functional

from speechlrp.errors import SpeechLRPError
from speechlrp.lrp import PRESETS, attribute
from speechlrp.models.heads import CosineLinear, check_outputs
from speechlrp.models.resnet34 import ResNet34

SMALL = {"bands": 8, "channels": (4, 6), "blocks": (1, 2), "strides": (1, 2), "embedding": 5}


def head() -> CosineLinear:
    torch.manual_seed(0)
    return CosineLinear(4, 3, scale=8.0).double()


def test_outputs_are_cosines_of_angles():
    layer, x = head(), torch.randn(2, 4, dtype=torch.float64)
    for found, one in zip(layer(x).detach(), x, strict=True):
        for value, own in zip(found, layer.weight.detach(), strict=True):
            angle = math.acos(float(one @ own) / math.sqrt(float(one @ one) * float(own @ own)))
            assert float(value) == pytest.approx(8 * math.cos(angle), abs=1e-12)
    torch.testing.assert_close(layer(3 * x), layer(x))


def test_in_16_bits_it_is_computed_in_32():
    layer, x = head().float(), torch.randn(2, 4)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
    assert found.dtype == torch.float32
    assert torch.equal(found, layer(x))


def test_relevance_is_conserved_with_the_norms_as_constants():
    """LRP-0 of ``s x w / (|x| |w|)``: every number's own share of the sum."""
    layer, x = head().eval(), torch.randn(2, 4, dtype=torch.float64)
    output, relevance = attribute(layer, x, torch.tensor([0, 2]), PRESETS["resnet_zero"]())
    unit, own = functional.normalize(x), functional.normalize(layer.weight)
    torch.testing.assert_close(relevance, 8 * unit * own[[0, 2]].detach())
    torch.testing.assert_close(relevance.sum(1), output[[0, 1], [0, 2]])


@pytest.mark.parametrize("preset", ["resnet_zero", "resnet_eps", "resnet_eps_gamma"])
def test_the_network_with_cosines_is_explained(preset):
    torch.manual_seed(0)
    model = ResNet34(3, head="cosine", **SMALL).double().eval()
    x = torch.randn(2, 1, 8, 12, dtype=torch.float64)
    output, relevance = attribute(model, x, torch.tensor([0, 1]), PRESETS[preset]())
    torch.testing.assert_close(output, model(x))
    assert relevance.abs().max() > 0
    assert relevance.isfinite().all()


def test_extra_classes_are_there_in_training_alone():
    torch.manual_seed(0)
    model = ResNet34(3, extra_classes=6, **SMALL)
    x = torch.randn(2, 1, 8, 12)
    assert model(x).shape == (2, 9)
    assert model.eval()(x).shape == (2, 3)
    torch.testing.assert_close(model(x), model.output(model.bn2(model.embed(x))))


def test_an_unknown_head_lists_the_known():
    with pytest.raises(SpeechLRPError, match="softmax"):
        ResNet34(3, head="arcface", **SMALL)


def test_finite_outputs_pass_as_they_are():
    outputs = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0))
    assert check_outputs(outputs) is outputs


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("first", "words"), [(1.0, "trainer.lr"), (math.inf, "preprocess --force")]
)
def test_the_error_counts_examples_and_says_where_to_look(value, first, words):
    outputs = torch.zeros(4, 3, 5)
    outputs[1, :, 2] = outputs[3, 0, 0] = value
    with pytest.raises(SpeechLRPError, match=f"{value}.* for 2 of 4 examples.*{words}") as caught:
        check_outputs(outputs, torch.tensor([first, 1.0]))
    assert "\n" not in str(caught.value)
