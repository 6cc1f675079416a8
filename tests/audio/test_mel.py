"""Bands against triangles drawn a second time, from their corners."""

import numpy as np
import pytest

from speechlrp.audio.mel import band_edges, filterbank, to_hertz, to_mel

EMPTY = "all zero values"


def triangles(corners: np.ndarray, bins: np.ndarray) -> np.ndarray:
    left, peak, right = (corners[i : len(corners) - 2 + i, None] for i in range(3))
    rise, fall = (bins - left) / (peak - left), (right - bins) / (right - peak)
    return np.clip(np.minimum(rise, fall), 0, None)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize(("bands", "low", "high"), [(128, 0.0, 8000.0), (40, 300.0, 6100.0)])
@pytest.mark.filterwarnings(f"ignore:.*{EMPTY}")
def test_bands_are_triangles_between_their_corners(scale, bands, low, high):
    corners = band_edges(bands, low, high, scale)
    expected = triangles(corners, np.linspace(0, 8000, 257))
    plain = filterbank(257, bands, 16000, low, high, scale, False).numpy()
    np.testing.assert_allclose(plain, expected, atol=1e-4)
    area = filterbank(257, bands, 16000, low, high, scale, True).numpy()
    widths = (corners[2:] - corners[:-2])[:, None]
    np.testing.assert_allclose(area * widths / 2, expected, atol=1e-4)
    assert (corners[0], corners[-1]) == pytest.approx((low, high), rel=1e-12)


def test_one_of_128_htk_bands_is_empty_and_no_slaney_band_is():
    with pytest.warns(UserWarning, match=EMPTY):
        htk = filterbank.__wrapped__(257, 128, 16000, 0.0, 8000.0, "htk", False)
    slaney = filterbank(257, 128, 16000, 0.0, 8000.0, "slaney", True)
    assert (htk.sum(1) == 0).nonzero().flatten().tolist() == [0]
    assert band_edges(128, 0, 8000, "htk")[2] < 16000 / 512  # it ends below the second bin
    assert (slaney.sum(1) > 0).all()


@pytest.mark.parametrize(
    ("scale", "hertz", "mels"),
    [("slaney", 500, 7.5), ("slaney", 1000, 15), ("slaney", 6400, 42), ("htk", 700, 781.17)],
)
def test_known_points_of_the_scales(scale, hertz, mels):
    """Slaney: 200 / 3 Hz a mel up to 1 kHz, then 27 mels to 6.4 kHz. HTK: 2595 log10 2."""
    assert to_mel(hertz, scale) == pytest.approx(mels, abs=1e-2)
    assert to_hertz(np.array([to_mel(hertz, scale)]), scale)[0] == pytest.approx(hertz, rel=1e-12)
