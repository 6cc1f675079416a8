"""Layers by name, and what one step of them sees, against kernels and strides."""

import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.models.wav2letter import Wav2Letter
from speechlrp.neurons.layers import (
    before_activation,
    find_layer,
    layers_of,
    pick_channels,
    sight,
)
from tests.explainers import nets


@pytest.fixture
def recogniser():
    torch.manual_seed(0)
    return Wav2Letter(5, bands=4, width=6, wide=8, depth=2, padding="none").eval()


def test_layers_are_numbered_from_one(recogniser):
    known = layers_of(recogniser)
    assert list(known) == ["1", "2", "3", "4", "5", "6", "output"]
    assert (known["1"], known["6"], known["output"]) == ("layers.0", "layers.5", "layers.5")
    assert layers_of(nets.sequence()) == {"1": "0", "2": "1", "3": "2", "4": "3", "output": "3"}
    assert find_layer(recogniser, "layers.3.1") == "layers.3.1"
    with pytest.raises(SpeechLRPError, match="no layer '7'; there are 1 to 6, output, and"):
        find_layer(recogniser, "7")
    with pytest.raises(SpeechLRPError, match="no layer ''"):
        find_layer(recogniser, "")


def test_before_the_relu(recogniser):
    assert before_activation(recogniser, "layers.2") == "layers.2.1"
    assert before_activation(recogniser, "layers.5") == "layers.5"
    nested = nn.Sequential(nn.Sequential(nn.Sequential(nn.Conv1d(1, 1, 1), nn.ReLU())))
    assert before_activation(nested, "0") == "0.0.0"
    assert before_activation(nested, "0.0.1") == "0.0.1"


@pytest.mark.parametrize(
    ("layer", "width", "steps"),
    [
        ("layers.0.1", 48, 47),
        ("layers.1.1", 60, 41),
        ("layers.2.1", 72, 35),
        ("layers.3.1", 134, 4),
    ],
)
def test_a_step_sees_what_kernels_and_strides_say(recogniser, layer, width, steps):
    for step in (None, 0, steps - 1):
        found = sight(recogniser, layer, (4, 140), step)
        at = steps // 2 if step is None else step
        channels = recogniser.get_submodule(layer).num_features
        assert found == (channels, steps, at, 2 * at, width)


def test_two_dimensions_and_none():
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.LazyLinear(2)).eval()
    model(torch.zeros(1, 1, 6, 9))
    assert sight(model, "0", (1, 6, 9), 2) == (3, 7, 2, 2, 3)
    assert sight(model, "2", (1, 6, 9)) == (2, 1, 0, 0, 9)


class _Half(nn.Sequential):
    """Its first member alone runs."""

    def forward(self, x):
        return self[0](x)


def test_a_layer_that_does_not_run_or_sees_nothing():
    model = _Half(nn.Conv1d(2, 2, 1), nn.Conv1d(2, 2, 1)).eval()
    with pytest.raises(SpeechLRPError, match="'1' did not run"):
        sight(model, "1", (2, 5))
    with torch.no_grad():
        model[0].weight.zero_()
    with pytest.raises(SpeechLRPError, match="sees nothing"):
        sight(model, "0", (2, 5))


def test_channels_by_number_and_name():
    assert pick_channels("all", "1", 3) == [0, 1, 2]
    assert pick_channels("2, 0,2", "1", 3) == [2, 0]
    assert pick_channels("b,0", "output", 3, ["a", "b", " "]) == [1, 0]
    for wrong in ("3", "-1", "1.5", "x", ""):
        with pytest.raises(SpeechLRPError, match=r"layer 1 has no neuron .*; there are 0 to 2"):
            pick_channels(wrong, "1", 3)
