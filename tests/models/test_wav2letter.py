"""Wav2Letter's sizes, its receptive field, its two paddings, and that it can be explained."""

import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.lrp import Composite, Epsilon, attribute
from speechlrp.models import MODELS
from speechlrp.models.wav2letter import Wav2Letter

SMALL = {"bands": 5, "width": 6, "wide": 8, "depth": 2, "kernels": (6, 3, 4)}
FIELD = 6 + 2 * (2 * 2 + 3)


def small(**options) -> Wav2Letter:
    torch.manual_seed(0)
    model = Wav2Letter(4, **SMALL | options).double().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return model


def test_parameters_are_those_counted_by_hand():
    with torch.device("meta"):
        count = sum(p.numel() for p in Wav2Letter(31).parameters())
    first, inner = 128 * 256 * 48 + 256, 8 * (256 * 256 * 7 + 256)
    wide = 256 * 2048 * 32 + 2048 + 2048 * 2048 + 2048
    norms, last = 2 * (9 * 256 + 2 * 2048), 2048 * 31 + 31
    assert count == first + inner + wide + norms + last


def test_receptive_field_is_206_frames_and_its_last_three_layers_one_step_wide():
    with torch.device("meta"):
        model, x, steps = Wav2Letter(31, padding="none").eval(), torch.empty(1, 128, 206), []
        assert (model.receptive_field, model.stride) == (206, 2)
        for layer in model.layers:
            x = layer(x)
            steps.append(x.shape[-1])
    assert steps == [80, 74, 68, 62, 56, 50, 44, 38, 32, 1, 1, 1]
    with torch.device("meta"):
        assert Wav2Letter(31, depth=7).receptive_field == 194


@pytest.mark.parametrize("options", [{}, {"stride": 3}, {"depth": 0}, {"kernels": (1, 5, 1)}])
def test_receptive_field_is_what_the_gradient_reaches(options):
    """With positive weights and ReLUs open, a step's gradient is not 0 just where it sees."""
    model = small(padding="none", **options)
    for name, weights in model.state_dict().items():
        if "running_mean" in name:
            weights.zero_()
        weights.abs_()
    field, stride = model.receptive_field, model.stride
    x = torch.ones(1, 5, field + 3 * stride, dtype=torch.float64, requires_grad=True)
    output = model(x)
    assert output.shape == (1, 4, 4)
    for step in range(4):
        (gradient,) = torch.autograd.grad(output[0, 0, step], x, retain_graph=True)
        seen = gradient[0].abs().sum(0).nonzero().flatten().tolist()
        reached = range(step * stride, step * stride + field)
        assert seen == [frame for frame in reached if frame in seen]
        assert (seen[0], seen[-1]) == (reached[0], reached[-1])


@pytest.mark.parametrize("frames", [1, 7, 50, 51])
def test_same_padding_keeps_every_other_frame(frames):
    assert small()(torch.randn(2, 5, frames).double()).shape == (2, 4, -(-frames // 2))


def test_padded_and_unpadded_agree_where_no_padding_is_seen():
    model, x = small(), torch.randn(2, 5, 61).double()
    padded = model(x)
    before = model.state_dict().keys()
    model.padding = "none"
    assert model.padding == "none"
    assert model.state_dict().keys() == before
    unpadded = model(x)
    front = (2 + 2 * (1 + 1 + 1)) // 2  # steps: 2 frames of zeros, then a step of them three times
    inside = padded[:, :, front : front + unpadded.shape[2]]
    torch.testing.assert_close(inside, unpadded)
    windows = x.unfold(2, FIELD, 2).permute(2, 0, 1, 3)
    alone = torch.cat([model(window) for window in windows], 2)
    torch.testing.assert_close(alone, unpadded)
    assert not torch.isclose(padded[:, :, 0], unpadded[:, :, 0]).any()


def test_the_same_weights_load_in_either_padding():
    model, other = small(), Wav2Letter(4, **SMALL, padding="none").double().eval()
    other.load_state_dict(model.state_dict())
    x = torch.randn(1, 5, FIELD).double()
    model.padding = "none"
    assert torch.equal(model(x), other(x))


def test_features_with_a_channel_are_taken_as_they_are():
    model, x = small(), torch.randn(2, 5, 40).double()
    assert torch.equal(model(x), model(x.unsqueeze(1)))


@pytest.mark.parametrize("padding", ["same", "none"])
def test_every_step_can_be_explained_and_only_its_frames_are(padding):
    model, x = small(padding=padding), torch.randn(2, 5, 60).double()
    composite = Composite([(nn.Module, Epsilon(1e-6))])
    output, relevance = attribute(model, x, lambda z: z[[0, 1], [3, 0], [15, 16]], composite)
    assert torch.equal(output, model(x))
    shift = 8 if padding == "same" else 0
    for one, step in zip(relevance, (15, 16), strict=True):
        seen = one.abs().sum(0).nonzero().flatten()
        start = 2 * step - shift
        assert seen.min() >= start
        assert seen.max() < start + FIELD
        assert len(seen) > FIELD / 2


BAD = {
    r"at least 20 \(padding 'none'\); found \[1, 5, 19\]": (1, 5, 19),
    r"shape \[B, 5, T\].*found \[1, 6, 30\]": (1, 6, 30),
    r"found \[1, 2, 5, 30\]": (1, 2, 5, 30),
    r"found \[5, 30\]": (5, 30),
}


@pytest.mark.parametrize("message", BAD)
def test_inputs_that_do_not_fit_are_one_clear_line(message):
    with pytest.raises(SpeechLRPError, match=message) as caught:
        small(padding="none")(torch.zeros(BAD[message]).double())
    assert "\n" not in str(caught.value)


def test_settings_that_do_not_fit_are_one_clear_line():
    with pytest.raises(SpeechLRPError, match=r"model\.kernels has 2 values: \[3, 3\]"):
        Wav2Letter(4, kernels=(3, 3))
    with pytest.raises(SpeechLRPError, match=r"unknown model\.padding 'valid'; known: none, same"):
        Wav2Letter(4, **SMALL, padding="valid")


def test_registry_finds_it():
    assert MODELS["wav2letter"] is Wav2Letter
