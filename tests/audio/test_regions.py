"""Parts of a recording made quiet: what is kept keeps its level and phase."""

import numpy as np
import torch

from speechlrp.audio.regions import with_gains

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
