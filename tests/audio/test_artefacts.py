"""What an artefact is, and in whose recordings."""

import numpy as np
import pytest
import torch

from speechlrp.audio.artefacts import Artefacts, click, hum, room

RATE = 8000


@pytest.fixture
def wave(generator):
    return 0.1 * torch.randn(6000, generator=generator, dtype=torch.float64)


def draw():
    return np.random.default_rng(0)


def ratio_db(wave, added):
    return 10 * np.log10(float(wave.square().sum() / added.square().sum()))


def test_a_hum_is_one_frequency_at_the_ratio(wave):
    added = hum(wave, RATE, draw(), snr_db=12, hz=50) - wave
    spectrum = torch.fft.rfft(added).abs()
    hertz = torch.fft.rfftfreq(len(wave), 1 / RATE)
    assert abs(float(hertz[spectrum.argmax()]) - 50) < RATE / len(wave)
    assert ratio_db(wave, added) == pytest.approx(12, abs=1e-6)


def test_a_click_is_at_its_time_and_short(wave):
    added = click(wave, RATE, draw(), snr_db=20, at_s=0.1, length_s=0.002) - wave
    assert not added[:800].any()
    assert added[800:880].square().sum() > 0.99 * added.square().sum()
    assert ratio_db(wave, added) == pytest.approx(20, abs=1e-6)
    assert click(wave[:10], RATE, draw(), at_s=1.0)[-1] != wave[9]


def test_a_room_sounds_on_after_the_recording_ends(wave):
    wave[3000:] = 0
    after = room(wave, RATE, draw(), rt60_s=0.3)
    early, late = after[3000:3400].square().mean(), after[5000:].square().mean()
    assert early > 100 * late > 0


def test_those_that_get_it_get_the_same_every_time_and_the_others_stay(wave):
    first, again = (Artefacts(hum, {"a", "b"}, RATE, seed=3) for _ in range(2))
    assert torch.equal(first(wave, "c"), wave)
    assert not torch.equal(first(wave, "a"), wave)
    assert torch.equal(first(wave, "a"), again(wave, "a"))
    assert not torch.equal(first(wave, "a"), first(wave, "b"))
    silence = torch.zeros(100)
    assert torch.equal(first(silence, "a"), silence)
