"""Figures of a bench."""

import pandas as pd
import pytest

from speechlrp.report.bench import measure_against_truth


@pytest.mark.parametrize(("count", "shape"), [(2, (1, 2)), (4, (2, 3)), (6, (2, 3)), (7, (3, 3))])
def test_every_measure_has_a_panel_and_every_column_an_axis(count, shape):
    measures = [f"m{k}" for k in range(count)]
    table = pd.DataFrame(
        [(name, "mean", score, 0.1 * k) for k, name in enumerate("abc")
         for score in [*measures, "truth"]],
        columns=["name", "reference", "score", "mean"],
    )  # fmt: skip
    figure = measure_against_truth(table, measures, "truth")
    assert len(figure.axes) == count
    below = [axes for axes in figure.axes if axes.get_xlabel()]
    assert len(below) == shape[1]
    assert {axes.get_subplotspec().colspan.start for axes in below} == set(range(shape[1]))
    assert all(axes.xaxis.get_tick_params()["labelbottom"] for axes in below)
