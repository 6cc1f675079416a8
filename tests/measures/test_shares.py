"""Shares of relevance against hand-computed values."""

import numpy as np
import pandas as pd
import pytest

from speechlrp.measures.shares import Shares

FREQUENCY = np.array([0.0, 100, 200, 300])
TIME = np.array([0.1, 0.3, 0.5])
BANDS = [0, 150, 300]
F0 = {"female": [200, 300]}
ONE = np.array([[1, -2, 0], [3, 0, 0], [0, 4, -6], [0, 0, 2]], dtype=np.float32)


def _table(labels, onset=0.2, duration=0.2):
    return pd.DataFrame({"label": labels, "onset_s": onset, "duration_s": duration})


def _shares(relevance, labels, bands=BANDS, half=0.05, **rows):
    shares = Shares(FREQUENCY, TIME, half, ["male", "female"], bands, F0)
    shares.add(np.asarray(relevance)[:, None], _table(labels, **rows))
    return shares.tables()


def test_against_hand_computed_values():
    bands, regions = _shares([ONE], [0])
    assert bands["class"].tolist() == ["male", "male"]
    assert bands.band_low_hz.tolist() == [0, 150]
    assert bands.band_high_hz.tolist() == [150, 300]
    assert bands.share_of_bins.tolist() == [0.5, 0.5]
    assert bands.positive_share.tolist() == pytest.approx([0.4, 0.6])
    assert bands.negative_share.tolist() == pytest.approx([0.25, 0.75])
    regions = regions.set_index("region")  # speech: the middle frame alone
    f0 = "f0 female (200-300 Hz)"
    assert list(regions.index) == ["speech", "padding", f0]
    assert regions.share_of_bins.tolist() == pytest.approx([1 / 3, 2 / 3, 0.5])
    assert regions.positive_share.tolist() == pytest.approx([0.4, 0.6, 0.6])
    assert regions.negative_share.tolist() == pytest.approx([0.25, 0.75, 0.75])


@pytest.mark.parametrize("bands", [[0, 150, 300], [0, 50, 100, 250, 300], [0, 1000], [-1, 300]])
def test_bands_that_span_the_axis_share_everything_out(bands):
    rng = np.random.default_rng(2)
    table, regions = _shares(rng.normal(size=(5, 4, 3)), [0, 1, 1, 0, 1], bands=bands)
    sums = table.groupby("class")[["share_of_bins", "positive_share", "negative_share"]].sum()
    np.testing.assert_allclose(sums, 1)
    both = regions[regions.region.isin(["speech", "padding"])]
    sums = both.groupby("class")[["share_of_bins", "positive_share", "negative_share"]].sum()
    np.testing.assert_allclose(sums, 1)


def test_the_last_band_holds_its_end_and_no_bin_above():
    bands, _ = _shares([ONE], [0], bands=[0, 100, 200])
    assert bands.share_of_bins.tolist() == [0.25, 0.5]


def test_means_are_over_the_recordings_of_a_class():
    other = np.zeros_like(ONE)
    other[0, 1] = 5
    bands, regions = _shares([ONE, other, other], [0, 0, 1])
    bands, regions = bands.set_index(["class", "band_low_hz"]), regions.set_index("class")
    assert bands.positive_share["male", 0] == pytest.approx((0.4 + 1) / 2)
    assert bands.positive_share["female", 0] == 1
    speech = regions[regions.region == "speech"].positive_share
    assert speech["male"] == pytest.approx((0.4 + 1) / 2)
    assert speech["female"] == 1


def test_batches_make_no_difference():
    rng = np.random.default_rng(1)
    maps, labels = rng.normal(size=(4, 4, 3)), [0, 1, 0, 1]
    shares = Shares(FREQUENCY, TIME, 0.05, ["male", "female"], BANDS, F0)
    for one, label in zip(maps, labels, strict=True):
        shares.add(one[None, None], _table([label]))
    for found, expected in zip(shares.tables(), _shares(maps, labels), strict=True):
        pd.testing.assert_frame_equal(found, expected)


def test_a_class_without_recordings_has_no_rows():
    bands, regions = _shares([ONE], [1])
    assert set(bands["class"]) == set(regions["class"]) == {"female"}


def test_a_recording_without_negative_relevance_does_not_count_there():
    bands, _ = _shares([ONE, np.abs(ONE)], [0, 0])
    assert bands.negative_share.tolist() == pytest.approx([0.25, 0.75])
    assert bands.positive_share.tolist() == pytest.approx([(0.4 + 6 / 18) / 2, (0.6 + 12 / 18) / 2])
    bands, _ = _shares([np.abs(ONE)], [0])
    assert bands.negative_share.isna().all()


@pytest.mark.parametrize(
    ("onset", "duration", "half", "frames"),
    [
        (0.2, 0.2, 0.05, 1),
        (0.0, 0.6, 0.05, 3),
        (0.0, 0.0, 0.05, 0),
        (0.2, 0.2, 0.15, 3),  # frames that reach into speech hold some of it
        (0.36, 0.5, 0.05, 1),
        (0.34, 0.5, 0.05, 2),
    ],
)
def test_a_frame_is_padding_when_no_sample_of_speech_lies_in_it(onset, duration, half, frames):
    _, regions = _shares([ONE], [0], half=half, onset=onset, duration=duration)
    assert regions.share_of_bins[:2].tolist() == pytest.approx([frames / 3, 1 - frames / 3])
