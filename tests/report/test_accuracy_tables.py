import numpy as np
import pandas as pd
import pytest

from speechlrp.report import paper
from speechlrp.report.accuracy_tables import accuracies, as_text, beside, percent, to_html


def test_accuracy_has_two_decimals_and_its_deviation():
    assert percent(97.8333) == "97.83"
    assert percent(97.8333, 0.125) == "97.83 ± 0.12"
    assert percent(np.nan) == percent(None) == "–"


def test_the_papers_rows_stand_below_ours(curve):
    table = beside(accuracies(curve, (0.0, 0.5, 10.0)), paper.TABLE_6_1)
    assert table.T.to_dict("list") == {
        "lrp": ["90.00", "50.00", "–"],
        "lrp (thesis)": ["97.83", "10.80", "2.17"],
        "random": ["80.00", "80.00 ± 2.83", "–"],
        "random (thesis)": ["97.83", "97.53", "93.70"],
        "lrp_rev": ["90.00", "90.00", "–"],
        "lrp_rev (thesis)": ["97.83", "97.86", "97.86"],
    }


def test_a_point_a_bin_away_counts_for_its_column(curve):
    curve["percent"] = curve["percent"].replace(0.5, 258 / 51529 * 100)
    assert accuracies(curve, (0.5,)).loc["lrp", "0.5"] == "50.00"


@pytest.mark.parametrize("total", [64 * 68, 40 * 30, 12 * 9])
def test_the_nearest_number_of_few_bins_counts_for_its_column(curve, total):
    curve["bins"] = (curve["percent"] * total / 100).round()
    curve["percent"] = curve["bins"] / total * 100
    assert "–" not in set(accuracies(curve, (0.0, 0.5, 1.0, 5.0, 30.0)).loc["lrp"])
    assert accuracies(curve, (10.0,)).loc["lrp", "10"] == "–"


def test_models_without_a_row_in_the_paper_stand_alone(curve):
    table = accuracies(curve.query("strategy == 'lrp'").assign(model="mine"), (0.0,), by="model")
    assert list(beside(table, paper.TABLE_6_2).index) == ["mine"]


def test_html_escapes_text_and_marks_numbers_and_the_paper():
    table = pd.DataFrame({"<b>": ["<script>", "1.50 ± 0.10"]}, index=["a&b", "lrp (thesis)"])
    assert to_html(table) == (
        "<table><thead><tr><td></td>"
        '<th scope="col" class="text">&lt;b&gt;</th></tr></thead><tbody>'
        '<tr><th scope="row">a&amp;b</th><td class="text">&lt;script&gt;</td></tr>'
        '<tr class="paper"><th scope="row">lrp (thesis)</th>'
        '<td class="number">1.50 <small>± 0.10</small></td></tr></tbody></table>'
    )


def test_cells_become_text_once():
    table = pd.DataFrame({"n": [3, 4], "x": [0.12345, np.nan], "t": ["a", None]})
    assert as_text(table).to_numpy().tolist() == [["3", "0.12", "a"], ["4", "–", "–"]]


@pytest.mark.parametrize(
    ("table", "percents"),
    [(paper.TABLE_6_1, paper.PERCENTS_6_1), (paper.TABLE_6_2, paper.PERCENTS_6_2)],
)
def test_paper_rows_start_at_the_first_column_and_leave_no_hole(table, percents):
    for row in table.values():
        assert tuple(row) == percents[: len(row)]


def test_the_papers_slip_is_left_out():
    assert list(paper.TABLE_6_2["aug_zero"]) == [0.0, 0.5, 1.0, 5.0]
    assert "aug_zero" in paper.NOTE_6_2
