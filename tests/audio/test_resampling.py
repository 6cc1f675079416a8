import numpy as np
import pytest
import torch

from speechlrp.audio.backend import load_torchaudio
from speechlrp.audio.resampling import mono, resample, resample_many
from speechlrp.errors import RecordingError
from tests.audio.conftest import tone

RATES = [(48000, 8000), (44100, 8000), (16000, 8000), (22050, 8000), (8000, 16000), (11025, 8000)]


@pytest.mark.parametrize(("rate", "new_rate"), RATES)
@pytest.mark.parametrize("width", [6, 16])
def test_values_are_torchaudios(rate: int, new_rate: int, width: int) -> None:
    wave = torch.from_numpy(np.random.default_rng(0).normal(size=rate // 3 + 5)).float()
    sinc = load_torchaudio().transforms.Resample(rate, new_rate, lowpass_filter_width=width)
    expected = sinc(wave)
    torch.testing.assert_close(resample(wave, rate, new_rate, width), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("rate", "new_rate"), RATES)
def test_a_tone_keeps_its_frequency_and_level(rate: int, new_rate: int) -> None:
    wave = resample(torch.from_numpy(tone(0.5, rate, 700)).float(), rate, new_rate)
    inner = slice(new_rate // 20, -new_rate // 20)
    expected = tone(0.5, new_rate, 700)
    np.testing.assert_allclose(wave.numpy()[inner], expected[inner], atol=2e-3)


def test_what_lies_above_the_new_band_is_gone() -> None:
    wave = resample(torch.from_numpy(tone(0.5, 48000, 5000)).float(), 48000, 8000)
    assert float(wave[400:-400].abs().max()) < 5e-4


@pytest.mark.parametrize(("rate", "new_rate"), [*RATES, (8000, 8000)])
def test_many_at_once_are_as_each_alone(rate: int, new_rate: int) -> None:
    draw = np.random.default_rng(1)
    sizes = [1, 7, 500, rate // 10, 3, *draw.integers(1, 3000, 12)]
    waves = [torch.from_numpy(draw.normal(size=size)).float() for size in sizes]
    many = resample_many(waves, rate, new_rate)
    for wave, one in zip(waves, many, strict=True):
        assert len(one) == -(-len(wave) * new_rate // rate)
        torch.testing.assert_close(one, resample(wave, rate, new_rate), atol=1e-5, rtol=0)


def test_rates_without_a_small_ratio_are_rejected() -> None:
    with pytest.raises(RecordingError, match="44099 Hz cannot be brought to 8000 Hz"):
        resample(torch.zeros(100), 44099, 8000)


def test_mono_is_the_mean_of_the_channels() -> None:
    wave = torch.tensor([[1.0, 2.0], [3.0, -2.0]])
    assert mono(wave).tolist() == [2.0, 0.0]
    assert mono(wave[:1]).tolist() == [1.0, 2.0]
