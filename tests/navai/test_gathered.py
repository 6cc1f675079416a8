"""Named arrays that are put down, taken up, and put together."""

import numpy as np
import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.navai.frames import Tally
from speechlrp.navai.gathered import Gathered


def gathered(size=2, kind=np.int16) -> Gathered:
    return Gathered({"sums": torch.zeros(size, dtype=torch.float64)}, {"rows": kind})


def filled(value: float) -> Gathered:
    one = gathered()
    one.arrays["sums"] += value
    one.append({"rows": torch.tensor([int(value), 7])})
    one.append({"rows": [8]})
    return one


def test_sums_are_added_and_rows_appended():
    both = filled(1).absorb(filled(2).state())
    assert both.arrays["sums"].tolist() == [3, 3]
    assert both.state()["rows"].tolist() == [1, 7, 8, 2, 7, 8]
    assert both.state()["rows"].dtype == np.int16


def test_what_is_taken_up_replaces_what_was_there_and_is_a_copy():
    one, other = filled(1), filled(2)
    state = other.state()
    one.restore(state)
    other.arrays["sums"] += 9
    other.append({"rows": [9]})
    assert one.state()["sums"].tolist() == state["sums"].tolist() == [2, 2]
    assert one.state()["rows"].tolist() == state["rows"].tolist() == [2, 7, 8]


def test_a_part_that_holds_the_arrays_of_another_takes_them_up():
    inner = gathered()
    outer = Gathered({f"inner.{name}": array for name, array in inner.arrays.items()})
    outer.restore({"inner.sums": np.array([4.0, 5.0])})
    assert inner.arrays["sums"].tolist() == [4, 5]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (gathered(3).state(), r"sums is \('float64', \(3,\)\) in place of \('float64', \(2,\)\)"),
        (gathered(kind=np.int64).state(), "rows is .*int64.* in place of .*int16"),
        ({"sums": np.zeros(2)}, "rows is None"),
        (gathered().state() | {"more": np.zeros(1)}, "more is .* in place of None"),
        (gathered().state() | {"rows": np.zeros((2, 2), np.int16)}, "rows is"),
        (gathered().state() | {"sums": np.array(["a", "b"])}, "sums is .*U1"),
    ],
)
def test_arrays_that_do_not_fit_are_one_clear_line(state, message):
    held = filled(1)
    for take in (held.restore, held.absorb):
        with pytest.raises(SpeechLRPError, match=f"{message}.*begin anew with --force"):
            take(state)
    assert held.state()["sums"].tolist() == [1, 1]


def test_tallies_are_put_down_and_added_up():
    one, other = Tally(2), Tally(2)
    one.counts += torch.tensor([1, 2])
    one.utterances += 3
    one.short += 1
    other.restore(one.state())
    other.absorb(one.state())
    assert other.counts.tolist() == [2, 4]
    assert (int(other.utterances), int(other.short), int(other.windows)) == (6, 2, 0)
