"""The figure of NAvAI's patterns: a panel each, bare where little is known."""

import numpy as np

from speechlrp.report.navai import clear, pattern_figure
from speechlrp.report.style import figure_png

HZ, MS = np.array([100.0, 500, 1000, 3000]), np.arange(-3, 3) * 8.0


def _patterns(classes: int, alignments: int) -> tuple[np.ndarray, np.ndarray]:
    pattern = np.random.default_rng(0).normal(size=(classes, alignments, len(HZ), len(MS)))
    return pattern, np.full((classes, alignments, len(MS)), 40)


def _images(figure) -> list:
    return [axes.images[0] for axes in figure.axes if axes.images]


def test_what_few_frames_reach_is_bare_and_does_not_set_the_scale():
    pattern = np.array([[100.0, 1, -2, np.nan]])
    shown = clear(pattern, np.array([4, 50, 40, 0]))
    np.testing.assert_array_equal(shown, [[np.nan, 0.5, -1, np.nan]])


def test_every_class_and_alignment_has_its_panel():
    pattern, counts = _patterns(26, 4)
    pattern[3], counts[3] = np.nan, 0
    figure = pattern_figure(pattern, counts, "abcdefghijklmnopqrstuvwxyz", "wxyz", HZ, MS)
    images = _images(figure)
    assert len(images) == 26 * 4
    for image, panel in zip(images, pattern.reshape(-1, len(HZ), len(MS)), strict=True):
        values = image.get_array().filled(np.nan)
        if np.isfinite(panel).any():
            np.testing.assert_allclose(values, panel / np.abs(panel).max())
        else:
            assert np.isnan(values).all()
    said = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert said.count("never occurs") == 4
    assert said.count("n 40") == 25 * 4
    assert {"a", "z"} <= set(said)


def test_what_may_be_chance_is_under_a_veil():
    pattern, counts = _patterns(1, 1)
    differs = pattern > 0
    figure = pattern_figure(pattern, counts, "a", "x", HZ, MS, differs=differs, rate=0.05)
    image, veil = figure.axes[0].images
    opacity = veil.get_array()[..., 3]
    np.testing.assert_array_equal(opacity == 0, differs[0, 0])
    assert (opacity[~differs[0, 0]] > 0.5).all()
    assert veil.get_extent() == image.get_extent()
    assert any("false-discovery rate of 0.05" in text.get_text() for text in figure.texts)


def test_a_class_without_key_steps_occurs_nevertheless():
    pattern, counts = _patterns(1, 2)
    pattern[0, 1], counts[0, 1] = np.nan, 0
    said = [
        t.get_text()
        for axes in pattern_figure(pattern, counts, "a", "xy", HZ, MS).axes
        for t in axes.texts
    ]
    assert "no key step" in said
    assert "never occurs" not in said


def test_the_key_step_is_at_0_ms_and_axes_are_in_hz():
    figure = pattern_figure(*_patterns(1, 1), "a", ["none"], HZ, MS)
    axes = figure.axes[0]
    assert axes.images[0].get_extent() == [-28, 20, -0.5, 3.5]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["250", "700", "1500", "2700"]
    np.testing.assert_allclose(axes.get_yticks()[1], 1.4)
    assert axes.get_title(loc="left") == "none"


def test_the_same_patterns_give_the_same_bytes():
    drawn = [figure_png(pattern_figure(*_patterns(2, 1), "ab", "x", HZ, MS)) for _ in range(2)]
    assert drawn[0] == drawn[1]
