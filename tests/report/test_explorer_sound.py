"""The explorer in a real browser: what it plays."""

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
import soundfile
from toy_explorer import CHROMIUM, ONSET, RATE, RECORDINGS, F, T

from speechlrp.report.packing import sound_text

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")


def reference_mask(samples, rate, onset, keep):
    """The same masked sound, by numpy's FFT."""
    size = 2 ** round(np.log2(rate * 0.032))
    hop, hann = size // 4, 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    padded = np.concatenate([np.zeros(size), samples, np.zeros(2 * size)])
    total, weight = np.zeros_like(padded), np.zeros_like(padded)
    hertz = np.arange(size // 2 + 1) * rate / size
    for start in range(hop - size, len(samples), hop):
        at = slice(start + size, start + 2 * size)
        seconds = onset + (start + size / 2) / rate
        spectrum = np.fft.rfft(padded[at] * hann) * [keep(seconds, f) for f in hertz]
        total[at] += np.fft.irfft(spectrum, size) * hann
        weight[at] += hann**2
    inside = slice(size, size + len(samples))
    return total[inside] / np.maximum(weight[inside], 1e-8)


STEP = 2**-15
"""Of 16 bits: decoders divide by 32767 or by 32768."""


def heard(one):
    """Its sound as 16 bits keep it."""
    return soundfile.read(BytesIO(b64decode(sound_text(one.samples, RATE))))[0]


def played(page, which):
    return np.array(page.evaluate(f"[...speechlrp.explorers[0].part('{which}')]"))


def test_a_region_is_heard_alone(opened):
    page = opened("#region=0.3,0.7,300,1000")
    sound = heard(RECORDINGS[0])
    keep = lambda t, f: 0.3 <= t <= 0.7 and 300 <= f <= 1000  # noqa: E731
    np.testing.assert_allclose(
        played(page, "region"), reference_mask(sound, RATE, ONSET, keep), atol=STEP
    )
    spectrum = np.abs(np.fft.rfft(played(page, "region")[2400:4000]))
    assert spectrum[round(600 * 0.2)] > 100 * spectrum[round(2500 * 0.2)]


@pytest.mark.parametrize(("which", "sign"), [("for", 1), ("against", -1)])
def test_what_speaks_for_it_is_heard_alone(opened, which, sign):
    page = opened("#share=1.3")
    relevance = sign * RECORDINGS[0].maps[0].relevance
    limit = np.sort(np.maximum(relevance, 0).ravel())[::-1][round(10**1.3 / 100 * F * T) - 1]

    def keep(t, f):
        x, y = int(np.floor(t / 0.02 + 0.5)), int(np.floor((f - 50) / 100 + 0.5))
        inside = 0 <= x < T and 0 <= y < F
        return inside and relevance[y, x] >= limit and relevance[y, x] > 0

    sound = heard(RECORDINGS[0])
    truth = reference_mask(sound, RATE, ONSET, keep)
    assert np.corrcoef(played(page, which), truth)[0, 1] > 0.999


def test_all_of_it_is_the_sound_itself(opened):
    page = opened("#region=-1,5,-10,9000")
    sound = heard(RECORDINGS[0])
    np.testing.assert_allclose(played(page, "region"), sound, atol=STEP)


def test_the_playhead_moves_and_stops(opened):
    page = opened()
    page.click("[data-do=play] >> nth=0")
    page.wait_for_function("speechlrp.explorers[0].player.at > 0.05")
    page.click("[data-do=stop] >> nth=0")
    assert page.evaluate("speechlrp.explorers[0].player.at") is None
