"""The figure of scores against a known region."""

import numpy as np
import pandas as pd
import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.report.share_figures import SCORES, localisation_bars
from speechlrp.report.style import figure_png

MEANS = {"good": (0.4, 1.0, 0.95), "even": (0.05, 0.05, 0.5), "none": (np.nan, 0.0, 0.2)}


def _scores():
    rows = []
    for name, values in MEANS.items():
        found = dict(zip([p.score for p in SCORES], values, strict=True))
        found |= {"region": 0.05, "auc_of_wrong_region": 0.48, "positive_in_wrong_region": 0.03}
        found |= {"positive_near": 0.6, "pointing_near": 1.0}
        rows += [(name, score, mean, 0.01, 10) for score, mean in found.items()]
    return pd.DataFrame(rows, columns=["explainer", "score", "mean", "standard_error", "n"])


def test_bars_end_at_the_means_in_per_cent_and_the_best_is_on_top():
    fig = localisation_bars(_scores())
    assert [tick.get_text() for tick in fig.axes[0].get_yticklabels()] == ["none", "even", "good"]
    for k, axes in enumerate(fig.axes):
        widths = [bar.get_width() for bar in axes.patches if bar.get_facecolor()[3]]
        expected = [100 * MEANS[name][k] for name in ("none", "even", "good")]
        np.testing.assert_allclose(widths, expected)
        assert "%" in axes.get_xlabel()


def test_chance_is_the_regions_share_of_the_bins():
    places = [axes.lines[-1].get_xdata()[0] for axes in localisation_bars(_scores()).axes]
    assert places == pytest.approx([5, 5, 50])


def test_what_is_not_defined_says_so():
    texts = [text.get_text() for text in localisation_bars(_scores()).axes[0].texts]
    assert texts == ["none", "5.0", "40.0"]


def test_it_becomes_an_image():
    assert figure_png(localisation_bars(_scores()))[:4] == b"\x89PNG"


@pytest.mark.parametrize("score", ["auc", "region"])
def test_a_score_that_is_missing_is_named(score):
    scores = _scores()
    with pytest.raises(SpeechLRPError, match=f"holds no {score}"):
        localisation_bars(scores[scores.score != score])
