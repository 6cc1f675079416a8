"""Published architectures against what their names of weights say."""

import pytest
import torch
from torch.nn import functional as F

from speechlrp.errors import SpeechLRPError
from speechlrp.lrp import (
    PRESETS,
    Composite,
    Uniform,
    attribute,
    attribute_layers,
    conservation,
)
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


def gates(model):
    return [module for module in model.modules() if type(module).__name__ == "Gate"]


@pytest.mark.parametrize("pooling", ["SAP", "ASP"])
@pytest.mark.parametrize("variant", ["fast", "performance"])
@pytest.mark.parametrize("name", ["resnet_zero", "resnet_eps", "resnet_eps_gamma", "epsilon_plus"])
def test_voxceleb_trainer_is_explained_and_what_is_missing_is_accounted_for(
    published, name, variant, pooling
):
    model = MODELS["resnet_se34"](classes=3, variant=variant, pooling=pooling, **SMALL)
    model, target, rules = published.shaken(model), torch.tensor([0, 2]), PRESETS[name]()
    output, relevance = attribute(model, inputs(), target, rules)
    assert relevance.isfinite().all()
    assert relevance.flatten(1).any(1).all()
    balances = conservation(model, inputs(), target, rules)
    missing = sum(one.absorbed for one in balances)
    torch.testing.assert_close(relevance.sum((1, 2, 3)), output[[0, 1], target] - missing)
    products = [one for one in balances if one.operation == "product"]
    assert len(products) == len(gates(model)) + (1 if pooling == "SAP" else 2)
    for one in products:
        assert one.rule == "SignalTakesAll()"
        torch.testing.assert_close(one.passed, one.received)


@pytest.mark.parametrize("pooling", ["SAP", "ASP"])
@pytest.mark.parametrize("variant", ["fast", "performance"])
def test_lrp_0_is_gradient_times_input_with_gates_weights_and_norm_held(
    published, variant, pooling, monkeypatch
):
    """Of the same network by autograd alone; what a floor adds to a variance is a bias."""
    model = MODELS["resnet_se34"](classes=3, variant=variant, pooling=pooling, **SMALL)
    model = published.shaken(model)
    output, relevance = attribute(model, inputs(), 1, PRESETS["resnet_zero"]())
    for gate in gates(model):
        gate.fc.register_forward_hook(lambda module, given, made: made.detach())
    weights = model._weights
    monkeypatch.setattr(model, "_weights", lambda x: weights(x).detach())
    floor = torch.clamp
    monkeypatch.setattr(torch.Tensor, "clamp", lambda v, min: v + (floor(v, min) - v).detach())
    x = inputs().requires_grad_()
    deviation = (x.var(3, correction=0, keepdim=True) + 1e-5).sqrt().detach()
    monkeypatch.setattr(model, "instancenorm", torch.nn.Identity())
    logits = model((x - x.mean(3, keepdim=True)) / deviation)
    torch.testing.assert_close(logits.detach(), output)
    (gradient,) = torch.autograd.grad(logits[:, 1].sum(), x)
    torch.testing.assert_close(relevance, x.detach() * gradient)


def test_uniform_shares_reach_what_opens_the_gates(published):
    model = published.shaken(MODELS["resnet_se34"](classes=3, **SMALL))
    rules = Composite([("layer*.se", Uniform()), *PRESETS["resnet_zero"]().rules])
    _, found = attribute_layers(model, inputs(), 1, rules, ["layer1.0.se", "layer1.0.se.fc"])
    whole, gate = (found[f"layer1.0.se{part}"].flatten(1).sum(1) for part in ("", ".fc"))
    torch.testing.assert_close(gate, whole / 2)
    other = attribute(model, inputs(), 1, PRESETS["resnet_zero"]())[1]
    assert not torch.allclose(attribute(model, inputs(), 1, rules)[1], other)


def test_the_weighted_deviation_gets_its_summands_relevance():
    """R_t = c w_t x_t (x_t - mean) / deviation, as statistics pooling has it for equal weights."""
    model = MODELS["resnet_se34"](classes=3, variant="fast", **SMALL).double().eval()
    x = torch.rand(2, 16, 7, dtype=torch.float64)
    c = torch.randn(2, 32, dtype=torch.float64)

    class Pooling(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = model

        def forward(self, x):
            return self.inner.pool(x)

    output, relevance = attribute(Pooling().eval(), x, c, PRESETS["resnet_zero"]())
    w = model._weights(x).detach()
    mean = (w * x).sum(2, keepdim=True)
    deviation = (w * (x - mean) ** 2).sum(2, keepdim=True).sqrt()
    torch.testing.assert_close(output, torch.cat([mean, deviation], 1)[..., 0])
    expected = c[:, :16, None] * w * x + c[:, 16:, None] * w * x * (x - mean) / deviation
    torch.testing.assert_close(relevance, expected)
    torch.testing.assert_close(relevance.sum((1, 2)), (c * output).sum(1))


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
        ("resnet_se34", {"channels": [4, 8, 8, 8]}, r"at least 8 each.*found \[4, 8, 8, 8\]"),
    ],
)
def test_settings_that_there_are_not(name, settings, words):
    with pytest.raises(SpeechLRPError, match=words):
        MODELS[name](classes=3, **settings)
