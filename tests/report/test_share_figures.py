import numpy as np
import pandas as pd
import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.report.share_figures import band_shares, region_shares


@pytest.fixture
def bands():
    return pd.DataFrame(
        {
            "class": ["male", "male", "female", "female"],
            "band_low_hz": [0.0, 1000.0] * 2,
            "band_high_hz": [1000.0, 4000.0] * 2,
            "positive_share": [0.7, 0.3, 0.6, 0.4],
            "negative_share": [0.5, 0.5, 0.1, 0.9],
        }
    )


def test_bars_hold_the_shares_and_ticks_an_even_spread(bands):
    male, female = band_shares(bands).axes
    assert [bar.get_width() for bar in male.patches] == pytest.approx([70, 30, -50, -50])
    assert [bar.get_width() for bar in female.patches] == pytest.approx([60, 40, -10, -90])
    np.testing.assert_allclose(male.lines[0].get_xdata(), [25, 75])
    assert [label.get_text() for label in male.get_yticklabels()] == ["0–1000", "1000–4000"]
    assert male.get_ylabel() == "frequency band (Hz)"
    assert male.get_xlabel() == "share of relevance (%)"
    assert [axes.get_title(loc="left") for axes in (male, female)] == ["male", "female"]


def test_a_given_share_of_bins_is_that_of_an_even_spread(bands):
    """Mel bands crowd at low frequencies."""
    (axes, _) = band_shares(bands.assign(share_of_bins=[0.6, 0.4] * 2)).axes
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [60, 40])


def test_many_classes_are_drawn_as_their_mean(bands):
    more = [bands.assign(**{"class": bands["class"] + str(i)}) for i in range(3)]
    (axes,) = band_shares(pd.concat(more)).axes
    assert axes.get_title(loc="left") == "mean of 6 classes"
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([65, 35, -30, -70])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0–1000", "1000–4000"]


def test_regions_use_the_share_of_bins_that_is_given():
    table = pd.DataFrame(
        {
            "class": ["male", "male"],
            "region": ["padding", "recording"],
            "share_of_bins": [0.33, 0.67],
            "positive_share": [0.4, 0.6],
            "negative_share": [0.2, 0.8],
        }
    )
    (axes,) = region_shares(table).axes
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [33, 67])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["padding", "recording"]


def test_no_relevance_at_all_is_drawn_as_empty_bars(bands):
    (axes, _) = band_shares(bands.assign(positive_share=np.nan, negative_share=0.0)).axes
    assert [bar.get_width() for bar in axes.patches] == [0, 0, 0, 0]
    assert axes.get_xlim()[1] > 0


def test_missing_column_or_rows_are_said(bands):
    with pytest.raises(SpeechLRPError, match="no column 'region'"):
        region_shares(bands)
    with pytest.raises(SpeechLRPError, match="no row"):
        band_shares(bands.head(0))
