"""Checked against torchaudio, a window at a time, and against numpy in float64."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from speechlrp.audio.backend import load_torchaudio
from speechlrp.audio.extraction import extract
from speechlrp.audio.fbank import WINDOW_TYPES, FbankSettings, fbank
from speechlrp.errors import SpeechLRPError
from tests.audio.conftest import tone

LENGTH = 32240
NEAR = 5e-4  # torchaudio's triangles are float32, ours in this file float64


def triangles(bands: int, rate: int, low: float, high: float, size: int) -> np.ndarray:
    """Mel triangles ``[bands, size / 2]``, written down from Kaldi's definition."""

    def mel(f):
        return 1127 * np.log(1 + f / 700)

    edges = [mel(low) + i * (mel(high) - mel(low)) / (bands + 1) for i in range(bands + 2)]
    points = mel(np.arange(size // 2) * rate / size)
    out = np.zeros((bands, size // 2))
    for b in range(bands):
        left, centre, right = edges[b : b + 3]
        rise = (points > left) & (points <= centre)
        fall = (points > centre) & (points < right)
        out[b, rise] = (points[rise] - left) / (centre - left)
        out[b, fall] = (right - points[fall]) / (right - centre)
    return out


TURN = 2 * np.pi * np.arange(400) / 399
WEIGHTS = {
    "povey": (0.5 - 0.5 * np.cos(TURN)) ** 0.85,
    "hamming": 0.54 - 0.46 * np.cos(TURN),
    "hanning": 0.5 - 0.5 * np.cos(TURN),
    "rectangular": np.ones(400),
}


def by_numpy(wave: np.ndarray, bands: int = 64, window_type: str = "povey") -> np.ndarray:
    """Kaldi's filterbanks ``[bands, 200]`` frame by frame, not normalised."""
    banks, rows = triangles(bands, 16000, 20, 8000, 512), []
    for start in range(0, len(wave) - 399, 160):
        frame = 32768 * wave[start : start + 400].astype(np.float64)
        frame = frame - frame.mean()
        frame = frame - 0.97 * np.concatenate([frame[:1], frame[:-1]])
        power = np.abs(np.fft.rfft(frame * WEIGHTS[window_type], 512)[:256]) ** 2
        rows.append(np.log(np.maximum(banks @ power, np.finfo(np.float32).eps)))
    return np.stack(rows, 1)


def made() -> np.ndarray:
    draw = np.random.default_rng(0)
    noise = draw.normal(size=LENGTH)
    quiet = tone(3, 16000, 1234.5)[:LENGTH] * 1e-3
    return np.stack([0.1 * noise, quiet, 0.5 * noise / np.abs(noise).max()]).astype(np.float32)


def genuine(folder: Path, count: int) -> np.ndarray:
    files = sorted(folder.glob("ravdess/wav/*/*/*.flac"))
    chosen = files[:: len(files) // count][:count]
    waves = [soundfile.read(file, dtype="float32")[0][12000 : 12000 + LENGTH] for file in chosen]
    return np.stack(waves)


def centre(banks: np.ndarray, wave: np.ndarray) -> np.ndarray:
    """Subtract the mean of ``[bands, 200]`` over frames that do not lie in zeros at the ends."""
    sounds = np.flatnonzero(wave)
    live = [sounds[0] <= 160 * t + 200 <= sounds[-1] for t in range(200)]
    return np.where(live, banks - banks[:, live].mean(1, keepdims=True), 0)


def check(waves: np.ndarray) -> None:
    """Without normalisation both equal ours; with it, ours less its mean."""
    raw = fbank(torch.from_numpy(waves), FbankSettings(normalise=False))
    assert raw.dtype == torch.float32
    assert raw.shape == (len(waves), 1, 64, 200)
    kaldi = load_torchaudio().compliance.kaldi.fbank
    theirs = [
        kaldi(torch.from_numpy(w[None]).double() * 32768, num_mel_bins=64, sample_frequency=16000).T
        for w in waves
    ]
    np.testing.assert_allclose(raw[:, 0], np.stack(theirs), atol=1e-5, rtol=0)
    expected = np.stack([by_numpy(w) for w in waves])
    np.testing.assert_allclose(raw[:, 0], expected, atol=NEAR, rtol=0)
    centred = np.stack([centre(e, w) for e, w in zip(expected, waves, strict=True)])
    np.testing.assert_allclose(fbank(torch.from_numpy(waves))[:, 0], centred, atol=NEAR, rtol=0)


def test_made_windows_equal_torchaudio_and_numpy() -> None:
    check(made())


@pytest.mark.parametrize("name", WINDOW_TYPES)
def test_a_frame_is_weighted_as_told(name: str) -> None:
    waves = made()
    settings = FbankSettings(window_type=name, normalise=False)
    expected = np.stack([by_numpy(w, window_type=name) for w in waves])
    found = fbank(torch.from_numpy(waves), settings)[:, 0]
    np.testing.assert_allclose(found, expected, atol=NEAR, rtol=0)


def test_genuine_recordings_equal_torchaudio_and_numpy(shared_data: Path) -> None:
    check(genuine(shared_data, 12))


def test_a_recording_becomes_segments_of_64_by_200(shared_data: Path) -> None:
    file = sorted(shared_data.glob("ravdess/wav/*/*/*.flac"))[0]
    seconds = soundfile.info(file).duration
    settings = FbankSettings(min_segment_s=1.0, silence_db=None)
    (batch,) = extract([[("a", file)]], settings, seed=1, workers=1)
    assert batch.features.shape == (2, 1, 64, 200)
    assert batch.segments.start_s.tolist() == [0.0, 2.015]
    assert batch.segments.duration_s.tolist() == pytest.approx([2.015, seconds - 2.015])
    np.testing.assert_allclose(batch.features.mean(-1), 0, atol=1e-5)


def padded(onset: int, size: int) -> Tensor:
    wave = torch.zeros(1, LENGTH)
    wave[0, onset : onset + size] = torch.from_numpy(made()[0][:size])
    return wave


def test_padding_is_0_and_left_out_of_the_mean() -> None:
    onset, size = 5000, 16000
    found = fbank(padded(onset, size))[0, 0].numpy()
    centres = np.arange(200) * 160 + 200
    live = (centres >= onset) & (centres < onset + size)
    assert live.sum() == 100
    assert np.all(found[:, ~live] == 0)
    expected = by_numpy(padded(onset, size)[0].numpy())[:, live]
    np.testing.assert_allclose(
        found[:, live], expected - expected.mean(1, keepdims=True), atol=1e-4
    )


def test_without_normalisation_padding_is_the_value_of_silence() -> None:
    settings = FbankSettings(normalise=False)
    found = fbank(padded(16000, 8000), settings)[0, 0]
    np.testing.assert_allclose(found[:, :97], settings.silence, rtol=1e-6)
    assert settings.units == "ln energy"


def test_a_floor_raises_what_is_lower_before_the_mean() -> None:
    wave = made()[0]
    wave[8000:16000] = 0
    raw = np.maximum(by_numpy(wave), 5.0)
    found = fbank(torch.from_numpy(wave[None]), FbankSettings(floor=5.0))[0, 0]
    np.testing.assert_allclose(found, raw - raw.mean(1, keepdims=True), atol=NEAR)
    assert np.all(raw[:, 60:90] == 5.0)
    assert FbankSettings(floor=5.0, normalise=False).silence == 5.0


def test_a_window_of_zeros_is_0() -> None:
    assert torch.equal(fbank(torch.zeros(1, LENGTH)), torch.zeros(1, 1, 64, 200))


def test_the_gain_of_a_recording_makes_no_difference() -> None:
    waves = torch.from_numpy(made()[[0, 2]])
    torch.testing.assert_close(fbank(waves / 128), fbank(waves), atol=1e-5, rtol=0)


def test_a_window_does_not_depend_on_its_neighbours() -> None:
    waves = torch.from_numpy(made()).repeat(7, 1)
    together = fbank(waves)
    alone = torch.cat([fbank(wave[None]) for wave in waves[:3]])
    torch.testing.assert_close(together[:3], alone, atol=1e-6, rtol=0)
    torch.testing.assert_close(together[18:], alone, atol=1e-6, rtol=0)


def test_the_axes_say_where_energy_is() -> None:
    settings = FbankSettings(normalise=False)
    frequencies, times = settings.frequencies(), settings.times()
    assert (len(frequencies), len(times)) == settings.shape
    wave = torch.from_numpy(tone(3, 16000, frequencies[40])[:LENGTH].astype(np.float32))
    assert fbank(wave[None], settings)[0, 0].mean(1).argmax() == 40
    click = torch.zeros(1, LENGTH)
    click[0, round(times[77] * 16000)] = 0.5
    assert fbank(click, settings)[0, 0, 30].argmax() == 77


@pytest.mark.parametrize(("window", "hop", "rate"), [(441, 147, 14700), (355, 111, 11025)])
def test_frames_are_as_long_as_told_at_any_rate(window: int, hop: int, rate: int) -> None:
    settings = FbankSettings(
        rate=rate, window=window, hop=hop, length=window + 199 * hop, segment_s=None, bands=40
    )
    found = fbank(torch.from_numpy(made()[:1, : settings.length]), settings)
    assert found.shape == (1, 1, 40, 200)
    np.testing.assert_allclose(found.mean(-1), 0, atol=1e-5)


def test_no_windows_give_no_features() -> None:
    assert fbank(torch.zeros(0, LENGTH)).shape == (0, 1, 64, 200)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"window_type": "haming"}, "'haming'; known: .*Did you mean 'hamming'?"),
        ({"hop": 0}, "features.hop 0, window 400"),
        ({"hop": 401}, "features.hop 401"),
        ({"window": 40000}, "window 40000 and length 32240"),
        ({"high_hz": 9000.0}, "high_hz 9000 must rise within 0 to 8000 Hz"),
        ({"low_hz": 500.0, "high_hz": 400.0}, "features.low_hz 500"),
        ({"bands": 3}, "features.bands is 3; it must be at least 4"),
        ({"bands": 300}, "features.bands is 300; band . would hold no frequency"),
        ({"segment_s": 3.0}, "features.segment_s is 3.0; it must be up to 2.015 s"),
    ],
)
def test_settings_that_contradict_are_refused(values: dict, message: str) -> None:
    with pytest.raises(SpeechLRPError, match=message):
        FbankSettings(**values)


def test_windows_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be \[B, 32240\], not \[2, 100\]"):
        fbank(torch.zeros(2, 100))
