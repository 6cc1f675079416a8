"""Sums of explanations by class, against each window on its own; maps laid along time."""

import numpy as np
import pytest
import torch

from speechlrp.navai.explanations import (
    NUMBERS,
    NumbersPart,
    RelevancePart,
    band_table,
    lag_table,
    lay,
    letter_table,
    profile,
)
from speechlrp.navai.focus import PLACES
from speechlrp.navai.frames import Frames

BANDS, WIDTH, SYMBOLS = 3, 6, 4
HZ, MS = np.array([100.0, 400, 900]), np.arange(-3, 3) * 8.0
CLASSES = ("a", "b", "c")


def _batch(seed: int, labels: list[int], runs: list[int]) -> tuple[Frames, dict]:
    generator = torch.Generator().manual_seed(seed)
    relevance = torch.randn(len(labels), BANDS, WIDTH, generator=generator)
    output = torch.randn(len(labels), SYMBOLS, generator=generator)
    classes = torch.tensor(labels)
    starts = torch.arange(len(labels)) * 2
    frames = Frames(relevance * 0, classes, classes, torch.tensor(runs), starts,
                    tuple(f"u{seed}" for _ in labels))  # fmt: skip
    return frames, {"relevance": relevance, "output": output}


BATCHES = [_batch(0, [0, 0, 1], [0, 0, 1]), _batch(1, [1, 0], [2, 3])]
STEPS = {"none": torch.tensor([3, 3, 3])}


def _add(part, batches=BATCHES):
    for frames, maps in batches:
        part.add(frames, maps, {"none": STEPS["none"][: len(frames.ids)]})
    return part


def _of(label: int) -> np.ndarray:
    return np.concatenate([m["relevance"][f.classes == label].numpy() for f, m in BATCHES])


@pytest.fixture
def filled() -> RelevancePart:
    return _add(RelevancePart(CLASSES, BANDS, WIDTH))


def test_means_are_those_of_the_windows(filled):
    for label in (0, 1):
        own = _of(label).astype(float)
        shares = np.abs(own) / np.abs(own).sum((1, 2), keepdims=True)
        for kind, expected in (("signed", own), ("absolute", np.abs(own)), ("share", shares)):
            np.testing.assert_allclose(filled.means(kind)[label], expected.mean(0), rtol=1e-6)
    assert np.isnan(filled.means("share")[2]).all()


def test_shards_add_up_and_are_taken_up_again(filled):
    one, other = (_add(RelevancePart(CLASSES, BANDS, WIDTH), [b]) for b in BATCHES)
    one.absorb(other.state())
    again = RelevancePart(CLASSES, BANDS, WIDTH)
    again.restore(one.state())
    for kind in ("signed", "absolute", "share"):
        np.testing.assert_allclose(again.means(kind), filled.means(kind))


def test_tables_of_bands_and_lags_add_up_to_the_whole(filled):
    bands = band_table(filled, HZ, [0, 400, 900])
    own = bands[bands["class"] == "a"]
    assert own.band_low_hz.tolist() == [0, 400]
    np.testing.assert_allclose(own.share_of_bins, [1 / 3, 2 / 3])
    np.testing.assert_allclose(own.share.sum(), 1)
    np.testing.assert_allclose(own["mean"].iloc[0], _of(0)[:, 0].mean(), rtol=1e-6)
    lags = lag_table(filled, MS)
    own = lags[lags["class"] == "b"]
    np.testing.assert_array_equal(own.offset_ms, MS)
    np.testing.assert_allclose(own.share.sum(), 1)
    np.testing.assert_allclose(own.mean_absolute, np.abs(_of(1)).mean(0).sum(0), rtol=1e-6)
    assert lags[lags["class"] == "c"].share.isna().all()


def _promised(output, symbols):
    return output.gather(1, symbols[:, None])[:, 0]


def test_the_table_of_letters_counts_frames_runs_and_what_is_promised(filled):
    part = _add(NumbersPart(len(CLASSES), MS, _promised))
    table = letter_table(CLASSES, filled, part.numbers).set_index("class")
    assert table.frames.tolist() == [3, 2, 0, 5]
    assert table.runs.tolist() == [2, 2, 0, 4]
    assert table.without_relevance.tolist() == [0, 0, 0, 0]
    logits = np.concatenate([m["output"][f.classes == 0, 0].numpy() for f, m in BATCHES])
    np.testing.assert_allclose(table.logit["a"], logits.mean(), rtol=1e-6)
    sums = _of(0).sum((1, 2))
    np.testing.assert_allclose(table.gap["a"], (sums - logits).mean(), rtol=1e-5)
    np.testing.assert_allclose(table["sum_sd"]["a"], sums.std(ddof=1), rtol=1e-5)
    assert {*NUMBERS} <= {*table.columns}


def test_where_nothing_is_promised_there_is_no_gap(filled):
    part = _add(NumbersPart(len(CLASSES), MS, lambda output, symbols: None))
    table = letter_table(CLASSES, filled, part.numbers)
    assert not {"gap", "promised", "gap_sd"} & {*table.columns}
    assert {*PLACES} <= {*table.columns}


def test_maps_are_laid_where_their_windows_are():
    relevance = BATCHES[0][1]["relevance"]
    starts, frames = [0, 2, 4], 11
    signed, absolute, windows = lay(relevance, starts, frames)
    expected = np.zeros((2, frames, BANDS))
    for one, start in zip(relevance.double().numpy(), starts, strict=True):
        for step in range(WIDTH):
            for band in range(BANDS):
                value = one[band, step] / np.abs(one).sum()
                expected[:, start + step, band] += value, abs(value)
    np.testing.assert_allclose(signed, expected[0])
    np.testing.assert_allclose(absolute, expected[1])
    assert windows.tolist() == [1, 1, 2, 2, 3, 3, 2, 2, 1, 1, 0]
    np.testing.assert_allclose(absolute.sum(), 3)


def test_a_profile_is_a_share_of_each_step_and_nothing_of_nothing():
    relevance = torch.zeros(2, BANDS, WIDTH)
    relevance[0, 1, 2], relevance[0, 2, 4] = -3, 1
    np.testing.assert_allclose(profile(relevance), [[0, 0, 0.75, 0, 0.25, 0], [0] * 6])
