"""The figure of key steps' errors: what it shows is what the table says."""

import numpy as np
import pandas as pd
import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.report.step_distances import FEW, truth_figure
from speechlrp.report.style import figure_png


def a_table():
    rows = [
        (alignment, letter, n, *numbers)
        for alignment, shift in (("none", 50.0), ("min-sens", -10.0))
        for letter, n, numbers in (
            ("a", 200, (shift, shift - 20, shift + 30, 50.0, shift + 5, 0.4, 0.06)),
            ("t", FEW - 1, (shift, shift - 900, shift + 900, 1800.0, shift, 0.1, 0.06)),
            ("all", 200 + FEW - 1, (shift, shift - 20, shift + 30, 50.0, shift, 0.38, 0.06)),
        )
    ]
    columns = ["alignment", "letter", "n", "median_ms", "q25_ms", "q75_ms", "iqr_ms"]
    return pd.DataFrame(rows, columns=[*columns, "bias_ms", "within_50", "uniform_within_50"])


def some_errors():
    rows = [(a, "a", ms, n) for a in ("none", "min-sens") for ms, n in ((-20, 5), (0, 15), (10, 5))]
    return pd.DataFrame(rows, columns=["alignment", "letter", "error_ms", "frames"])


def test_distributions_and_letters_as_in_the_tables():
    figure = truth_figure(a_table(), some_errors(), title="All")
    top, *rows = figure.axes
    assert [axes.get_ylabel() for axes in rows] == ["none\nerror (ms)", "min-sens\nerror (ms)"]
    lines = [line for line in top.lines if line.get_label().startswith(("none", "min-sens"))]
    for line in lines:
        share = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
        assert [share[ms] for ms in (-20, -10, 0, 10)] == pytest.approx([0.2, 0, 0.6, 0.2])
    said = lines[0].get_label()
    assert said == "none: median +50 ms, quartiles 50 ms apart, 38% within 50 ms (chance 6%)"
    dots = [line for line in rows[0].lines if line.get_marker() == "o"]
    assert [list(line.get_ydata()) for line in dots] == [[50.0], [50.0]]
    assert {line.get_alpha() for line in dots} == {0.3, 1.0}
    assert [t.get_text() for t in rows[1].get_xticklabels()] == ["a", "t"]
    assert rows[0].get_ylim() == rows[1].get_ylim()
    assert rows[0].get_ylim()[1] < 200  # letters of few frames do not set the scale
    other = [line.get_color() for line in rows[1].lines if line.get_marker() == "o"]
    assert dots[0].get_color() not in other
    assert figure_png(figure) == figure_png(truth_figure(a_table(), some_errors(), title="All"))


def test_no_share_is_above_all_frames():
    top = truth_figure(a_table(), some_errors().query("error_ms != 0").iloc[::2]).axes[0]
    top.figure.draw_without_rendering()
    said = [text.get_text() for text in top.get_yticklabels()]
    assert top.get_ylim()[1] > 1.2
    assert "100%" in said
    assert not {"120%", "125%", "140%", "150%"} & set(said)


def test_letters_of_few_frames_alone_are_drawn():
    table = a_table()[lambda t: t.letter != "a"]
    assert np.isfinite(truth_figure(table, some_errors()).axes[1].get_ylim()).all()


def test_what_cannot_be_drawn_is_one_clear_line():
    with pytest.raises(SpeechLRPError, match=r"no column 'q25_ms'.*speechlrp navai --force"):
        truth_figure(a_table().drop(columns="q25_ms"), some_errors())
    with pytest.raises(SpeechLRPError, match="no row"):
        truth_figure(a_table().iloc[:0], some_errors())
