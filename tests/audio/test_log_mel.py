"""Checked against torchaudio's transforms, and against numpy's FFT, in float64."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlrp.audio.backend import load_torchaudio
from speechlrp.audio.log_mel import LogMelSettings, log_mel
from speechlrp.errors import RecordingError, SpeechLRPError
from tests.audio.conftest import tone
from tests.audio.test_mel import triangles

ORIGINAL = LogMelSettings(log="before_mel", floor_db=-150.0)


def by_numpy(wave: np.ndarray, settings: LogMelSettings) -> np.ndarray:
    """Frame by frame, with bands from the corners of Slaney's scale."""
    size, hop = settings.window, settings.hop
    weights = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    frames = [wave[i : i + size] * weights for i in range(0, len(wave) - size + 1, hop)]
    power = np.abs(np.fft.rfft(np.array(frames, np.float64))) ** 2
    linear, least = np.arange(0, 15, 1e-3), 10 ** (settings.floor_db / 10)
    hertz = np.concatenate([linear * 200 / 3, 1000 * 6.4 ** (np.arange(0, 33, 1e-3) / 27)])
    mels = np.concatenate([linear, 15 + np.arange(0, 33, 1e-3)])
    edges = np.linspace(0, np.interp(8000, hertz, mels), settings.bands + 2)
    corners = np.interp(edges, mels, hertz)
    bands = triangles(corners, np.linspace(0, 8000, size // 2 + 1))
    bands *= 2 / (corners[2:] - corners[:-2])[:, None]
    if settings.log == "before_mel":
        return 10 * np.log10(np.maximum(power, least)) @ bands.T
    mel = power @ bands.T
    return 10 * np.log10(np.maximum(mel / mel.max(), least))


def check(wave: np.ndarray, settings: LogMelSettings) -> None:
    found, expected = log_mel(torch.from_numpy(wave), settings), by_numpy(wave, settings)
    assert found.values.dtype == torch.float32
    assert found.mean == pytest.approx(expected.mean(), abs=1e-3)
    assert found.deviation == pytest.approx(expected.std(), rel=1e-4)
    normal = (expected - expected.mean()) / expected.std()
    np.testing.assert_allclose(found.values.numpy(), normal, atol=1e-3)


@pytest.mark.parametrize("settings", [LogMelSettings(), ORIGINAL], ids=["usual", "original"])
def test_noise_equals_numpy(settings):
    check(np.random.default_rng(0).normal(0, 0.1, 20011), settings)


@pytest.mark.parametrize("settings", [LogMelSettings(), ORIGINAL], ids=["usual", "original"])
def test_genuine_speech_equals_numpy(shared_data: Path, settings):
    for pattern in ("test-other/*/*/*.flac", "train-clean-100/*/*/*.flac"):
        wave, rate = soundfile.read(sorted(shared_data.glob(f"LibriSpeech/{pattern}"))[0])
        assert rate == settings.rate
        check(wave, settings)


@pytest.mark.parametrize(("scale", "area"), [("slaney", True), ("slaney", False), ("htk", True)])
@pytest.mark.filterwarnings("ignore:.*all zero values")
def test_the_usual_order_equals_torchaudio(scale, area):
    transforms = load_torchaudio().transforms
    wave = torch.from_numpy(np.random.default_rng(1).normal(0, 0.1, 16000))
    mel = transforms.MelSpectrogram(
        16000, 512, hop_length=128, n_mels=128, center=False,
        norm="slaney" if area else None, mel_scale=scale,
    ).double()(wave)  # fmt: skip
    level = transforms.AmplitudeToDB("power", top_db=100)(mel / mel.max())
    expected = (level - level.mean()) / level.std(correction=0)
    found = log_mel(wave, LogMelSettings(scale=scale, area=area))
    torch.testing.assert_close(found.values.T.double(), expected, atol=1e-4, rtol=0)


def test_axes_say_where_a_click_and_a_tone_are():
    settings = LogMelSettings()
    click = torch.zeros(16000)
    click[4992] = 1.0
    values = log_mel(click).values
    assert values.shape == (settings.frames(16000), 128) == (122, 128)
    at = values.mean(1).argmax()
    assert settings.times(122)[at] == pytest.approx(4992 / 16000, abs=1e-12)
    for hertz in (250, 700, 2700, 6000):
        band = log_mel(torch.from_numpy(tone(0.5, 16000, hertz))).values.mean(0).argmax()
        edges = settings.frequencies()[[max(band - 1, 0), min(band + 1, 127)]]
        assert edges[0] < hertz < edges[1]


@given(st.integers(512, 5000), st.floats(-40, 40), st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_each_utterance_has_mean_0_and_deviation_1_whatever_its_gain(samples, gain_db, seed):
    wave = torch.from_numpy(np.random.default_rng(seed).normal(0, 0.1, samples))
    options = LogMelSettings(min_s=0)
    values, mean, deviation = log_mel(wave, options)
    assert float(values.double().mean()) == pytest.approx(0, abs=1e-5)
    assert float(values.double().std(correction=0)) == pytest.approx(1, abs=1e-5)
    again = log_mel(wave * 10 ** (gain_db / 20), options)
    torch.testing.assert_close(again.values, values, atol=1e-5, rtol=0)
    assert (values * deviation + mean).max() == pytest.approx(0, abs=1e-3)
    assert (values * deviation + mean).min() >= -100 - 1e-3


def test_the_floor_is_below_the_loudest_and_reached_in_silence():
    wave = torch.cat([torch.zeros(4000), torch.from_numpy(tone(0.5, 16000)).float()])
    for floor in (-60.0, -100.0):
        values, mean, deviation = log_mel(wave, LogMelSettings(floor_db=floor))
        np.testing.assert_allclose(values[:20] * deviation + mean, floor, atol=1e-3)


@pytest.mark.parametrize(
    ("wave", "options", "reason"),
    [
        (torch.zeros(0), {}, "too short: 0 s, at least 0.1 s"),
        (torch.ones(1599), {}, "too short: 0.09994 s"),
        (torch.ones(511), {"min_s": 0}, "at least 0.032 s"),
        (torch.ones(32001), {"longest_s": 2}, "too long: 2 s, at most 2 s"),
        (torch.zeros(16000), {}, "silent: peak 0, must be above 0.0001"),
        (torch.full((16000,), 9e-5), {}, "silent: peak 9e-05"),
        (torch.eye(1, 16001)[0].roll(16000), {}, "silent in every band"),
        (torch.ones(512), {"bands": 1, "min_s": 0}, "without form"),
    ],
)
def test_recordings_that_cannot_be_used(wave, options, reason):
    with pytest.raises(RecordingError, match=reason):
        log_mel(wave, LogMelSettings(**options))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scale": "bark"}, "unknown features.scale 'bark'; known: htk, slaney"),
        ({"log": "never"}, "unknown features.log 'never'"),
        ({"hop": 0}, "features.hop is 0; it must be 1 or more"),
        ({"window": 1}, "features.window is 1"),
        ({"floor_db": 0.0}, "features.floor_db is 0.0"),
        ({"high_hz": 8001.0}, "features.high_hz is 8001.0; .* at most 8000 Hz"),
        ({"low_hz": 4000.0, "high_hz": 4000.0}, "features.low_hz is 4000.0"),
        ({"min_peak": 1.0}, "features.min_peak"),
        ({"min_s": -1.0}, "features.min_s"),
        ({"longest_s": 0.1}, "features.longest_s is 0.1; it must be above min_s"),
    ],
)
def test_settings_that_cannot_be_are_refused(values, message):
    with pytest.raises(SpeechLRPError, match=message):
        LogMelSettings(**values)
