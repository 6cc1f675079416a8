"""Concentration against numbers worked out by hand."""

import numpy as np
import pytest

from speechlrp.measures.shares import concentration


def test_a_decision_that_its_second_bin_completes():
    relevance = np.zeros((1, 200))
    relevance[0, [5, 7, 9]] = 3.0, 2.0, 1.0
    relevance[0, 11] = -2.0
    (row,) = concentration([(relevance, np.array([1]))], ["a", "b"]).to_dict("records")
    assert row["class"] == "b"
    assert row["n"] == 1
    assert row["cancellation"] == pytest.approx(8 / 4)
    assert row["positive_in_top_1_percent"] == pytest.approx(5 / 6)
    assert row["bins_to_cancel"] == 2


def test_recordings_that_speak_against_their_class_are_left_out():
    relevance = np.array([[1.0, -3.0], [2.0, -1.0]])
    table = concentration([(relevance, np.array([0, 0]))], ["a"])
    assert table.n.tolist() == [1]
    assert table.bins_to_cancel.tolist() == [1]
