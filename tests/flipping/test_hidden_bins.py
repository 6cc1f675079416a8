"""Augmentation against plain loops."""

import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.flipping.fill_ins import Surroundings
from speechlrp.flipping.hidden_bins import at_random, fill_bins, moore_mean, most_relevant
from speechlrp.flipping.strategies import flipping_order


def _neighbours(inputs, b, c, f, t):
    F, T = inputs.shape[2:]
    return [
        inputs[b, c, i, j].item()
        for i in range(max(f - 1, 0), min(f + 2, F))
        for j in range(max(t - 1, 0), min(t + 2, T))
        if (i, j) != (f, t)
    ]


@pytest.mark.parametrize("shape", [(2, 1, 5, 6), (1, 3, 2, 2), (2, 2, 1, 4), (1, 1, 4, 1)])
def test_moore_mean_agrees_with_a_loop(generator, shape):
    inputs = torch.randn(shape, generator=generator, dtype=torch.float64)
    expected = torch.empty_like(inputs)
    for b, c, f, t in torch.cartesian_prod(*map(torch.arange, shape)).tolist():
        around = _neighbours(inputs, b, c, f, t)
        expected[b, c, f, t] = sum(around) / len(around)
    torch.testing.assert_close(moore_mean(inputs), expected, rtol=0, atol=1e-13)


def test_corners_have_three_neighbours_edges_five_the_rest_eight():
    inputs = torch.arange(9, dtype=torch.float64).view(1, 1, 3, 3)
    expected = [
        [(1 + 3 + 4) / 3, (0 + 2 + 3 + 4 + 5) / 5, (1 + 4 + 5) / 3],
        [(0 + 1 + 4 + 6 + 7) / 5, (36 - 4) / 8, (1 + 2 + 4 + 7 + 8) / 5],
        [(3 + 4 + 7) / 3, (3 + 4 + 5 + 6 + 8) / 5, (4 + 5 + 7) / 3],
    ]
    torch.testing.assert_close(
        moore_mean(inputs)[0, 0], torch.tensor(expected, dtype=torch.float64)
    )


IDS = ("a", "b", "c")


def _around(inputs, seed=1):
    donors = torch.stack([torch.full_like(inputs[0], 100.0 + k) for k in range(3)])
    return Surroundings(-80.0, inputs.mean(0), lambda: (IDS, donors), seed)


def _filled(inputs, order, share, fill):
    chosen = most_relevant(inputs, order, share)
    return fill_bins(inputs, chosen, fill, IDS[: len(inputs)], _around(inputs))


@pytest.mark.parametrize("fill", ["zero", "mean"])
@pytest.mark.parametrize("share", [0.01, 0.1, 1.0])
def test_exactly_the_top_share_is_replaced(generator, fill, share):
    inputs = torch.rand(3, 1, 10, 20, generator=generator, dtype=torch.float64) + 1
    relevance = torch.randn(3, 200, generator=generator)
    before, order = inputs.clone(), flipping_order("lrp", relevance, IDS, 1)
    found = _filled(inputs, order, share, fill).flatten(1)
    count = round(share * 200)
    replaced = torch.zeros(3, 200, dtype=torch.bool).scatter(1, order[:, :count], True)
    threshold = relevance[replaced].view(3, count).min(dim=1).values
    assert (relevance.masked_fill(replaced, -9).max(dim=1).values <= threshold).all()
    values = torch.zeros_like(inputs) if fill == "zero" else moore_mean(inputs)
    assert torch.equal(found[replaced], values.flatten(1)[replaced])
    assert torch.equal(found[~replaced], inputs.flatten(1)[~replaced])
    assert (found != inputs.flatten(1)).sum().item() == 3 * count
    assert torch.equal(inputs, before)


def test_mean_is_of_the_untouched_spectrogram():
    inputs = torch.tensor([[[[4.0, 8.0, 0.0]]]])
    found = _filled(inputs, torch.tensor([[0, 1, 2]]), 2 / 3, "mean")
    assert found.flatten().tolist() == [8.0, 2.0, 0.0]


def test_a_donor_gives_the_same_bins_of_another_recording(generator):
    inputs = torch.rand(3, 1, 6, 5, generator=generator)
    chosen = torch.rand(inputs.shape, generator=generator) < 0.3
    found = fill_bins(inputs, chosen, "donor", IDS, _around(inputs))
    assert torch.equal(found[~chosen], inputs[~chosen])
    for k, (one, bins) in enumerate(zip(found, chosen, strict=True)):
        (donor,) = one[bins].unique().tolist()
        assert donor in {100.0, 101.0, 102.0} - {100.0 + k}


def test_neighbours_bridge_a_region_that_a_moore_mean_leaves(generator):
    inputs = torch.zeros(1, 1, 9, 9)
    chosen = torch.zeros_like(inputs, dtype=torch.bool)
    chosen[..., 3:6, :] = True
    inputs[chosen] = 50.0
    middle = (0, 0, 4, 4)
    found = {
        f: fill_bins(inputs, chosen, f, IDS[:1], _around(inputs)) for f in ("mean", "neighbours")
    }
    assert found["mean"][middle] == 50
    assert found["neighbours"][middle].abs() < 2
    assert torch.equal(found["neighbours"][~chosen], inputs[~chosen])


def test_bins_at_random_are_as_many_as_asked_and_each_recordings_own(generator):
    inputs = torch.rand(3, 1, 10, 20, generator=generator)
    chosen = at_random(inputs, (5, 0, 17), IDS, _around(inputs))
    assert chosen.flatten(1).sum(1).tolist() == [5, 0, 17]
    assert torch.equal(at_random(inputs[2:], (17,), IDS[2:], _around(inputs)), chosen[2:])
    assert not torch.equal(at_random(inputs, (5, 0, 17), IDS, _around(inputs, seed=2)), chosen)


def test_an_unknown_fill_is_refused():
    inputs = torch.zeros(1, 1, 2, 2)
    with pytest.raises(SpeechLRPError, match="unknown fill 'median'; known: donor, mean, neigh"):
        _filled(inputs, torch.zeros(1, 4).long(), 0.5, "median")


def test_the_control_changes_nothing_and_shares_no_memory():
    inputs = torch.arange(9.0).reshape(1, 1, 3, 3)
    filled = _filled(inputs, torch.arange(9)[None], 1.0, "none")
    assert torch.equal(filled, inputs)
    assert filled.data_ptr() != inputs.data_ptr()
