import numpy as np
import pandas as pd
import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.report.curve_parts import statistics
from speechlrp.report.curves import flipping_curve
from speechlrp.report.style import STRATEGIES, figure_png


def line(axes, label):
    return next(drawn for drawn in axes.lines if drawn.get_label() == label)


def test_lines_hold_the_mean_accuracy_in_percent(curve):
    (axes,) = flipping_curve(curve, chance=0.5).axes
    np.testing.assert_allclose(line(axes, "lrp").get_xdata(), [0, 0.5, 1, 5, 30])
    np.testing.assert_allclose(line(axes, "lrp").get_ydata(), [90, 50, 20, 10, 10])
    np.testing.assert_allclose(line(axes, "random").get_ydata(), [80] * 5)
    assert line(axes, "lrp").get_color() == STRATEGIES["lrp"].colour


def test_the_band_is_one_deviation_and_only_where_there_are_repeats(curve):
    (axes,) = flipping_curve(curve, chance=0.5).axes
    (band,) = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    deviation = 100 * np.std([0.78, 0.82], ddof=1)
    assert heights.max() == pytest.approx(80 + deviation)
    assert heights.min() == pytest.approx(80 - deviation)


def test_axes_name_their_units_and_every_line_is_labelled(curve):
    (axes,) = flipping_curve(curve, chance=0.5).axes
    assert axes.get_xlabel() == "bins flipped (% of all)"
    assert axes.get_ylabel() == "accuracy (%)"
    assert {"lrp", "random", "lrp_rev", "chance"} <= {text.get_text() for text in axes.texts}
    assert axes.get_xlim() == (0, 30)


def test_below_one_percent_takes_a_third_of_the_axis_or_more(curve):
    (axes,) = flipping_curve(curve, chance=0.5).axes
    place = axes.transAxes.inverted().transform(axes.transData.transform((1.0, 50)))[0]
    assert place > 1 / 3
    (axes,) = flipping_curve(curve, chance=0.5, scale="linear").axes
    assert axes.get_xscale() == "linear"


def test_paper_values_are_hollow_and_only_for_lines_that_are_drawn(curve):
    paper = {"lrp": {0.0: 97.0, 1.0: 4.0, 80.0: 2.0}, "unknown": {0.0: 1.0}}
    (axes,) = flipping_curve(curve, chance=0.5, paper=paper).axes
    marks = line(axes, "lrp (thesis)")
    assert list(marks.get_xdata()) == [0.0, 1.0]
    assert list(marks.get_ydata()) == [97.0, 4.0]
    assert marks.get_markerfacecolor() == "none"
    assert not [drawn for drawn in axes.lines if "unknown" in drawn.get_label()]


def test_half_is_marked_in_bins_with_the_papers_range(curve):
    fig = flipping_curve(
        curve, chance=0.5, x="bins", halves={"lrp": 5.0, "random": np.nan}, paper_half=(3, 4)
    )
    (axes,) = fig.axes
    assert axes.get_xlabel() == "bins flipped (count)"
    halves = [text.get_text() for text in axes.texts if text.get_text().startswith("50 %")]
    assert halves == ["50 % at 5 bins"]
    (span,) = axes.patches
    assert (span.get_x(), span.get_width()) == (3, 1)


def test_models_keep_the_order_in_which_they_come(curve_maker):
    rows = [curve_maker(model=m).query("strategy == 'lrp'") for m in ("b", "a", "c")]
    fig = flipping_curve(pd.concat(rows), by="model", chance=0.5)
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["b", "a", "c"]


def test_one_strategy_alone_and_a_single_point(curve):
    (axes,) = flipping_curve(curve.query("strategy == 'lrp' and percent == 0"), chance=0.5).axes
    assert list(line(axes, "lrp").get_ydata()) == [90]


def test_several_baselines_in_one_line_are_refused(curve_maker):
    both = pd.concat([curve_maker(), curve_maker(baseline="mean")])
    with pytest.raises(SpeechLRPError, match=r"'baseline' \(mean, zero\)"):
        flipping_curve(both, chance=0.5)


def test_nan_is_left_out_and_nothing_but_nan_is_refused(curve):
    curve.loc[curve["percent"] == 0.5, "accuracy"] = np.nan
    assert 0.5 not in set(statistics(curve, "strategy")["percent"])
    with pytest.raises(SpeechLRPError, match="no finite accuracy"):
        flipping_curve(curve.assign(accuracy=np.nan), chance=0.5)


def test_a_missing_column_is_named(curve):
    with pytest.raises(SpeechLRPError, match="no column 'accuracy'"):
        flipping_curve(curve.drop(columns="accuracy"), chance=0.5)


def test_the_same_table_gives_the_same_bytes(curve):
    first, second = (figure_png(flipping_curve(curve, chance=0.5)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("classes", [2, 8, 10])
def test_chance_is_one_over_the_classes(curve, classes):
    (axes,) = flipping_curve(curve, chance=1 / classes).axes
    heights = [drawn.get_ydata() for drawn in axes.lines if drawn.get_label().startswith("_")]
    assert [list(height) for height in heights] == [pytest.approx([100 / classes] * 2)]


def test_chance_has_no_default(curve):
    with pytest.raises(TypeError, match="chance"):
        flipping_curve(curve)
