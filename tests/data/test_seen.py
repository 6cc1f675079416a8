"""Views of waveforms: the way there and back, axes and pictures against plain sums in float64."""

import numpy as np
import pandas as pd
import pytest
import torch

from speechlrp.audio.spectrogram import SpectrogramSettings
from speechlrp.audio.waveform import WaveformSettings
from speechlrp.data.dataset import Windows
from speechlrp.data.explaining import Explaining
from speechlrp.data.network import Classifier
from speechlrp.data.seen import seen
from speechlrp.errors import SpeechLRPError
from speechlrp.flipping.curve import flip
from speechlrp.models.audionet import AudioNet

RATE, LENGTH, WINDOW, HOP = 2000, 400, 64, 16
STFT = {"view": "stft", "window_length": WINDOW, "hop": HOP}
TRUTH = {"true_start_s": [0.05], "true_end_s": [0.1], "true_low_hz": [300], "true_high_hz": [350]}


def windows(settings=None, **columns):
    settings = settings or {"name": "waveform", "rate": RATE, "length": LENGTH}
    table = pd.DataFrame({"id": ["a"], "subset": ["test"], "label": [0], **columns})
    return Windows(
        path=None, command="", table=table, classes=["x", "y"], settings=settings, task="gender",
        frequency=np.zeros(0), units="", time=np.zeros(0), silence=0.0,
        train_mean=np.full((1, LENGTH), 0.125, np.float32),
    )  # fmt: skip


def network(dataset):
    made = Classifier.__new__(Classifier)
    torch.manual_seed(0)
    model = AudioNet(2, length=LENGTH, channels=(4, 4), dense=(8,), init="he").eval().double()
    facts = {"scale": 2.0, "device": torch.device("cpu"), "meta": {"loss": "bce"}}
    made.__dict__ |= {"model": model, "dataset": dataset, **facts}
    return made


def tone(hertz, start=0.05, end=0.1):
    time = np.arange(LENGTH) / RATE
    return np.sin(2 * np.pi * hertz * time) * ((time >= start) & (time < end))


def test_samples_are_one_row():
    examples = seen(windows(), {"view": None})
    assert examples.frequency.tolist() == [RATE / 4]
    assert examples.time.tolist() == (np.arange(LENGTH) / RATE).tolist()
    inputs = network(examples).inputs(np.ones((3, 1, LENGTH)))
    assert inputs.shape == (3, 1, 1, LENGTH)
    assert (inputs == 2).all()
    assert examples.picture(np.ones((1, LENGTH))).shape == (1, LENGTH)


def test_bins_are_those_of_a_plain_transform(generator):
    examples = seen(windows(), STFT)
    wave = torch.randn(LENGTH, generator=generator, dtype=torch.float64).numpy()
    bins = network(examples).inputs(wave[None, None])
    assert bins.shape == (1, 2, WINDOW // 2 + 1, LENGTH // HOP + 1)
    assert bins.shape[2:] == (len(examples.frequency), len(examples.time))
    frame, row = 7, 5
    at = round(examples.time[frame] * RATE)
    piece = 2 * wave[at - WINDOW // 2 : at + WINDOW // 2]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    turns = np.arange(WINDOW) / RATE * examples.frequency[row]
    value = (piece * hann * np.exp(-2j * np.pi * turns)).sum()
    np.testing.assert_allclose(bins[0, :, row, frame], [value.real, value.imag], atol=1e-10)


def test_the_loudest_bin_of_a_picture_is_the_tones_and_0_db():
    examples = seen(windows(), STFT)
    picture = examples.picture(tone(500)[None, None].astype(np.float32))[0]
    row, frame = np.unravel_index(picture.argmax(), picture.shape)
    assert picture.max() == 0
    assert picture.min() == -80
    assert examples.frequency[row] == 500
    assert 0.05 <= examples.time[frame] <= 0.1


@pytest.mark.parametrize("section", [{"view": None}, STFT])
def test_the_network_behind_a_view_is_the_network(generator, section):
    plain = network(windows())
    viewed = plain.seen(section)
    waves = torch.randn(3, 1, LENGTH, generator=generator, dtype=torch.float64).numpy()
    expected, _ = plain.predict(plain.inputs(waves))
    found, _ = viewed.predict(viewed.inputs(waves))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    assert plain.dataset.view is None


@pytest.mark.parametrize("reference", ["zero", "mean"])
def test_a_maps_sum_is_that_of_the_samples(generator, reference):
    section = {
        "name": "gradient_x_input", "kind": "gradient_x_input", "reference": reference,
        "start": "logit", "target": "label",
    }  # fmt: skip
    waves = torch.randn(2, 1, LENGTH, generator=generator, dtype=torch.float64).numpy()
    totals = []
    for view in ({"view": None}, STFT):
        explaining = Explaining(network(windows()).seen(view), section)
        _, inputs, target = explaining.batch(waves, np.array([0, 1]))
        _, whole = explaining.explainer.explain(explaining.model, inputs, target)
        relevance = explaining.maps(whole)
        assert relevance.shape == (2, 1, *inputs.shape[2:])
        totals.append(relevance.sum((1, 2, 3)))
    torch.testing.assert_close(*totals, rtol=1e-5, atol=1e-6)


def test_slopes_of_two_parts_are_measured_by_their_length():
    section = {"name": "sensitivity", "kind": "sensitivity", "reference": "zero"}
    explaining = Explaining(network(windows()).seen(STFT), section)
    found = explaining.maps(torch.tensor([3.0, -4.0]).view(1, 2, 1, 1))
    assert found.tolist() == [[[[5.0]]]]


def test_flipping_the_bins_of_one_tone_leaves_the_other():
    viewed = network(windows()).seen(STFT)
    low, high = tone(250, 0, 0.2), tone(750, 0, 0.2)
    inputs = viewed.inputs((low + high)[None, None])
    rows = np.indices(inputs.shape[2:])[0]
    reach = np.abs(viewed.dataset.frequency[rows] - 750) < 250
    bins = np.flatnonzero(reach)
    order = torch.tensor([*bins, *np.flatnonzero(~reach)])[None]
    (flipped,) = flip(inputs, order, torch.zeros(inputs[0].numel()).double(), [len(bins)])
    wave = viewed.dataset.view.synthesis(flipped, torch.Size((1, 1, LENGTH)))
    middle = slice(100, 300)
    np.testing.assert_allclose(wave[0, 0, middle], 2 * low[middle], atol=0.02)


def test_the_true_region_is_as_wide_as_the_views_frames():
    known = {name: np.array(values, float) for name, values in TRUTH.items()}
    row = seen(windows(**known), {"view": None}).table.iloc[0]
    assert (row.true_start_s, row.true_end_s) == (0.05, 0.1)
    assert row.true_low_hz == -np.inf
    assert row.true_high_hz == np.inf
    box = seen(windows(**known), STFT).table.iloc[0]
    assert box.true_start_s == pytest.approx(0.05 - WINDOW / RATE / 2)
    assert box.true_high_hz == pytest.approx(350 + 2 * RATE / WINDOW)


def test_features_with_frequencies_are_seen_as_they_are():
    settings = {"name": "spectrogram_db"}
    examples = windows(settings)
    assert seen(examples, {}) is examples
    assert examples.half_window == SpectrogramSettings().window / 8000 / 2
    with pytest.raises(SpeechLRPError, match="features=spectrogram_db have frequencies"):
        seen(examples, STFT)


def test_waveforms_pass_as_they_are():
    settings = WaveformSettings(length=4, min_s=0)
    waves = torch.arange(8.0).view(2, 4)
    assert torch.equal(settings.transform(waves), waves[:, None])
    assert settings.shape == settings.times().shape == (4,)
    assert settings.half_window == settings.silence == 0
