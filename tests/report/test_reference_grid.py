import pandas as pd
import pytest
from matplotlib.colors import same_color

from speechlrp.errors import SpeechLRPError
from speechlrp.report.reference_grid import judge, reference_grid, verdicts
from speechlrp.report.style import TINT

SWAP = {"lrp": "lrp_rev", "lrp_rev": "lrp"}


@pytest.fixture
def grid(curve_maker):
    reversed_ = curve_maker(reference="max", baseline="silence")
    return pd.concat(
        [
            curve_maker(reference="max", baseline="zero"),
            reversed_.assign(strategy=reversed_["strategy"].replace(SWAP)),
            curve_maker(reference="silence", baseline="silence"),
        ]
    )


@pytest.mark.parametrize(
    ("means", "holds", "text"),
    [
        ({"lrp": 10, "random": 80, "lrp_rev": 95}, True, "lrp 10 < random 80 < lrp_rev 95"),
        ({"lrp": 10, "random": 95.5, "lrp_rev": 95}, True, "lrp 10 < lrp_rev 95 ≈ random 96"),
        ({"lrp": 90, "random": 80, "lrp_rev": 20}, False, "lrp_rev 20 < random 80 < lrp 90"),
        ({"lrp": 60, "random": 50, "lrp_rev": 70}, None, "random 50 < lrp 60 < lrp_rev 70"),
        ({"lrp": 60, "random": 90, "lrp_rev": 70}, None, "lrp 60 < lrp_rev 70 < random 90"),
        ({"lrp": 60, "lrp_rev": 60.5}, None, "lrp 60 ≈ lrp_rev 60"),
        ({"lrp": 60}, None, "lrp 60"),
    ],
)
def test_verdicts_follow_from_the_order(means, holds, text):
    verdict = judge(means)
    assert verdict.holds is holds
    assert verdict.text == text


def test_panels_stand_in_the_usual_order_and_matching_ones_are_tinted(grid):
    fig = reference_grid(grid.sample(frac=1, random_state=0), chance=0.5)
    titles = [axes.get_title(loc="left") for axes in fig.axes]
    assert titles == [
        "flipped to zero (= loudest)",
        "flipped to silence",
        "flipped to zero (= silence)",
        "flipped to silence (= zero)",
    ]
    tinted = [same_color(axes.get_facecolor(), TINT) for axes in fig.axes]
    assert tinted == [True, False, True, True]


def test_each_panel_says_whether_the_order_holds(grid):
    zero, silence, missing, _ = reference_grid(grid, chance=0.5).axes
    assert "✓ order holds" in [text.get_text() for text in zero.texts]
    assert "✗ order reversed" in [text.get_text() for text in silence.texts]
    assert "not run" in [text.get_text() for text in missing.texts]


def test_the_table_holds_the_mean_over_the_axis(grid):
    table = verdicts(grid).set_index(["reference", "baseline"])
    row = table.loc[("max", "zero")]
    assert row["lrp_rev"] == pytest.approx(90)
    assert row["random"] == pytest.approx(80)
    assert 10 < row["lrp"] < 50
    assert table.loc[("max", "silence"), "lrp_rev"] == pytest.approx(row["lrp"])


def test_one_pair_alone(curve_maker):
    fig = reference_grid(curve_maker(reference="max").query("strategy == 'lrp'"), chance=0.5)
    assert len(fig.axes) == 1


def test_a_missing_reference_is_named(curve):
    with pytest.raises(SpeechLRPError, match="no column 'reference'"):
        reference_grid(curve, chance=0.5)
