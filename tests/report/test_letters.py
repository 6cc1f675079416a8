"""The figures of letters: what stands where, in ms and Hz."""

import numpy as np
import pandas as pd
import pytest

from speechlrp.report.letters_frames import (
    FrameRow,
    frames_figure,
    relevance_over,
    spectrogram_limits,
)
from speechlrp.report.letters_overview import Along, letters_figure, utterance_figure, where_figure
from speechlrp.report.style import figure, figure_png

HZ, MS = np.array([100.0, 500, 1000, 3000]), np.arange(-3, 3) * 8.0
DRAWN = np.random.default_rng(0)
SHAPE = len(HZ), len(MS)


def _row(*names: str) -> FrameRow:
    maps = {name: DRAWN.normal(size=SHAPE) for name in names}
    return FrameRow(DRAWN.normal(size=SHAPE), maps, f"'a' under {names}")


def _panels(fig) -> list:
    return [ax for ax in fig.axes if ax.images and ax.get_label() != "<colorbar>"]


def test_a_frame_stands_beside_all_its_explanations():
    rows = [_row("sensitivity", "lrp") for _ in range(2)]
    panels = _panels(frames_figure(rows, HZ, MS, units="dB"))
    assert [ax.get_title(loc="left") for ax in panels[:3]] == ["spectrogram", "sensitivity", "lrp"]
    assert len(panels) == 6
    for row, axes in zip(rows, (panels[:3], panels[3:]), strict=True):
        np.testing.assert_array_equal(axes[0].images[0].get_array(), row.features)
        for ax, values in zip(axes[1:], row.maps.values(), strict=True):
            drawn = ax.images[1].get_array()
            np.testing.assert_array_equal(ax.images[0].get_array(), row.features)
            np.testing.assert_allclose(drawn / drawn.max(), values / values.max())
        assert axes[0].images[0].get_extent() == [-28, 20, -0.5, 3.5]
        assert [t.get_text() for t in axes[0].get_yticklabels()] == ["250", "700", "1500", "2700"]
        assert row.title in [text.get_text() for text in axes[0].texts]
    assert "time from the centre (ms)" in {ax.get_xlabel() for ax in panels}


def test_colour_is_full_where_nearly_all_bins_lie_below():
    axes = figure().subplots()
    values = np.concatenate([np.linspace(-1, 1, 999), [50]]).reshape(4, 250)
    image = relevance_over(axes, values, values, HZ, np.arange(250.0), (0, 1))
    assert image.get_clim() == (-1, 1)
    assert 45 < image.get_array().max() < 55
    assert spectrogram_limits([np.zeros((2, 2))]) == (0, 1)


def test_every_letter_has_its_panel_and_a_missing_one_says_so():
    maps = DRAWN.normal(size=(26, *SHAPE))
    maps[9] = np.nan
    frames = np.arange(26) * 100
    frames[9] = 0
    fig = letters_figure(maps, frames, "abcdefghijklmnopqrstuvwxyz", HZ, MS)
    panels = _panels(fig)
    assert len(panels) == 26
    for ax, values, count in zip(panels, maps, frames, strict=True):
        shown = ax.images[0].get_array().filled(np.nan)
        assert f"{count:,}" in ax.get_title(loc="left")
        if np.isfinite(values).any():
            np.testing.assert_allclose(shown, values / np.abs(values).max())
        else:
            assert [text.get_text() for text in ax.texts] == ["no frame"]


def test_shares_are_drawn_against_an_even_spread():
    lags = pd.DataFrame({"class": ["a"] * 6 + ["b"] * 6, "offset_ms": [*MS, *MS],
                         "share": [*np.full(6, 1 / 6), *np.eye(6)[2]]})  # fmt: skip
    bands = pd.DataFrame({"class": ["a", "a", "b", "b"], "band_low_hz": [0, 400] * 2,
                          "band_high_hz": [400, 900] * 2, "share_of_bins": [0.25, 0.75] * 2,
                          "share": [0.25, 0.75, 0.5, 0.5]})  # fmt: skip
    left, right = _panels(where_figure(lags, bands))
    np.testing.assert_allclose(left.images[0].get_array(), [np.ones(6), 6 * np.eye(6)[2]])
    np.testing.assert_allclose(right.images[0].get_array(), [[1, 1], [2, 2 / 3]])
    assert left.images[0].get_extent() == [-28, 20, 1.5, -0.5]
    assert [t.get_text() for t in left.get_yticklabels()] == ["a", "b"]


def _along(**changes) -> Along:
    letters = pd.DataFrame({"letter": ["a", "a", "b"], "run": [4, 4, 7], "start": [0, 2, 3],
                            "time_s": [0.04, 0.06, 0.064]})  # fmt: skip
    about = {
        "features": DRAWN.normal(size=(10, 4)), "relevance": DRAWN.normal(size=(10, 4)),
        "time": 0.016 + 0.008 * np.arange(10), "letters": letters,
        "profile": np.array([np.eye(6)[1], np.eye(6)[1], np.full(6, 1 / 6)]), "title": "said: ab",
    }  # fmt: skip
    return Along(**about | changes)


def test_letters_stand_over_the_utterance_and_have_a_row_each():
    top, middle, low = _panels(utterance_figure(_along(), HZ, units="dB"))
    assert [text.get_text() for text in top.texts] == ["a", "b"]
    assert [text.get_position()[0] for text in top.texts] == pytest.approx([0.05, 0.064])
    assert len(middle.images) == 2
    rows = low.images[0].get_array().filled(np.nan)
    expected = np.full((2, 10), np.nan)
    expected[0, :8] = 0
    expected[0, 1] = expected[0, 3] = 50
    expected[1, 3:9] = 100 / 6
    np.testing.assert_allclose(rows, expected)
    assert [t.get_text() for t in low.get_yticklabels()] == ["a", "b"]
    assert low.get_xlabel() == "time (s)"
    np.testing.assert_allclose(low.lines[0].get_xdata(), [0.05, 0.064])


def test_the_same_frames_give_the_same_bytes():
    row = _row("lrp")
    assert figure_png(frames_figure([row], HZ, MS)) == figure_png(frames_figure([row], HZ, MS))
