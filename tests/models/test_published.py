"""Published architectures against what their names of weights say."""

import pytest
import torch
from torch.nn import functional as F

from speechlrp.errors import SpeechLRPError
from speechlrp.lrp import PRESETS, attribute
from speechlrp.lrp.errors import NotExplainable
from speechlrp.models import MODELS

SMALL = {"bands": 16, "channels": (8, 8, 16, 16), "embedding": 12}


def inputs(frames=40):
    return torch.randn(2, 1, 16, frames, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize("two_layers", [False, True])
@pytest.mark.parametrize("blocks", [(3, 4, 6, 3), (1, 2, 1, 1)])
def test_wespeaker(published, two_layers, blocks):
    model = MODELS["wespeaker"](classes=3, two_layers=two_layers, blocks=blocks, **SMALL)
    state = published.shaken(model).state_dict()
    expected = published.wespeaker(state, inputs()[:, 0])
    torch.testing.assert_close(model.embed(inputs()), expected)
    cosines = F.cosine_similarity(expected[:, None], state["projection.weight"][None], dim=2)
    torch.testing.assert_close(model(inputs()), 32 * cosines)
    torch.testing.assert_close(model.compare(inputs()), expected)
    assert model.scale == 32


def test_wespeaker_of_a_dense_last_layer(published):
    model = published.shaken(MODELS["wespeaker"](classes=3, head="softmax", **SMALL))
    assert model.scale is None
    expected = published.dense(model.state_dict(), "projection", model.embed(inputs()))
    torch.testing.assert_close(model(inputs()), expected)


def test_the_names_of_wespeaker_are_there():
    names = MODELS["wespeaker"](classes=3, two_layers=True).state_dict()
    assert names["seg_1.weight"].shape == (256, 2 * 256 * 10)
    assert names["layer4.2.conv2.weight"].shape == (256, 256, 3, 3)
    assert "layer1.0.shortcut.0.weight" not in names
    assert names["layer2.0.shortcut.0.weight"].shape == (64, 32, 1, 1)
    assert "seg_bn_1.running_mean" in names
    assert "seg_bn_1.weight" not in names


@pytest.mark.parametrize("name", ["resnet_zero", "resnet_eps", "resnet_eps_gamma"])
def test_wespeaker_is_explained_by_the_thesiss_rules(published, name):
    model = published.shaken(MODELS["wespeaker"](classes=3, **SMALL))
    output, relevance = attribute(model, inputs(), torch.tensor([0, 2]), PRESETS[name]())
    assert relevance.shape == inputs().shape
    assert relevance.any()
    torch.testing.assert_close(output, model(inputs()))


@pytest.mark.parametrize("pooling", ["SAP", "ASP"])
@pytest.mark.parametrize("variant", ["fast", "performance"])
def test_voxceleb_trainer(published, variant, pooling):
    model = MODELS["resnet_se34"](classes=3, variant=variant, pooling=pooling, **SMALL)
    state = published.shaken(model).state_dict()
    expected = published.voxceleb_trainer(state, inputs()[:, 0], variant == "fast")
    torch.testing.assert_close(model.embed(inputs()), expected)
    torch.testing.assert_close(model(inputs()), published.dense(state, "output", expected))


def test_the_names_of_voxceleb_trainer_are_there():
    names = MODELS["resnet_se34"](classes=3).state_dict()
    assert names["attention.0.weight"].shape == (128, 256 * 8, 1)
    assert names["fc.weight"].shape == (512, 2 * 256 * 8)
    assert names["conv1.bias"].shape == (32,)
    assert "layer3.0.downsample.0.weight" in names
    fast = MODELS["resnet_se34"](classes=3, variant="fast", bands=40, pooling="SAP").state_dict()
    assert fast["attention"].shape == (128, 1)
    assert fast["fc.weight"].shape == (512, 128)
    assert "conv1.bias" not in fast


def test_gates_have_no_rule_and_the_error_says_where(published):
    model = published.shaken(MODELS["resnet_se34"](classes=3, **SMALL))
    with pytest.raises(NotExplainable, match=r"layer1\.0\.se.*docs/adding-a-rule\.md"):
        attribute(model, inputs(), 0, PRESETS["resnet_zero"]())


@pytest.mark.parametrize("name", ["wespeaker", "resnet_se34"])
def test_other_bands_are_one_line(name):
    model = MODELS[name](classes=3, **SMALL).eval()
    with pytest.raises(SpeechLRPError, match=r"features\.bands=16"):
        model(torch.zeros(1, 1, 20, 40))


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("wespeaker", {"head": "arc"}, "unknown model.head 'arc'"),
        ("wespeaker", {"blocks": (1, 2)}, "four values"),
        ("resnet_se34", {"variant": "large"}, "unknown model.variant 'large'"),
        ("resnet_se34", {"pooling": "TAP"}, "unknown model.pooling 'TAP'"),
        ("resnet_se34", {"head": "arc"}, "unknown model.head 'arc'"),
    ],
)
def test_settings_that_there_are_not(name, settings, words):
    with pytest.raises(SpeechLRPError, match=words):
        MODELS[name](classes=3, **settings)
