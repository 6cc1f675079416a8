"""Parts of a spectrum made quiet, and waves as files: what is read is what was written."""

import numpy as np
import pytest
import torch

from speechlrp.audio.reading import read
from speechlrp.audio.regions import encode_wav, with_gains
from speechlrp.errors import SpeechLRPError

RATE = 8000
HERTZ, SECONDS = np.linspace(50, 4000, 40), np.linspace(0.1, 0.9, 41)
TIME = torch.arange(RATE) / RATE
LOW, HIGH = (torch.sin(2 * torch.pi * f * TIME) for f in (600.0, 2500.0))


def test_gains_of_one_change_nothing():
    wave = LOW + HIGH
    whole = with_gains(wave, RATE, np.ones((40, 41)), HERTZ, SECONDS)
    torch.testing.assert_close(whole, wave, atol=1e-4, rtol=0)


def test_a_tone_is_turned_down_by_its_gain_and_another_kept():
    gains = np.where(HERTZ > 1500, 0.25, 1.0)[:, None] * np.ones(41)
    heard = with_gains(LOW + HIGH, RATE, gains, HERTZ, SECONDS)
    torch.testing.assert_close(heard[400:-400], (LOW + HIGH / 4)[400:-400], atol=2e-2, rtol=0)


def test_gains_change_with_time_and_stay_beyond_their_ends():
    gains = np.ones((40, 1)) * (SECONDS > 0.5)
    heard = with_gains(LOW, RATE, gains, HERTZ, SECONDS)
    assert heard[:3500].abs().max() < 1e-3
    torch.testing.assert_close(heard[4600:-400], LOW[4600:-400], atol=1e-2, rtol=0)


def test_above_the_highest_frequency_nothing_is_heard():
    gains = np.ones((20, 41))
    heard = with_gains(LOW + HIGH, RATE, gains, HERTZ[:20], SECONDS)
    torch.testing.assert_close(heard[400:-400], LOW[400:-400], atol=2e-2, rtol=0)


@pytest.mark.parametrize("shape", [(1000,), (1, 1000), (2, 1000)])
def test_a_round_trip(shape, tmp_path):
    wave = torch.rand(shape) * 2 - 1
    path = tmp_path / "a.wav"
    path.write_bytes(encode_wav(wave, 16000))
    samples, rate = read(path)
    assert rate == 16000
    torch.testing.assert_close(samples, wave.view(-1, 1000), atol=1 / 32768, rtol=0)


@pytest.mark.parametrize(
    ("wave", "message"),
    [
        (torch.zeros(0), r"must be \[N\] or \[C, N\]; found \[0\]"),
        (torch.zeros(1, 1, 5), r"found \[1, 1, 5\]"),
        (torch.tensor([0.0, -1.5]), r"largest sample is 1\.5"),
        (torch.tensor([0.0, torch.nan]), "largest sample is nan"),
    ],
)
def test_what_is_no_wave_is_an_expected_error(wave, message):
    with pytest.raises(SpeechLRPError, match=message):
        encode_wav(wave, 16000)
