from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlrp.report.curve_parts import End, label_ends, spread
from speechlrp.report.style import figure


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_labels_are_apart_in_order_and_within_bounds(values):
    placed = spread(sorted(values), 10, 0, 100)
    assert all(b - a >= 10 - 1e-6 for a, b in pairwise(placed))
    assert min(placed) >= -1e-9
    assert max(placed) <= 100 + 1e-9


def test_labels_with_room_stay_where_they_are():
    assert spread([10, 50, 90], 10, 0, 100) == [10, 50, 90]


def test_two_at_one_place_part_evenly():
    assert spread([50, 50], 10, 0, 100) == pytest.approx([45, 55])


def test_too_many_are_spaced_evenly():
    assert spread([1, 1, 1], 10, 0, 10) == [0, 5, 10]


def test_lines_that_meet_are_labelled_in_the_order_in_which_they_ran():
    axes = figure().add_subplot()
    axes.set_ylim(0, 100)
    ends = [End(1, 50, "high", "k", 90), End(1, 50, "low", "k", 10)]
    label_ends(axes, ends, gap=10)
    heights = {text.get_text(): text.xyann[1] for text in axes.texts}
    assert heights["low"] < heights["high"]
