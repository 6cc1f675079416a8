"""Labels and speakers are text, whatever they hold."""

import unicodedata

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from speechlrp.report import lettering, style
from speechlrp.report.heatmap import heatmap
from speechlrp.report.panels import Panel
from speechlrp.report.style import figure_png


def drawn(words):
    fig = style.figure()
    style.heading(fig.add_subplot(), words)
    figure_png(fig)
    return {text.get_text() for text in fig.findobj(Text)}


@pytest.mark.parametrize(
    "words", ["$10-$20", r"a$\b$", r"$\undefinedmacro$", "a_b^c", r"\$", "100 % $", "{}"]
)
def test_no_label_is_mathematics(words):
    assert words in drawn(words)


def test_dollars_are_drawn_as_dollars():
    """The same width as the same text with its dollars where no formula could be."""
    widths = []
    for words in ("a$b$c", "abc$$"):
        fig = style.figure()
        heading = fig.text(0, 0, words)
        lettering.literal(fig)
        widths.append(heading.get_window_extent(FigureCanvasAgg(fig).get_renderer()).width)
    assert widths[0] == pytest.approx(widths[1], rel=0.05)


SCRIPTS = ("Ελληνικά", "Русский", "日本語", "हिन्दी", "ไทย", "한국어", "😀", "\U0010fffd")


@pytest.mark.parametrize("words", SCRIPTS)
def test_every_script_shows_or_is_spelt_out_without_a_warning(words):
    texts = drawn(words)
    spelt = [text for text in texts if text.startswith("U+")]
    assert words in texts or (spelt and lettering.NOTE in texts)


@pytest.mark.parametrize("words", ["$a$", *SCRIPTS])
def test_ticks_are_text_too(words):
    fig = style.figure()
    axes = fig.add_subplot()
    axes.set_xticks([0, 1], [words, "plain"])
    figure_png(fig)
    first, second = (label.get_text() for label in axes.get_xticklabels())
    assert first == words or first.startswith("U+")
    assert second == "plain"


def test_control_characters_are_spaces():
    assert "a b\nc d" in drawn("a\tb\nc\x85d")


def test_a_character_that_no_font_has_is_told_by_its_number():
    texts = drawn("x\U0010fffdy")
    assert "x U+10FFFDy" in texts
    assert lettering.NOTE in texts


def test_two_characters_that_no_font_has_stay_two():
    assert drawn("\U0010fffc") != drawn("\U0010fffd")


def test_one_word_looks_the_same_however_it_was_typed():
    one, other = (unicodedata.normalize(form, "è und å") for form in ("NFC", "NFD"))
    assert drawn(one) == drawn(other)


def test_powers_of_ten_need_no_mathematics(axes_hz_s):
    maps = np.full((4, 5), 1e-5)
    fig = heatmap(Panel(maps, maps, title="$a$"), *axes_hz_s)
    figure_png(fig)
    labels = {axes.get_ylabel() for axes in fig.axes}
    assert "relevance (10⁻⁵ × share of the logit)" in labels
