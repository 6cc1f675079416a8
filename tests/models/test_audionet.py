"""AudioNet's sizes, counted by hand, and its explanation against autograd."""

import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.lrp import Composite, Epsilon, Zero, attribute
from speechlrp.models import MODELS
from speechlrp.models.audionet import AudioNet

SMALL = {"length": 200, "channels": (4, 3, 5), "dense": (7, 6)}
CONVOLUTIONS = (1 * 3 + 1) * 100 + (100 * 3 + 1) * 64 + (64 * 3 + 1) * 128 + 3 * (128 * 3 + 1) * 128
DENSE = (125 * 128 + 1) * 1024 + (1024 + 1) * 512


@pytest.mark.parametrize("first_pool", [2, 3])
@pytest.mark.parametrize("classes", [2, 10])
def test_weights_and_shapes_of_one_second(classes, first_pool):
    with torch.device("meta"):
        model = AudioNet(classes, first_pool=first_pool)
        x = torch.empty(3, 1, 8000)
        lengths = [layer for layer in model.features if isinstance(layer, nn.MaxPool1d)]
        assert model.features(x).shape == (3, 128, 125)
        assert model(x).shape == model(x[:, None]).shape == (3, classes)
    assert len(lengths) == 6
    count = sum(p.numel() for p in model.parameters())
    assert count == CONVOLUTIONS + DENSE + (512 + 1) * classes
    assert CONVOLUTIONS + DENSE == 17_102_032


@pytest.mark.parametrize("first_pool", [2, 3])
@pytest.mark.parametrize("length", [64, 200, 201, 203, 1001])
def test_other_lengths(length, first_pool):
    model = AudioNet(2, **{**SMALL, "length": length}, first_pool=first_pool)
    assert model(torch.zeros(1, 1, length)).shape == (1, 2)


def test_first_weights_are_the_authors():
    torch.manual_seed(0)
    model = AudioNet(2)
    for module in model.modules():
        if isinstance(module, nn.Conv1d | nn.Linear):
            assert not module.bias.any()
            assert abs(module.weight.std().item() - 0.1) < 0.01
    assert not any(isinstance(module, nn.ReLU) for module in model.classifier)


def test_a_relu_between_dense_layers_is_a_choice():
    layers = [type(layer).__name__ for layer in AudioNet(2, **SMALL, dense_relu=True).classifier]
    assert layers == ["Linear", "ReLU", "Dropout"] * 2 + ["Linear"]


OTHERS = {
    (2, 1, 199): "set model.length=199",
    **dict.fromkeys([(2, 2, 200), (2, 200), (2, 1, 2, 200)], "use features=waveform"),
}


@pytest.mark.parametrize("shape", OTHERS)
def test_other_inputs_are_refused(shape):
    with pytest.raises(SpeechLRPError, match=f"{OTHERS[shape]}$"):
        AudioNet(2, **SMALL)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("options", "words"), [({"length": 7}, "at least 8"), ({"init": "zero"}, "init 'zero'")]
)
def test_options_that_cannot_be(options, words):
    with pytest.raises(SpeechLRPError, match=words):
        AudioNet(2, **{**SMALL, **options})


@pytest.mark.parametrize("first_pool", [2, 3])
@pytest.mark.parametrize("dense_relu", [False, True])
def test_lrp_0_is_input_times_gradient_with_biases_and_keeps_its_sum_without(
    first_pool, dense_relu
):
    torch.manual_seed(0)
    options = {**SMALL, "first_pool": first_pool, "dense_relu": dense_relu, "init": "he"}
    model = AudioNet(3, **options).double().eval()
    for parameter in model.parameters():
        if parameter.dim() == 1:
            nn.init.normal_(parameter, std=0.1)
    x = torch.randn(2, 1, 200, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(model(x)[:, 1].sum(), x)
    output, relevance = attribute(model, x.detach(), 1, Composite([(nn.Module, Zero())]))
    torch.testing.assert_close(relevance, (x * gradient).detach(), rtol=1e-9, atol=1e-12)
    for parameter in model.parameters():
        if parameter.dim() == 1:
            nn.init.zeros_(parameter)
    output, relevance = attribute(model, x.detach(), 1, Composite([(nn.Module, Zero())]))
    torch.testing.assert_close(relevance.sum((1, 2)), output[:, 1], rtol=1e-9, atol=1e-12)


def test_lrp_epsilon_of_the_registered_model():
    torch.manual_seed(1)
    model = MODELS["audionet"](classes=2, **SMALL).eval()
    _, relevance = attribute(
        model, torch.randn(2, 1, 200), 0, Composite([(nn.Module, Epsilon(0.1))])
    )
    assert relevance.shape == (2, 1, 200)
    assert relevance.isfinite().all()
    assert relevance.flatten(1).any(1).all()
