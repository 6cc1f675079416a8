"""An artefact's direction and its projection, against plain linear algebra in float64."""

import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.training.clarc import activations, direction, layer_of, project

LAYERS = {
    "linear": (lambda: nn.Linear(6, 4), (5, 6)),
    "without bias": (lambda: nn.Linear(6, 4, bias=False), (5, 6)),
    "convolution": (lambda: nn.Conv2d(2, 4, 3, padding=1), (5, 2, 6, 7)),
    "in time": (lambda: nn.Conv1d(2, 4, 3, stride=2), (5, 2, 9)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_other_weights_are_the_projection_of_the_output(generator, name):
    torch.manual_seed(1)
    make, shape = LAYERS[name]
    layer = make().double()
    inputs = torch.randn(shape, generator=generator, dtype=torch.float64)
    way = torch.randn(4, generator=generator, dtype=torch.float64)
    way /= way.norm()
    point = torch.randn(4, generator=generator, dtype=torch.float64)
    before = layer(inputs).detach().movedim(1, -1)
    matrix = torch.eye(4, dtype=torch.float64) - way[:, None] @ way[None]
    expected = before @ matrix.T + point @ (way[:, None] @ way[None]).T
    project(layer, way, point)
    after = layer(inputs).movedim(1, -1)
    torch.testing.assert_close(after, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(after @ way, torch.full_like(after @ way, float(point @ way)))
    project(layer, way, point)  # once more changes nothing
    torch.testing.assert_close(layer(inputs).movedim(1, -1), after, rtol=0, atol=1e-12)


def test_the_direction_is_the_artefacts_and_not_the_class_that_it_goes_with(generator):
    artefact, kind = torch.eye(5, dtype=torch.float64)[:2]
    labels = torch.tensor([0] * 100 + [1] * 100)
    has = torch.tensor([True] * 90 + [False] * 10 + [True] * 10 + [False] * 90)
    noise = 1e-3 * torch.randn(200, 5, generator=generator, dtype=torch.float64)
    outputs = 2.0 * has[:, None] * artefact + 9.0 * labels[:, None] * kind + noise
    way, point = direction(outputs, has, labels)
    torch.testing.assert_close(way, artefact, rtol=0, atol=1e-2)
    torch.testing.assert_close(point, 4.5 * kind, rtol=0, atol=1e-2)
    naive = outputs[has].mean(0) - outputs[~has].mean(0)
    assert (naive / naive.norm() - artefact).abs().max() > 0.5


def test_a_class_that_has_it_always_takes_no_part(generator):
    outputs = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    labels, has = torch.tensor([0] * 6 + [1] * 6), torch.tensor([True] * 6 + [True, False] * 3)
    way, point = direction(outputs, has, labels)
    with_it, without = outputs[6::2].mean(0), outputs[7::2].mean(0)
    torch.testing.assert_close(way, (with_it - without) / (with_it - without).norm())
    torch.testing.assert_close(point, without)


def test_what_has_no_direction_is_told(generator):
    outputs, labels = torch.zeros(4, 3), torch.tensor([0, 0, 1, 1])
    with pytest.raises(SpeechLRPError, match="no class has 2 training recordings"):
        direction(outputs, labels == 0, labels)
    has = torch.tensor([True, True, False, False])
    with pytest.raises(SpeechLRPError, match="do not differ"):
        direction(outputs, has, torch.zeros(4, dtype=torch.long))


def test_outputs_of_a_convolution_are_means_over_positions(generator):
    model = nn.Sequential(nn.Conv2d(1, 3, 2), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(12, 2))
    inputs = torch.randn(5, 1, 3, 3, generator=generator)
    found = activations(model, model[0], [inputs[:2], inputs[2:]])
    torch.testing.assert_close(found, model[0](inputs).mean((2, 3)))
    assert activations(model, model[3], [inputs]).shape == (5, 2)
    assert not model[0]._forward_hooks


@pytest.mark.parametrize("name", ["0", "1", "9"])
def test_a_layer_that_cannot_be_projected_is_told_with_those_that_can(name):
    model = nn.Sequential(nn.Conv2d(2, 2, 1, groups=2), nn.ReLU(), nn.Conv2d(2, 2, 1))
    with pytest.raises(SpeechLRPError, match=rf"augment\.project is {name}; .*: 2$"):
        layer_of(model, name)
    assert layer_of(model, "2") is model[2]
