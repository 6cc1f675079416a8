"""ResNet34's sizes, its pooling, and that it can be explained."""

import numpy as np
import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.lrp import Composite, Epsilon, attribute
from speechlrp.models import MODELS, model_title
from speechlrp.models.resnet34 import ResNet34, StatisticsPooling

SMALL = {"bands": 8, "channels": (4, 6), "blocks": (1, 2), "strides": (1, 2), "embedding": 5}


def small(**options) -> ResNet34:
    torch.manual_seed(0)
    return ResNet34(3, **SMALL | options).double().eval()


def stage_by_hand(before: int, after: int, blocks: int) -> int:
    convolutions = 9 * before * after + (2 * blocks - 1) * 9 * after**2 + before * after
    return convolutions + 2 * after * (2 * blocks + 1)


def by_hand(classes: int, bands: int) -> int:
    stages = [(32, 32, 3), (32, 64, 4), (64, 128, 6), (128, 256, 3)]
    head = (2 * 256 * bands) * 256 + 256 + 2 * 256 + 256 * classes + classes
    return 9 * 32 + 2 * 32 + sum(stage_by_hand(*stage) for stage in stages) + head


@pytest.mark.parametrize(("strides", "bands"), [((1, 2, 2, 2), 8), ((2, 2, 2, 2), 4)])
def test_parameters_are_those_counted_by_hand(strides, bands):
    with torch.device("meta"):
        model = ResNet34(5994, strides=strides)
        assert sum(p.numel() for p in model.parameters()) == by_hand(5994, bands)
        assert model(torch.empty(2, 1, 64, 200)).shape == (2, 5994)
        assert model.embed(torch.empty(2, 1, 64, 200)).shape == (2, 256)


def test_it_has_34_layers_with_weights_beside_the_shortcuts():
    with torch.device("meta"):
        model = ResNet34(10)
    weighted = [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    shortcuts = [name for name in weighted if "shortcut" in name]
    assert shortcuts == [f"stages.{stage}.0.shortcut.0" for stage in range(4)]
    assert len(weighted) - len(shortcuts) == 34 + 1  # and the embedding


@pytest.mark.parametrize(("strides", "sides"), [
    ((1, 2, 2, 2), [(64, 200), (32, 100), (16, 50), (8, 25)]),
    ((2, 2, 2, 2), [(32, 100), (16, 50), (8, 25), (4, 13)]),
])  # fmt: skip
def test_feature_maps_halve_with_the_stages(strides, sides):
    with torch.device("meta"):
        model, found = ResNet34(10, strides=strides), []
        x = model.conv1(torch.empty(1, 1, 64, 200))
        for stage in model.stages:
            x = stage(x)
            found.append(tuple(x.shape[2:]))
    assert found == sides


def test_statistics_are_mean_and_unbiased_deviation_over_time():
    x = torch.randn(2, 3, 4, 7, dtype=torch.float64)
    found = StatisticsPooling()(x).reshape(2, 2, 3, 4).numpy()
    np.testing.assert_allclose(found[:, 0], x.numpy().mean(-1), rtol=1e-12)
    deviation = np.sqrt(x.numpy().var(-1, ddof=1) + 1e-7)
    np.testing.assert_allclose(found[:, 1], deviation, rtol=1e-12)


def test_statistics_of_a_constant_have_a_gradient():
    x = torch.ones(1, 1, 1, 5, dtype=torch.float64, requires_grad=True)
    pooled = StatisticsPooling()(x)
    torch.testing.assert_close(pooled, torch.tensor([[1, 1e-7**0.5]]).double())
    (gradient,) = torch.autograd.grad(pooled[0, 1], x)
    assert torch.equal(gradient, torch.zeros_like(x))


def test_a_block_is_two_convolutions_beside_its_shortcut():
    block, x = small().stages[1][0], torch.randn(2, 4, 8, 9).double()
    for norm in (block.bn1, block.bn2, block.shortcut[1]):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)

    def normalised(x, norm):
        mean, deviation = norm.running_mean, (norm.running_var + norm.eps).sqrt()
        return ((x.movedim(1, -1) - mean) / deviation * norm.weight + norm.bias).movedim(-1, 1)

    inner = normalised(block.conv1(x), block.bn1).clamp(min=0)
    beside = normalised(block.shortcut[0](x), block.shortcut[1])
    expected = (normalised(block.conv2(inner), block.bn2) + beside).clamp(min=0)
    torch.testing.assert_close(block(x), expected)


def test_logits_are_the_normed_embedding_through_the_last_layer():
    model, x = small(), torch.randn(2, 1, 8, 20).double()
    model.bn2.running_var.fill_(4)
    embedding = model.embed(x) / (4 + model.bn2.eps) ** 0.5
    expected = embedding @ model.output.weight.T + model.output.bias
    torch.testing.assert_close(model(x), expected)


def test_it_is_explained_and_conserves_without_biases():
    """With biases of 0 only the constant under the root, made small here, takes a share."""
    model, x = small(), torch.randn(2, 1, 8, 20).double()
    model.pool.eps = 1e-13
    for module in (model.dense, model.output):
        nn.init.zeros_(module.bias)
    output, relevance = attribute(model, x, 1, Composite([(nn.Module, Epsilon(1e-9))]))
    assert output.shape == (2, 3)
    torch.testing.assert_close(relevance.sum((1, 2, 3)), output[:, 1], rtol=1e-4, atol=1e-6)


BAD = {
    r"\[B, 1, 8, T\] with T at least 3; found \[1, 1, 8, 2\]": (1, 1, 8, 2),
    r"found \[1, 8, 20\]": (1, 8, 20),
    r"found \[1, 1, 9, 20\]": (1, 1, 9, 20),
}


@pytest.mark.parametrize("message", BAD)
def test_inputs_that_do_not_fit_are_one_clear_line(message):
    with pytest.raises(SpeechLRPError, match=message) as caught:
        small()(torch.zeros(BAD[message]).double())
    assert "\n" not in str(caught.value)


def test_stages_need_a_value_each():
    with pytest.raises(SpeechLRPError, match=r"found \[4, 6\], \[1\] and \[1, 2\]") as caught:
        small(blocks=(1,))
    assert "\n" not in str(caught.value)


def test_registry_finds_it():
    assert MODELS["resnet34"] is ResNet34


@pytest.mark.parametrize(
    ("section", "title"),
    [
        ({"name": "resnet34", "blocks": [1, 1, 1, 1]}, "resnet10"),
        ({"name": "resnet34", "blocks": [3, 4, 6, 3]}, "resnet34"),
        ({"name": "alexnet"}, "alexnet"),
        ({"name": "custom", "factory": "mine:net"}, "mine:net"),
    ],
)
def test_a_network_is_called_by_what_it_is(section, title):
    assert model_title(section) == title
