"""What words and phonemes hold of a recording's relevance."""

import numpy as np
import pandas as pd
import pytest

from speechlrp.measures.segments import by_label, held, removal_agreement, segments

TIME = 0.05 + 0.1 * np.arange(10)  # frames from 0 to 1 s


def by_hand(profile, begin, end):
    """The overlap of every frame with a span, one after the other."""
    amounts = []
    for middle, amount in zip(TIME, profile, strict=True):
        low, high = max(begin, middle - 0.05), min(end, middle + 0.05)
        amounts.append(amount * max(0.0, high - low) / 0.1)
    return sum(amounts)


@pytest.mark.parametrize("span", [(0.0, 1.0), (0.13, 0.58), (0.31, 0.32), (-2.0, 0.25), (2.0, 3.0)])
def test_a_span_holds_what_its_frames_do(span):
    profile = np.random.default_rng(0).exponential(size=10)
    np.testing.assert_allclose(held(profile, TIME, np.array([span]))[0], by_hand(profile, *span))


def test_shares_are_of_the_recording_and_padding_counts_for_nothing():
    profile = np.array([9.0, 9, 1, 1, 3, 3, 0, 0, 9, 9])  # speech from 0.2 to 0.8 s
    spoken = [(0.1, 0.4, "a"), (0.4, 0.6, "b"), (0.6, 0.7, "c")]
    table = segments(profile, TIME, spoken, (0.2, 0.8)).set_index("label")
    np.testing.assert_allclose(table.relevance_share[["a", "b", "c"]], [0.25, 0.75, 0.0], atol=1e-9)
    np.testing.assert_allclose(table.time_share[["a", "b", "c"]], [1 / 3, 1 / 3, 1 / 6])
    np.testing.assert_allclose(table.ratio[["a", "b"]], [0.75, 2.25])
    assert table.start_s["a"] == 0.2  # the rest of it is not in the recording


def test_a_map_of_zeros_has_no_shares():
    table = segments(np.zeros(10), TIME, [(0.1, 0.2, "a")], (0.0, 1.0))
    assert table.relevance_share.isna().all()


def test_labels_are_ordered_by_their_relevance_for_their_time():
    rows = [("word", "a", 0.2, 0.4), ("word", "a", 0.4, 0.4), ("word", "b", 0.5, 0.1)]
    rows.append(("word", "b", np.nan, 0.1))
    columns = ["tier", "label", "relevance_share", "time_share"]
    table = by_label(pd.DataFrame(rows, columns=columns))
    assert list(table.label) == ["b", "a"]
    np.testing.assert_allclose(table.ratio, [5.0, 0.75])
    assert list(table["count"]) == [1, 2]


def test_recordings_say_whether_what_holds_more_costs_more():
    rows = [("r", 1, 10), ("r", 2, 30), ("r", 3, 20), ("s", 3, 1), ("s", 2, 2), ("s", 1, 3)]
    rows += [("two", 1, 2), ("two", 2, 1), ("same", 1, 1), ("same", 1, 2), ("same", 1, 3)]
    rows += [("lost", 1, 1), ("lost", 2, 2), ("lost", 3, np.nan)]
    table = pd.DataFrame(rows, columns=["recording", "relevance", "cost"])
    np.testing.assert_allclose(removal_agreement(table), [0.5, -1.0])
