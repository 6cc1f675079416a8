"""Packed recordings: to the last bit, and lightly."""

import base64
import zlib
from io import BytesIO

import numpy as np
import pytest
import soundfile
from PIL import Image

from speechlrp.report.packing import exact_text, light_text, sizes, sound_text

SHAPE = (4, 6)
VALUES = np.random.default_rng(0).normal(size=SHAPE)


def test_numbers_are_packed_to_the_last_bit():
    arrays = [VALUES.astype(np.float32), VALUES.astype(np.float16), np.full(SHAPE, np.nan, "<f4")]
    raw = zlib.decompress(base64.b64decode(exact_text(arrays)), wbits=-15)
    assert sizes(arrays) == [4, 2, 4]
    for values, size in zip(arrays, sizes(arrays), strict=True):
        planes, raw = np.frombuffer(raw[: size * 24], np.uint8), raw[size * 24 :]
        back = planes.reshape(size, 24).T.copy().view(f"<f{size}").reshape(SHAPE)
        np.testing.assert_array_equal(back, values)
    assert raw == b""


def test_sound_is_that_of_16_bits():
    samples = np.array([0.0, 0.5, -1.0, 2.0, np.nan] * 100)
    back, rate = soundfile.read(BytesIO(base64.b64decode(sound_text(samples, 8000))))
    assert rate == 8000
    np.testing.assert_allclose(back[:5], [0, 0.5, -1, 1, 0], atol=2**-15)
    assert sound_text(None, 0) == ""


@pytest.mark.parametrize("levels", [31, 7])
@pytest.mark.parametrize("count", [1, 3, 4])
def test_light_numbers_are_half_a_step_away_at_most(levels, count):
    maps = [np.sign(VALUES) * np.abs(VALUES) ** 3 * 10**i for i in range(count)]
    text, light = light_text(VALUES, maps, levels)
    images = [
        np.asarray(Image.open(BytesIO(base64.b64decode(line))).convert("RGB")).astype(float)
        for line in text.split("\n")
    ]
    assert len(images) == 1 + -(-count // 3)
    features = light.low + light.step * images[0][..., 0]
    np.testing.assert_allclose(features, VALUES, atol=light.step / 2 + 1e-9)
    assert (light.levels, len(light.scales)) == (levels, count)
    for i, values in enumerate(maps):
        level = (images[1 + i // 3][..., i % 3] - levels) / levels
        back = np.cbrt(light.scales[i]) * level
        half = np.cbrt(np.abs(values).max()) / levels / 2
        np.testing.assert_allclose(back, np.cbrt(values), atol=half * 1.0001)


def test_where_there_are_no_features_none_are_made_up():
    _, light = light_text(np.full(SHAPE, np.nan), [0 * VALUES], 7)
    assert light.low is None
    assert light.scales == [1.0]
