"""The DET curve: what is drawn, against the errors themselves."""

from statistics import NormalDist

import numpy as np
import pytest

from speechlrp.report import det
from speechlrp.report.det import det_figure
from speechlrp.report.style import figure_png
from speechlrp.training.embeddings import equal_error_rate, error_rates

COUNTS = (20_000, 20_000)


@pytest.fixture(scope="module")
def normal():
    """Scores of two normal distributions, two deviations apart."""
    draw = np.random.default_rng(1)
    same = np.arange(sum(COUNTS)) % 2 == 0
    scores = draw.normal(size=same.size) + 2 * same
    return scores, same


def drawn(scores, same, **more):
    miss, false, _ = error_rates(scores, same)
    counts = int(same.sum()), int((~same).sum())
    return det_figure(miss, false, equal_error_rate(scores, same), counts=counts, **more)


def test_normal_scores_make_a_straight_line_of_slope_minus_one(normal):
    (axes,) = drawn(*normal).axes
    x, y = axes.lines[0].get_data()
    inner = (x > -2) & (x < 0) & (y > -2) & (y < 0)
    np.testing.assert_allclose(x[inner] + y[inner], -2, atol=0.08)
    assert inner.sum() > 100
    assert len(x) <= det.POINTS


def test_the_equal_error_rate_is_marked_on_the_curve_and_said(normal):
    (axes,) = drawn(*normal).axes
    place = NormalDist().inv_cdf(equal_error_rate(*normal))
    (x,), (y,) = axes.lines[2].get_data()
    assert (x, y) == (place, place)
    assert place == pytest.approx(-1, abs=0.03)
    texts = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert texts[0] == "20,000 trials of one speaker, 20,000 of two"
    assert texts[1].startswith("equal error rate 15.")


def test_the_axes_are_in_percent_at_normal_deviates(normal):
    (axes,) = drawn(*normal).axes
    for axis in (axes.xaxis, axes.yaxis):
        labels = [float(text.get_text()) for text in axis.get_ticklabels()]
        assert labels[0] == 0.01
        assert labels[-1] == 60
        expected = [NormalDist().inv_cdf(label / 100) for label in labels]
        np.testing.assert_allclose(axis.get_ticklocs(), expected)
    assert "accepted (%)" in axes.get_xlabel()
    assert "refused (%)" in axes.get_ylabel()


@pytest.mark.parametrize("scores", [[3.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, 3.0], [1.0] * 4])
@pytest.mark.parametrize("ones", [1, 2, 3])
def test_few_trials_all_right_or_all_wrong_can_be_drawn(scores, ones):
    figure = drawn(np.array(scores), np.arange(4) < ones)
    (axes,) = figure.axes
    for line in axes.lines:
        assert np.isfinite(line.get_data()).all()
    assert axes.get_xlim()[0] < axes.get_xlim()[1]
    assert figure_png(figure).startswith(b"\x89PNG")
