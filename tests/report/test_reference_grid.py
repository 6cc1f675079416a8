import pandas as pd
import pytest
from matplotlib.colors import same_color

from speechlrp.report.reference_grid import reference_grid, verdicts
from speechlrp.report.style import TINT

AREAS = {"lrp": 0.3, "random": 0.8, "lrp_rev": 0.9}
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


def areas_like(frame, speakers=8):
    """Areas of the strategies of some curves, every speaker a little different."""
    cells = frame.groupby(["reference", "baseline"], sort=False).strategy.unique()
    turned = {("max", "silence")}

    def swapped(name):
        return SWAP.get(name, name)

    rows = [
        (*cell, name, f"s{i}", 10, AREAS[swapped(name) if cell in turned else name] + i / 999)
        for cell, names in cells.items()
        for name in names
        for i in range(speakers)
    ]
    names = ["reference", "baseline", "strategy", "speaker", "n", "area"]
    return pd.DataFrame(rows, columns=names)


@pytest.fixture
def areas(grid):
    return areas_like(grid)


def test_panels_stand_in_the_usual_order_and_matching_ones_are_tinted(grid, areas):
    fig = reference_grid(grid.sample(frac=1, random_state=0), areas, chance=0.5)
    titles = [axes.get_title(loc="left") for axes in fig.axes]
    assert titles == [
        "flipped to zero (= loudest)",
        "flipped to silence",
        "flipped to zero (= silence)",
        "flipped to silence (= zero)",
    ]
    tinted = [same_color(axes.get_facecolor(), TINT) for axes in fig.axes]
    assert tinted == [True, False, True, True]


def test_each_panel_says_whether_the_order_holds_and_why(grid, areas):
    zero, silence, missing, _ = reference_grid(grid, areas, chance=0.5).axes
    assert "✓ order holds" in [text.get_text() for text in zero.texts]
    assert "✗ order reversed" in [text.get_text() for text in silence.texts]
    assert "lrp_rev - lrp: 60 (60 to 60); n 80, 8 speakers" in [t.get_text() for t in zero.texts]
    assert "not run" in [text.get_text() for text in missing.texts]


def test_a_grid_without_evidence_decides_nothing(grid, areas):
    for some in (areas.head(0), areas[areas.speaker == "s0"]):
        fig = reference_grid(grid, some, chance=0.5)
        said = [text.get_text() for axes in fig.axes for text in axes.texts]
        assert said.count("not decided") == 3
        assert not [text for text in said if text.startswith(("✓", "✗"))]


def test_the_table_says_how_much_and_how_sure(areas):
    table = verdicts(areas).set_index(["reference", "baseline"])
    row = table.loc[("max", "zero")]
    assert row["lrp_rev"] == pytest.approx(90 + 0.35035)
    assert row["lrp_rev - lrp"] == pytest.approx(60)
    assert (row["95 %"], row["n"], row["speakers"]) == ("60 to 60", 80, 8)
    assert row["verdict"] == "✓ order holds"
    assert table.loc[("max", "silence"), "verdict"] == "✗ order reversed"
    assert list(table.columns[:3]) == ["lrp", "random", "lrp_rev"]


def test_one_pair_alone(curve_maker):
    one = curve_maker(reference="max").query("strategy == 'lrp'")
    fig = reference_grid(one, areas_like(one), chance=0.5)
    assert len(fig.axes) == 1
