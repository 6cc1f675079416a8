"""Masks: where they may lie, and what they depend on."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlrp.errors import SpeechLRPError
from speechlrp.training.spec_augment import SpecAugment

ONES = torch.ones(3, 20, 50)
FRAMES = [50, 30, 7]
ROWS = [4, 9, 2]


def masked(augment=None, inputs=ONES, frames=FRAMES, rows=ROWS, epoch=0):
    return (augment or SpecAugment(band_width=6, frame_width=20))(inputs, frames, rows, epoch=epoch)


@given(
    st.integers(0, 3), st.integers(0, 25), st.integers(0, 3), st.integers(0, 60),
    st.floats(0, 1), st.integers(0, 20),
)  # fmt: skip
@settings(deadline=None, max_examples=50)
def test_masks_are_whole_bands_and_frames_of_bounded_number(nb, wb, nt, wt, share, seed):
    out = masked(SpecAugment(nb, wb, nt, wt, share, seed))
    for values, frames in zip(out, FRAMES, strict=True):
        assert (values[:, frames:] == 1).all()
        gone = values[:, :frames] == 0
        bands, times = gone.all(1), gone.all(0)
        if not gone.all():
            assert torch.equal(gone, bands[:, None] | times)
            assert times.sum() <= nt * min(wt, int(share * frames) if share < 1 else wt)
            assert bands.sum() <= nb * wb


def test_masks_reach_all_places_but_the_last():
    """torchaudio rounds both ends down, so the last band and frame are always kept."""
    total = sum(masked(epoch=epoch) == 0 for epoch in range(300))
    for values, frames in zip(total, FRAMES, strict=True):
        assert (values[:-1, : frames - 1] > 0).all()
        assert values[-1, frames - 1] == 0


def test_masks_follow_from_seed_epoch_and_row_alone():
    out = masked()
    assert torch.equal(out, masked())
    assert not torch.equal(out, masked(epoch=1))
    other = SpecAugment(band_width=6, frame_width=20, seed=1)
    assert not torch.equal(out, masked(other))
    swapped = masked(inputs=ONES[[1, 0]], frames=[30, 50], rows=[9, 4])
    assert torch.equal(swapped, out[[1, 0]])


def test_inputs_and_generator_stay_as_they_are():
    inputs, state = torch.rand(3, 20, 50), torch.get_rng_state()
    before = inputs.clone()
    out = masked(inputs=inputs)
    assert torch.equal(inputs, before)
    assert torch.equal(torch.get_rng_state(), state)
    kept = masked() == 1
    assert torch.equal(out, inputs * kept)
    assert not kept.all()


def test_no_masks_change_nothing():
    inputs = torch.rand(3, 20, 50)
    for none in (SpecAugment(0, 27, 0, 64), SpecAugment(2, 0, 2, 64, frame_share=0.0)):
        assert torch.equal(masked(none, inputs=inputs), inputs)


@pytest.mark.parametrize(
    "values", [{"band_masks": -1}, {"frame_width": -1}, {"frame_share": 1.1}, {"seed": -1}]
)
def test_settings_that_cannot_be_are_refused(values):
    with pytest.raises(SpeechLRPError, match=next(iter(values))):
        SpecAugment(**values)
