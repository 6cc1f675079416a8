"""What neurons want: a panel each, axes in ms and Hz, each scaled to 1."""

import numpy as np
import pytest

from speechlrp.report.wanted import Wanted, history_figure, wanted_figure

FREQUENCY = np.geomspace(100, 8000, 16)


def _wanted(count):
    generator = np.random.default_rng(0)
    return [
        Wanted(generator.normal(size=(16, 5 + n)), np.arange(5 + n) * 8.0, f"neuron {n}",
               np.array([0.5, 1.0, 2.5 + n]))
        for n in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 3, 4, 6])
def test_a_panel_a_neuron(count):
    figure = wanted_figure(_wanted(count), FREQUENCY)
    panels = [a for a in figure.axes if a.get_visible() and a.get_images()]
    assert len(panels) == count
    for n, axes in enumerate(panels):
        (image,) = axes.get_images()
        assert np.abs(image.get_array()).max() == pytest.approx(1)
        assert axes.get_xlim() == (-4.0, 8 * (4 + n) + 4.0)
        if n == 0:
            labels = [text.get_text() for text in axes.get_yticklabels()]
            assert labels == ["250", "700", "1500", "2700", "5000"]
        np.testing.assert_allclose(
            np.interp(axes.get_yticks(), np.arange(16), FREQUENCY), [250, 700, 1500, 2700, 5000]
        )
        assert f"neuron {n}" in axes.get_title(loc="left")
        assert f"0.50 to {2.5 + n:.2f}" in axes.get_title(loc="left")


def test_a_neuron_that_wants_nothing_is_drawn_bare():
    nothing = Wanted(np.zeros((16, 4)), np.arange(4.0), "off", np.zeros(3))
    figure = wanted_figure([nothing], FREQUENCY)
    assert not figure.axes[0].get_images()[0].get_array().any()
    assert not history_figure([nothing]).axes[0].lines[0].get_ydata().any()


def test_activations_are_shares_of_what_was_gained():
    lines = history_figure(_wanted(2)).axes[0].lines
    np.testing.assert_allclose(lines[0].get_ydata(), [0, 0.25, 1])
