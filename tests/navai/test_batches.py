"""Units of work, and parts that are put down, taken up and added up."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from speechlrp.navai.average import Averages, counted
from speechlrp.navai.batches import AveragePart, FrameTable, units
from speechlrp.navai.frames import Frames


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


def test_frames_are_rows_in_order_whatever_process_read_them():
    alone, first, second = (FrameTable("uv", ("none", "max-lrp")) for _ in range(3))
    for part, seeds in ((alone, (0, 1)), (first, (1,)), (second, (0,))):
        for seed in seeds:
            frames, steps = batch(seed)
            part.add(replace(frames, starts=frames.starts + 10 * seed), {}, steps)
    first.absorb(second.state())
    table = alone.table()
    pd.testing.assert_frame_equal(first.table(), table)
    assert table.utterance.tolist() == [0] * 6 + [1] * 6
    assert table.start.tolist() == [0, 1, 2, 10, 11, 12, 3, 4, 5, 13, 14, 15]
    assert table["step max-lrp"].tolist() == [-1, 0, 1] * 2 + [2, 3, 4] * 2
    assert sum(table.dtypes.map(lambda kind: kind.itemsize)) == 14 + 2 * 2


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
