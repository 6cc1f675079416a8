"""Key steps and shifts, by hand and against loops."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechlrp.errors import SpeechLRPError
from speechlrp.navai import ALIGNMENTS, CROPS
from speechlrp.navai.alignment import NO_STEP, Alignment, named, place, shift

MAP = torch.tensor(
    [
        [[0.0, 3.0, 0.0, -1.0, 0.0], [0.0, -4.0, 0.5, -2.0, 0.0]],
        [[1.0, 1.0, 2.0, -9.0, 0.0], [1.0, 1.0, 2.0, -9.0, 7.0]],
    ],
    dtype=torch.float64,
)


@pytest.mark.parametrize(
    ("largest", "over", "expected"),
    [
        (True, "bin", [1, 4]),
        (False, "bin", [1, 3]),
        (True, "sum", [2, 4]),
        (False, "sum", [3, 3]),
    ],
)
def test_key_steps_by_hand(largest, over, expected):
    steps = Alignment("lrp", largest, over).steps({"lrp": MAP}, torch.zeros_like(MAP))
    assert steps.tolist() == expected


@pytest.mark.parametrize(("width", "centre"), [(5, 2), (6, 3), (206, 103)])
def test_none_takes_the_centre(width, centre):
    assert named("none").steps({}, torch.zeros(2, 3, width)).tolist() == [centre, centre]


def test_the_four_of_the_paper():
    found = {name: ALIGNMENTS[name] for name in ALIGNMENTS}
    assert [(n, a.source, a.largest) for n, a in found.items() if a.source] == [
        ("min-sens", "sensitivity", False),
        ("max-sens", "sensitivity", True),
        ("max-lrp", "lrp", True),
    ]
    assert found["none"].source is None
    assert {a.over for a in found.values()} == {"bin"}


def test_any_explainer_can_be_the_source():
    assert named("max-occlusion") == Alignment("occlusion", True)
    assert named("min-gradient_x_input", "sum") == Alignment("gradient_x_input", False, "sum")
    assert named("max-lrp", "sum") == Alignment("lrp", True, "sum")
    with pytest.raises(SpeechLRPError, match=r"unknown alignment 'mid-lrp'.*Did you mean 'm"):
        named("mid-lrp")
    with pytest.raises(SpeechLRPError, match="unknown search of an alignment 'bins'"):
        named("max-lrp", "bins")


def test_of_equal_values_the_first_in_time_and_of_no_difference_no_step():
    maps = {"lrp": torch.zeros(3, 2, 4)}
    maps["lrp"][0, 1, 2] = maps["lrp"][0, 0, 3] = 1
    maps["lrp"][1, :, :] = -5.0
    maps["lrp"][2, :, 1] = torch.tensor([1.0, -1.0])
    windows = torch.zeros(3, 2, 4)
    assert named("max-lrp").steps(maps, windows).tolist() == [2, NO_STEP, 1]
    assert named("max-lrp", "sum").steps(maps, windows).tolist() == [2, NO_STEP, NO_STEP]


def test_maps_that_do_not_fit_are_one_clear_line():
    windows = torch.zeros(1, 2, 4)
    with pytest.raises(SpeechLRPError, match="unknown source of an alignment 'lrp'; known: sens"):
        named("max-lrp").steps({"sens": windows}, windows)
    with pytest.raises(SpeechLRPError, match=r"finite and of shape \[1, 2, 4\]; found \[1, 2, 3\]"):
        named("max-lrp").steps({"lrp": windows[..., 1:]}, windows)
    with pytest.raises(SpeechLRPError, match="the lrp map"):
        named("max-lrp").steps({"lrp": windows / 0}, windows)


@pytest.mark.parametrize(
    ("width", "step", "symmetric", "shifted"),
    [
        (5, 0, "..0..", "..012"),
        (5, 1, ".012.", ".0123"),
        (5, 2, "01234", "01234"),
        (5, 3, ".234.", "1234."),
        (5, 4, "..4..", "234.."),
        (6, 3, "012345", "012345"),
        (6, 0, "...0..", "...012"),
        (6, 5, "..45..", "2345.."),
        (6, 2, ".01234", ".01234"),
        (6, 4, ".2345.", "12345."),
    ],
)
def test_crops_by_hand(width, step, symmetric, shifted):
    windows = torch.arange(1.0, width + 1).expand(1, 2, width).double()
    for crop, expected in zip(CROPS, (symmetric, shifted), strict=True):
        values, kept = shift(windows, torch.tensor([step]), crop)
        pairs = zip(values[0, 1], kept[0], strict=True)
        drawn = "".join(str(int(value) - 1) if keep else "." for value, keep in pairs)
        assert drawn == expected
        assert (values[0][:, ~kept[0]] == 0).all()


@given(st.integers(1, 12), st.data(), st.sampled_from(CROPS))
def test_every_kept_value_is_the_windows_own_and_the_key_is_central(width, data, crop):
    step = data.draw(st.integers(0, width - 1))
    windows = torch.randn(1, 3, width).double()
    values, kept = shift(windows, torch.tensor([step]), crop)
    for offset in range(width):
        at = step + offset - width // 2
        if kept[0, offset]:
            assert torch.equal(values[0, :, offset], windows[0, :, at])
        elif crop == "shift":
            assert not 0 <= at < width
    reach = kept[0].nonzero().flatten() - width // 2
    assert kept[0, width // 2]
    assert reach.diff().eq(1).all()  # one piece
    cut = [len(reach) == step + 1 + reach.max(), len(reach) == width - step - reach.min()]
    assert any(cut)  # the window's first or last step is among what is kept
    if crop == "symmetric":
        assert int(-reach.min() - reach.max()) in (0, 1)


def test_without_a_step_nothing_is_kept():
    for crop in CROPS:
        values, kept = shift(torch.ones(2, 3, 4), torch.tensor([NO_STEP, 2]), crop)
        assert not kept[0].any()
        assert not values[0].any()
        assert kept[1].all()
    with pytest.raises(SpeechLRPError, match="unknown crop of frames 'pad'"):
        place(torch.tensor([0]), 4, "pad")
