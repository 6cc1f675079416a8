"""Units of work, and parts that are put down, taken up and added up."""

import numpy as np
import pytest
import torch

from speechlrp.navai.average import Averages
from speechlrp.navai.counts import counted
from speechlrp.navai.frames import Frames, Tally
from speechlrp.navai.gather import AveragePart, TallyPart, units


@pytest.mark.parametrize(
    ("windows", "least", "expected"),
    [
        ([5, 5, 5, 5, 5], 10, [range(2), range(2, 4), range(4, 5)]),
        ([0, 0, 30, 0], 10, [range(3), range(3, 4)]),
        ([0, 0], 10, [range(2)]),
        ([9], 1, [range(1)]),
        ([], 10, []),
    ],
)
def test_units_are_whole_utterances_in_order(windows, least, expected):
    assert units(windows, least) == expected


def batch(seed: int) -> tuple[Frames, dict]:
    generator = torch.Generator().manual_seed(seed)
    windows = torch.randn(6, 2, 5, generator=generator)
    places = torch.arange(6)
    frames = Frames(windows, places % 2, places, places, places, tuple("uuuvvv"))
    return frames, {"none": torch.full((6,), 2), "max-lrp": torch.tensor([-1, 0, 1, 2, 3, 4])}


def average_part() -> AveragePart:
    averages = Averages(("a", "b", "never"), ("none", "max-lrp"), 2, 5, groups=2)
    return AveragePart(averages, 0.5, {"u": 0, "v": 1})


def test_what_is_put_down_and_added_up_is_the_whole():
    whole, first, second = average_part(), average_part(), average_part()
    for part, seeds in ((whole, (0, 1)), (first, (0,)), (second, (1,))):
        for seed in seeds:
            frames, steps = batch(seed)
            part.add(frames, {}, steps)
    taken = average_part()
    taken.restore(first.state())
    taken.absorb(second.state())
    for name, values in whole.state().items():
        np.testing.assert_allclose(taken.state()[name], values, atol=1e-12)
    groups = whole.averages.arrays
    np.testing.assert_allclose(groups["group_sums"].sum(0), groups["sums"], atol=1e-12)
    assert (groups["group_counts"].sum(0) == groups["counts"]).all()


def test_features_are_averaged_as_they_were_before_their_scaling():
    part, (frames, steps) = average_part(), batch(0)
    part.add(frames, {}, steps)
    expected = frames.windows[::2].double().sum(0) / 0.5
    torch.testing.assert_close(part.averages.arrays["sums"][0, 0], expected)


def test_tallies_are_put_down_and_added_up():
    part, other = TallyPart(2), TallyPart(2)
    part.end(Tally(np.array([1, 2]), 3, 1, 9))
    part.end(Tally(np.array([1, 0]), 1, 0, 4))
    other.restore(part.state())
    other.absorb(part.state())
    assert other.tally.counts.tolist() == [4, 4]
    assert (other.tally.utterances, other.tally.short, other.tally.steps) == (8, 2, 26)


def test_every_frame_is_accounted_for():
    part, (frames, steps) = average_part(), batch(0)
    part.add(frames, {}, steps)
    table = counted(part.averages).set_index(["class", "alignment"])
    assert table.frames.tolist() == [3, 3, 3, 3, 0, 0]
    one, other = table.loc[("a", "max-lrp")], table.loc[("b", "max-lrp")]
    assert (one.without_step, one.at_edge, one.cut) == (1, 0, 2)  # steps -1, 1, 3
    assert (other.without_step, other.at_edge, other.cut) == (0, 2, 2)  # steps 0, 2, 4
    assert one.kept == pytest.approx(6 / 15)
    assert other.kept == pytest.approx(7 / 15)
    assert table.loc[("a", "none")].kept == 1
    assert table.loc[("never", "none")].frames == 0
    assert np.isnan(table.loc[("never", "none")].kept)
