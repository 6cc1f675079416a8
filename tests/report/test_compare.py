"""Figures of several explainers: what is drawn is what was given."""

from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from speechlrp.errors import SpeechLRPError
from speechlrp.report.compare import (
    SANITY,
    Row,
    agreement_matrices,
    explanation_grid,
    flipping_curves,
    sanity_curves,
)
from speechlrp.report.style import figure_png


@pytest.fixture
def grid(axes_hz_s):
    shape, generator = tuple(map(len, axes_hz_s)), np.random.default_rng(1)
    rows = [Row(title, generator.uniform(-80, 0, shape)) for title in ("music", "noise")]
    maps = {name: generator.normal(size=(2, *shape)) * s for name, s in (("a", 1), ("b_c", 1e-6))}
    return rows, maps


def test_recordings_are_rows_and_explainers_columns_each_map_on_its_own_scale(grid, axes_hz_s):
    rows, maps = grid
    figure = explanation_grid(rows, maps, *axes_hz_s, clip=1)
    panels = figure.axes[:6]
    np.testing.assert_array_equal(panels[3].images[0].get_array(), rows[1].features)
    for i, name in ((1, "a"), (2, "b_c")):
        wanted = maps[name][1] / np.abs(maps[name][1]).max()
        np.testing.assert_allclose(panels[3 + i].images[0].get_array(), wanted)
        assert panels[3 + i].images[0].get_clim() == (-1, 1)
    assert [ax.get_title(loc="left") for ax in panels[:3]] == ["input", "a", "b_c"]
    assert panels[0].get_ylabel() == "music\nfrequency (Hz)"
    assert panels[5].get_xlabel() == "time (s)"
    labels = [ax.get_ylabel() for ax in figure.axes[6:]]
    assert labels == ["relevance (share of its map's 100 % quantile)", "level (dB)"]
    assert figure_png(figure).startswith(b"\x89PNG")


def test_curves_of_all_explainers_are_in_both_panels_with_their_areas(curve_maker):
    curve = curve_maker()
    ordered = curve[curve.strategy != "random"]
    random = curve[curve.strategy == "random"].assign(explainer="by chance")
    parts = [ordered.assign(explainer="a"), ordered.assign(explainer="b", accuracy=0.4), random]
    frame = pd.concat(parts, ignore_index=True)
    areas = pd.DataFrame(
        [("a", "lrp", 0.1), ("a", "lrp_rev", 0.9), ("b", "lrp", 0.4), ("b", "lrp_rev", 0.4),
         ("by chance", "random", 0.8)], columns=["explainer", "strategy", "auc"],
    )  # fmt: skip
    figure = flipping_curves(frame, areas, "by chance", chance=0.25)
    first, reverse = figure.axes
    drawn = [{line.get_label(): line.get_ydata() for line in ax.lines} for ax in (first, reverse)]
    np.testing.assert_allclose(drawn[0]["a"], [90, 50, 20, 10, 10])
    np.testing.assert_allclose(drawn[1]["a"], [90] * 5)
    for lines in drawn:
        np.testing.assert_allclose(lines["b"], [40] * 5)
        np.testing.assert_allclose(lines["by chance"], [80] * 5)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["a: area 0.100 / 0.900", "b: area 0.400 / 0.400", "by chance: area 0.800"]
    both = pd.concat([frame, frame.assign(baseline="mean")])
    with pytest.raises(SpeechLRPError, match="one flipping baseline"):
        flipping_curves(both, areas, "by chance", chance=0.25)


def test_a_matrix_says_its_numbers(curve_maker):
    values = np.array([[1.0, -0.004], [-0.004, np.nan]])
    figure = agreement_matrices({"one": values, "two": values.T}, ["a", "b"])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["1.00", ".00", ".00", "-"]
    assert figure.axes[1].get_title(loc="left") == "two"


def test_long_names_below_a_matrix_are_not_cut():
    names = ["lrp_resnet_eps_gamma", *"abcdefgh"]
    panels = {name: np.eye(9) for name in "xyz"}
    with Image.open(BytesIO(figure_png(agreement_matrices(panels, names)))) as image:
        assert np.asarray(image.convert("L"))[-1].min() == 255


def test_sanity_curves_draw_the_means_in_the_order_of_the_steps():
    rows = [
        {"explainer": name, "step": step, "layers": f"layer {step}", "score": score,
         "mean": 1 - 0.1 * step, "standard_error": np.nan if step == 0 else 0.02}
        for name in ("a", "b") for step in (2, 0, 1) for score in (*SANITY, "correct")
    ]  # fmt: skip
    figure = sanity_curves(pd.DataFrame(rows), order="cascading", chance={"top_overlap": 0.01})
    assert len(figure.axes) == 3
    assert list(figure.axes[2].lines[0].get_ydata()) == [0.01, 0.01]
    for drawn in figure.axes[2].containers:
        np.testing.assert_allclose(np.asarray(drawn.lines[0].get_ydata(), float), [1, 0.9, 0.8])
    assert len(figure.axes[2].containers) == 2
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == ["layer 0", "layer 1", "layer 2"]
    with pytest.raises(SpeechLRPError, match="no sanity check"):
        sanity_curves(
            pd.DataFrame(rows)[lambda t: t.score == "correct"], order="cascading", chance={}
        )
