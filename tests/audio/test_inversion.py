"""Back to sound: the spectrogram of the wave is the one that it was made from."""

import pytest
import torch

from speechlrp.audio.inversion import distance_db, to_bins, to_mel_power, to_wave
from speechlrp.audio.log_mel import LogMel, LogMelSettings, log_mel
from speechlrp.audio.reading import read
from speechlrp.errors import SpeechLRPError

SETTINGS = LogMelSettings()
REAL = (
    "cmu_arctic/train/9001/1/9001-1-0001.flac",
    "LibriSpeech/test-other/1688/142285/1688-142285-0005.flac",
)


def _correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]).double())[0, 1])


@pytest.fixture
def chirp() -> torch.Tensor:
    """A tone from 200 Hz to 4 kHz in 0.6 s, over a little noise."""
    time = torch.arange(9600) / 16000
    phase = 2 * torch.pi * (200 * time + (4000 - 200) / 1.2 * time**2)
    noise = torch.randn(9600, generator=torch.Generator().manual_seed(1))
    return 0.4 * torch.sin(phase) + 0.003 * noise


@pytest.fixture(params=REAL)
def speech(request, shared_data) -> torch.Tensor:
    return read(shared_data / request.param)[0][0]


def _back(made: LogMel, **more) -> torch.Tensor:
    return to_wave(made.values, SETTINGS, mean=made.mean, deviation=made.deviation, **more)


def test_normalisation_and_logarithm_are_undone(chirp):
    made = log_mel(chirp)
    power = to_mel_power(made.values, SETTINGS, made.mean, made.deviation)
    weights = torch.hann_window(512, dtype=torch.float64)
    frames = chirp.double().unfold(0, 512, 128) * weights
    wanted = SETTINGS.matrix @ torch.fft.rfft(frames).abs().square().T
    assert power.shape == wanted.shape
    level, wanted = power.log10() * 10, (wanted / wanted.max()).clamp(min=1e-10).log10() * 10
    torch.testing.assert_close(level, wanted, atol=1e-4, rtol=0)


def test_the_bins_have_the_bands_wanted_and_are_not_negative(speech):
    made = log_mel(speech)
    mel = to_mel_power(made.values, SETTINGS, made.mean, made.deviation)
    bins = to_bins(mel, SETTINGS)
    assert bins.shape == (257, mel.shape[1])
    assert (bins >= 0).all()
    error = ((SETTINGS.matrix @ bins) / mel).log10() * 10
    assert float(error.square().mean().sqrt()) < 0.2
    cut_off = (torch.linalg.pinv(SETTINGS.matrix) @ mel).clamp(min=0)
    worse = ((SETTINGS.matrix @ cut_off).clamp(min=1e-10) / mel).log10() * 10
    assert float(worse.square().mean().sqrt()) > 0.9


def test_real_speech_comes_back(speech):
    """Where it was, too: a shift by one frame correlates less."""
    made = log_mel(speech)
    wave = _back(made)
    assert len(wave) == (len(made.values) - 1) * 128 + 512
    again = log_mel(wave).values
    assert _correlation(again, made.values) > 0.995
    assert _correlation(again[1:], made.values[:-1]) < 0.98
    assert _correlation(again[:-1], made.values[1:]) < 0.98


def test_a_tone_comes_back_where_it_was(chirp):
    made = log_mel(chirp)
    again = log_mel(_back(made)).values
    assert _correlation(again, made.values) > 0.98
    off = (again.argmax(1) - made.values.argmax(1)).abs()
    assert off.max() <= 2  # low bands are closer together than the bins of the spectrum
    assert off.float().mean() < 0.1


def test_other_settings(chirp):
    """A hop that does not divide half a window."""
    settings = LogMelSettings(window=400, hop=160, bands=40, scale="htk")
    made = log_mel(chirp, settings)
    wave = to_wave(made.values, settings, mean=made.mean, deviation=made.deviation)
    assert len(wave) == (len(made.values) - 1) * 160 + 400
    assert _correlation(log_mel(wave, settings).values, made.values) > 0.97


def test_the_seed_decides_and_the_callers_numbers_stay(chirp):
    made, state = log_mel(chirp), torch.random.get_rng_state()
    first, again, other = (_back(made, seed=seed, iterations=4) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_peak_is_as_asked_and_a_level_is_a_gain(chirp):
    made = log_mel(chirp)
    assert float(_back(made, iterations=2).abs().max()) == pytest.approx(0.5)
    assert float(_back(made, iterations=2, peak=0.9).abs().max()) == pytest.approx(0.9)
    loud, soft = (
        to_wave(made.values, mean=made.mean - down, deviation=made.deviation, peak=None)
        for down in (0, 20)
    )
    torch.testing.assert_close(soft * 10, loud, rtol=0, atol=0.01 * float(loud.abs().max()))


def test_an_input_that_belongs_to_no_utterance_has_a_sound():
    values = torch.randn(206, 128, generator=torch.Generator().manual_seed(2))
    wave = to_wave(values, iterations=4)
    assert len(wave) == 205 * 128 + 512
    assert torch.isfinite(wave).all()


@pytest.mark.parametrize(
    ("values", "settings", "message"),
    [
        (torch.zeros(5, 100), {}, r"must be \[T, 128\]; found \[5, 100\]"),
        (torch.zeros(1, 5, 128), {}, r"found \[1, 5, 128\]"),
        (torch.zeros(0, 128), {}, r"found \[0, 128\]"),
        (torch.full((5, 128), torch.nan), {}, "not finite"),
        (torch.zeros(5, 128), {"log": "before_mel"}, "log is 'before_mel': only .*after_mel"),
    ],
)
def test_what_has_no_sound_is_an_expected_error(values, settings, message):
    with pytest.raises(SpeechLRPError, match=message):
        to_wave(values, LogMelSettings(**settings))


def test_the_distance_is_the_difference_of_levels_without_a_gain():
    generator = torch.Generator().manual_seed(4)
    wave = 0.1 * torch.randn(8000, generator=generator)
    values, mean, deviation = log_mel(wave)
    about = {"mean": mean, "deviation": deviation}
    assert distance_db(0.3 * wave, values, **about) < 1e-3
    assert distance_db(wave, values, mean=mean + 7, deviation=deviation) < 1e-3
    half = torch.zeros_like(values)
    half[:, ::2] = 4 / deviation
    # 4 dB more in every other band: 2 dB about their mean
    assert distance_db(wave, values + half, **about) == pytest.approx(2, abs=1e-2)
    assert distance_db(wave, values[:20], **about) < 1e-3
    assert distance_db(wave[:512], log_mel(wave[:2048]).values[:1]) < 20
    silent = values - 60 / deviation * (torch.arange(128) > 63)
    assert distance_db(wave, silent, floor_db=-1e-9, **about) < 1e-6
