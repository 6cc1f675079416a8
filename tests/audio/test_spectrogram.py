"""Checked against scipy.signal.stft and numpy, in float64."""

from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import soundfile
import torch

from speechlrp.audio.spectrogram import SpectrogramSettings, spectrogram_db
from speechlrp.errors import SpeechLRPError
from tests.audio.conftest import tone


def by_scipy(
    wave: np.ndarray, first: int = 2, bins: int = 227, frames: int = 227, **stft: int
) -> np.ndarray:
    """The paper's code: STFT, crop, amplitude to dB re the maximum, floor at -80."""
    settings = {"fs": 8000, "nperseg": 455, "noverlap": 420, "window": "hann"} | stft
    _, _, values = scipy.signal.stft(wave.astype(np.float64), **settings)
    amplitude = np.abs(values)[:bins, first : first + frames]
    return 20 * np.log10(np.maximum(amplitude / amplitude.max(), 1e-4))


def genuine(folder: Path, count: int) -> np.ndarray:
    files = sorted(folder.glob("audiomnist/data/*/*.wav"))
    waves = np.zeros((count, 8000), np.float32)
    for place, file in enumerate(files[:: len(files) // count][:count]):
        wave = scipy.signal.resample_poly(soundfile.read(file)[0], 1, 6)
        offset = (place * 997) % (8001 - len(wave))
        waves[place, offset : offset + len(wave)] = wave
    return waves


def made() -> np.ndarray:
    draw = np.random.default_rng(0)
    loud_tone = tone(1, 8000, 1234.5)
    edges = np.zeros(8000)
    edges[[0, -1]] = 1.0
    gap = np.where(np.abs(np.arange(8000) - 4000) < 1500, 0, draw.normal(size=8000))
    return np.stack(
        [draw.normal(size=8000), loud_tone, loud_tone * 1e-12, edges, gap, np.eye(8000)[3000]]
    )


@pytest.mark.parametrize(("crop", "first"), [("code", 2), ("text", 0)])
def test_made_windows_equal_scipy(crop: str, first: int) -> None:
    waves = made()
    ours = spectrogram_db(torch.from_numpy(waves).float(), SpectrogramSettings(crop=crop))
    expected = np.stack([by_scipy(wave, first) for wave in waves.astype(np.float32)])
    assert ours.dtype == torch.float32
    assert ours.shape == (len(waves), 1, 227, 227)
    np.testing.assert_allclose(ours[:, 0].numpy(), expected, atol=1e-4, rtol=0)


def test_genuine_recordings_equal_scipy(shared_data: Path) -> None:
    waves = genuine(shared_data, 40)
    ours = spectrogram_db(torch.from_numpy(waves))[:, 0].numpy()
    expected = np.stack([by_scipy(wave) for wave in waves])
    np.testing.assert_allclose(ours, expected, atol=1e-4, rtol=0)
    assert ours.min() == -80
    np.testing.assert_array_equal(ours.max((1, 2)), 0)


def test_there_are_228_bins_and_230_frames_before_the_crop() -> None:
    settings = SpectrogramSettings()
    _, _, values = scipy.signal.stft(np.ones(8000), nperseg=455, noverlap=420)
    assert settings.full_shape == values.shape == (228, 230)


OTHER = [(16000, 512, 384), (4000, 256, 128), (1000, 999, 0), (3001, 64, 63), (8000, 400, 77)]


@pytest.mark.parametrize(("length", "window", "overlap"), OTHER)
def test_other_sizes_follow_scipy_too(length: int, window: int, overlap: int) -> None:
    wave = np.random.default_rng(length).normal(size=length).astype(np.float32)
    stft = {"nperseg": window, "noverlap": overlap}
    shape = scipy.signal.stft(wave, **stft)[2].shape
    sizes = {"bins": shape[0], "frames": shape[1], "min_s": 0.0}
    settings = SpectrogramSettings(
        length=length, window=window, overlap=overlap, crop="text", **sizes
    )
    assert settings.full_shape == shape
    ours = settings.transform(torch.from_numpy(wave)[None])[0, 0]
    expected = by_scipy(wave, 0, *shape, **stft)
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-4, rtol=0)


def test_axes_are_scipys() -> None:
    frequencies, times, _ = scipy.signal.stft(np.ones(8000), 8000, nperseg=455, noverlap=420)
    for crop, first in (("code", 2), ("text", 0)):
        settings = SpectrogramSettings(crop=crop)
        np.testing.assert_allclose(settings.frequencies(), frequencies[:227], rtol=1e-12)
        np.testing.assert_allclose(settings.times(), times[first : first + 227], rtol=1e-12)


def test_a_click_and_a_tone_lie_where_the_axes_say() -> None:
    settings = SpectrogramSettings()
    click = np.zeros((1, 8000), np.float32)
    click[0, 2800] = 1
    profile = spectrogram_db(torch.from_numpy(click))[0, 0].mean(0)
    assert settings.times()[int(profile.argmax())] == pytest.approx(0.35, abs=1e-9)
    wave = torch.from_numpy(tone(1, 8000, 1000)).float()[None]
    profile = spectrogram_db(wave)[0, 0].mean(1)
    assert settings.frequencies()[int(profile.argmax())] == pytest.approx(1000, abs=17.58 / 2)


def test_reference_silence_is_shifted_by_the_floor() -> None:
    waves = torch.from_numpy(made()).float()
    at_max, at_silence = SpectrogramSettings(), SpectrogramSettings(reference="silence")
    assert torch.equal(at_silence.transform(waves), at_max.transform(waves) + 80)
    assert (at_max.silence, at_silence.silence) == (-80, 0)
    assert at_max.units != at_silence.units


@pytest.mark.parametrize("reference", ["max", "silence"])
def test_zeros_are_silence(reference: str) -> None:
    settings = SpectrogramSettings(reference=reference)
    values = settings.transform(torch.zeros(2, 8000))
    assert torch.equal(values, torch.full((2, 1, 227, 227), settings.silence))


def test_a_window_does_not_depend_on_its_batch() -> None:
    waves = torch.from_numpy(np.concatenate([made(), np.zeros((1, 8000)), made()])).float()
    together = spectrogram_db(waves)
    alone = torch.cat([spectrogram_db(wave[None]) for wave in waves])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    assert spectrogram_db(waves[:0]).shape == (0, 1, 227, 227)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"crop": "none"}, "features.crop is 'none'; known: code, text"),
        ({"reference": "min"}, "features.reference is 'min'; known: max, silence"),
        ({"floor_db": 0.0}, "features.floor_db is 0.0"),
        ({"overlap": 455}, "features.overlap 455"),
        ({"window": 9000}, "features.overlap 420, window 9000"),
        ({"bins": 229}, "features.bins 229 and frames 227 do not fit the 228 bins"),
        ({"frames": 229}, "less 2 for crop 'code'"),
    ],
)
def test_settings_that_cannot_be_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(SpeechLRPError, match=message):
        SpectrogramSettings(**values)


def test_windows_of_another_length_are_a_bug() -> None:
    with pytest.raises(ValueError, match=r"waves must be \[B, 8000\]"):
        spectrogram_db(torch.zeros(2, 7999))
