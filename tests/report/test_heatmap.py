import numpy as np
import pytest

from speechlrp.report.heatmap import bin_mask, heatmap, relevance_bound, top_bins
from speechlrp.report.panels import Panel
from speechlrp.report.style import figure_png, relevance_colours


@pytest.fixture
def panel(axes_hz_s):
    shape = tuple(map(len, axes_hz_s))
    generator = np.random.default_rng(0)
    features = generator.uniform(-80, 0, shape)
    relevance = generator.standard_normal(shape)
    order = np.argsort(-relevance.ravel())
    return Panel(features, relevance, order, "female", onset_s=0.02, duration_s=0.04)


def test_the_maps_are_the_data_with_frequency_upwards(panel, axes_hz_s):
    axes, *_ = heatmap(panel, *axes_hz_s).axes
    grey, colour = axes.images
    np.testing.assert_array_equal(grey.get_array(), panel.features)
    np.testing.assert_array_equal(colour.get_array(), panel.relevance)
    assert grey.origin == "lower"
    assert grey.get_extent() == pytest.approx([0, 0.1, -50, 350])
    assert axes.get_ylim() == (0, 350)


def test_axes_and_colour_bars_name_their_units(panel, axes_hz_s):
    axes, relevance, level = heatmap(panel, *axes_hz_s, relevance_units="logit").axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time (s)", "frequency (Hz)")
    assert axes.get_title(loc="left") == "female"
    assert relevance.get_ylabel() == "relevance (logit)"
    assert level.get_ylabel() == "level (dB)"


def test_small_relevance_puts_its_power_of_ten_into_the_label(panel, axes_hz_s):
    small = Panel(panel.features, np.full(panel.features.shape, 3e-5))
    _, bar, _ = heatmap(small, *axes_hz_s, relevance_units="logit").axes
    assert bar.get_ylabel() == "relevance (10⁻⁵ × logit)"


def test_several_recordings_share_both_scales(panel, axes_hz_s):
    loud = Panel(panel.features + 5, 10 * panel.relevance)
    fig = heatmap([panel, loud, panel], *axes_hz_s, clip=1)
    drawn = [axes for axes in fig.axes if len(axes.images) == 2]
    assert len(drawn) == 3
    bound = 10 * np.abs(panel.relevance).max()
    for axes in drawn:
        grey, colour = axes.images
        assert grey.get_clim() == (panel.features.min(), panel.features.max() + 5)
        assert colour.get_clim() == (-bound, bound)


def test_padding_is_hatched_beside_the_recording(panel, axes_hz_s):
    axes = heatmap(panel, *axes_hz_s).axes[0]
    spans = {p.get_label(): (p.get_x(), p.get_width()) for p in axes.patches}
    assert spans["padding"] == pytest.approx((0, 0.1))
    assert spans["recording"] == pytest.approx((0.02, 0.04))
    assert [line.get_xdata()[0] for line in axes.lines] == pytest.approx([0.02, 0.06])


@pytest.mark.parametrize("onset", [None, np.nan])
def test_unknown_padding_is_not_marked(panel, axes_hz_s, onset):
    fig = heatmap(Panel(panel.features, panel.relevance, onset_s=onset, duration_s=1), *axes_hz_s)
    assert not fig.axes[0].patches
    assert not fig.legends


def test_zero_and_not_finite_relevance_can_be_drawn(panel, axes_hz_s):
    empty = np.zeros_like(panel.relevance)
    broken = np.where(panel.relevance > 0, np.nan, panel.relevance)
    fig = heatmap([Panel(panel.features, empty), Panel(panel.features, broken)], *axes_hz_s)
    assert fig.axes[1].images[1].get_array().mask.any()
    assert figure_png(fig).startswith(b"\x89PNG")
    assert relevance_bound([empty], 0.99) == 1.0
    assert relevance_bound([np.full((2, 2), np.nan)], 0.99) == 1.0


def test_the_bound_clips_by_quantile_unless_that_is_zero():
    values = np.array([[-4.0, 1.0, 2.0, 3.0, 0.0]])
    assert relevance_bound([values], 1) == 4.0
    assert relevance_bound([values], 0.5) == 2.0
    assert relevance_bound([np.array([0.0, 0, 0, 7])], 0.5) == 7.0


def test_red_is_positive_blue_is_negative_and_zero_is_bare():
    colours = relevance_colours()
    low, middle, high = (np.array(colours(v)) for v in (0.0, 0.5, 1.0))
    assert high[0] > high[2]
    assert low[2] > low[0]
    assert (low[3], middle[3], high[3]) == pytest.approx((1, 0, 1))


def test_mel_rows_are_labelled_with_their_own_frequency(panel, axes_hz_s):
    mel = np.array([100.0, 300.0, 900.0, 2700.0])
    axes = heatmap(Panel(panel.features, panel.relevance), mel, axes_hz_s[1]).axes[0]
    label = axes.yaxis.get_major_formatter()
    assert [label(i) for i in range(4)] == ["100", "300", "900", "2700"]


def test_masks_take_the_first_and_the_last_of_the_order():
    order = np.array([3, 0, 2, 1], dtype=np.uint16)
    assert bin_mask(order, (2, 2), 0.25).tolist() == [[False, False], [False, True]]
    assert bin_mask(order, (2, 2), 0.75, least=True).tolist() == [[True, True], [True, False]]
    assert not bin_mask(order, (2, 2), 0.0, least=True).any()


def test_top_bins_are_marked_or_set(panel, axes_hz_s):
    mask = bin_mask(panel.order, panel.features.shape, 0.1)
    assert mask.sum() == 2
    marked = top_bins(panel, *axes_hz_s, share=0.1).axes[0]
    np.testing.assert_array_equal(marked.images[1].get_array(), mask)
    filled = top_bins(panel, *axes_hz_s, share=0.1, fill=0.0).axes[0]
    assert len(filled.images) == 1
    np.testing.assert_array_equal(filled.images[0].get_array(), np.where(mask, 0.0, panel.features))
    assert filled.images[0].get_clim()[1] == 0.0


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (4, 2), (8, 2), (9, 4), (24, 4)])
def test_many_panels_are_drawn_four_in_a_row(panel, axes_hz_s, count, columns):
    fig = heatmap([panel] * count, *axes_hz_s)
    first = next(axes for axes in fig.axes if len(axes.images) == 2)
    assert first.get_gridspec().ncols == columns


def test_a_long_title_is_broken_before_the_next_panel(panel, axes_hz_s):
    words = "id10005: id10005/synthetic00/00001, taken for id10003"
    long = Panel(panel.features, panel.relevance, title=words)
    lines = heatmap(long, *axes_hz_s).axes[0].get_title(loc="left").split("\n")
    assert len(lines) == 2
    assert " ".join(lines) == words
