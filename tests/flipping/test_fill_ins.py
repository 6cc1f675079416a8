"""What flipped bins become."""

from dataclasses import replace

import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.flipping import BASELINES, FILL_INS, baselines_of
from speechlrp.flipping.curve import flip
from speechlrp.flipping.fill_ins import Surroundings
from speechlrp.flipping.imputing import PULL, imputed

SHAPE = (1, 5, 6)
IDS = ["a", "b", "c"]


@pytest.fixture
def donors(generator):
    return torch.randn(4, *SHAPE, generator=generator).double() + 10 * torch.arange(5.0)[:, None]


@pytest.fixture
def around(donors):
    names = ["a", "x", "y", "z"]
    return Surroundings(-3.0, donors.mean(0), lambda: (names, donors), seed=1)


@pytest.fixture
def inputs(generator):
    return torch.randn(3, *SHAPE, generator=generator).double()


def _flipped(name, around, inputs, ids=IDS, count=9):
    order = torch.stack([torch.arange(29, -1, -1)] * len(inputs))
    return next(flip(inputs, order, FILL_INS[name](around).of(inputs, ids), [count])).clone()


@pytest.mark.parametrize("name", FILL_INS)
def test_only_flipped_bins_change_and_the_batch_does_not_matter(name, around, inputs):
    found = _flipped(name, around, inputs)
    assert torch.equal(found.flatten(1)[:, :21], inputs.flatten(1)[:, :21])
    assert not (found.flatten(1)[:, 21:] == inputs.flatten(1)[:, 21:]).any()
    alone = _flipped(name, around, inputs[1:2], ["b"])
    torch.testing.assert_close(alone[0], found[1])
    assert found.isfinite().all()


@pytest.mark.parametrize("name", FILL_INS)
def test_all_bins_can_be_flipped(name, around, inputs):
    assert _flipped(name, around, inputs, count=30).isfinite().all()


def test_the_constant_ones(around, inputs):
    assert (_flipped("zero", around, inputs)[..., -1, :] == 0).all()
    assert (_flipped("silence", around, inputs)[..., -1, :] == -3).all()
    assert torch.equal(_flipped("mean", around, inputs)[0, :, -1], around.mean[:, -1])
    assert baselines_of("all") == BASELINES == ("zero", "silence", "mean")


def test_a_donor_is_one_other_recording_in_the_same_places(around, donors, inputs):
    whole = _flipped("donor", around, inputs, count=30)
    taken = [next(i for i in range(4) if torch.equal(one, donors[i])) for one in whole]
    assert taken[0] != 0  # recording a is no donor of its own
    many = [str(i) for i in range(60)]
    whole = _flipped("donor", around, inputs[:1].expand(60, *SHAPE), many, count=30)
    assert {i for one in whole for i in range(4) if torch.equal(one, donors[i])} == {0, 1, 2, 3}


def test_noise_has_the_values_of_its_frequency_and_nothing_else(around, donors, inputs):
    found = _flipped("noise", around, inputs, count=30)
    for frequency in range(5):
        known = set(donors[:, 0, frequency].flatten().tolist())
        drawn = found[:, 0, frequency].flatten().tolist()
        assert set(drawn) <= known
        assert len(set(drawn)) > 6
    assert not torch.equal(found[0], found[1])


def test_without_donors_there_is_an_expected_error(inputs):
    alone = Surroundings(0.0, inputs[0], lambda: (["a"], inputs[:1]), seed=1)
    with pytest.raises(SpeechLRPError, match="cannot come from other recordings: there are 1"):
        FILL_INS["donor"](alone).of(inputs, IDS)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1.0])
def test_neighbours_solve_the_linear_system(share, generator):
    """Against the dense system of ROAD, a row a flipped bin."""
    inputs = torch.randn(2, 1, 7, 9, generator=generator).double()
    mean = torch.randn(1, 7, 9, generator=generator).double()
    flipped = torch.rand(inputs.shape, generator=generator) < share
    found = imputed(inputs, flipped, mean)
    for one, mask, solved in zip(inputs[:, 0], flipped[:, 0], found[:, 0], strict=True):
        assert torch.equal(solved[~mask], one[~mask])
        matrix, right = torch.eye(63).double(), one.flatten().clone()
        for place in mask.flatten().nonzero().flatten().tolist():
            row, column = divmod(place, 9)
            weights = torch.zeros(7, 9).double()
            for i in (-1, 0, 1):
                for j in (-1, 0, 1):
                    if 0 <= row + i < 7 and 0 <= column + j < 9 and (i or j):
                        weights[row + i, column + j] = 1 / 12 if i and j else 1 / 6
            total = weights.sum()
            matrix[place] -= weights.flatten() / total / (1 + PULL)
            right[place] = PULL * mean.flatten()[place] / (1 + PULL)
        expected = torch.linalg.solve(matrix, right).view(7, 9)
        torch.testing.assert_close(solved, expected, atol=2e-3, rtol=0)


def test_neighbours_of_a_recording_are_the_same_in_any_batch(generator):
    rough = torch.randn(5, 1, 20, 30, generator=generator)
    inputs = torch.cat([rough, rough.cumsum(-1)])
    flipped = torch.rand(inputs.shape, generator=generator) < 0.7
    mean, together = torch.zeros(1, 20, 30), imputed(inputs, flipped, torch.zeros(1, 20, 30))
    for i in range(len(inputs)):
        alone = imputed(inputs[i : i + 1], flipped[i : i + 1], mean)
        assert torch.equal(alone[0], together[i])


def test_where_all_bins_are_flipped_all_recordings_become_the_same(around, inputs):
    around = replace(around, mean=inputs.mean(0))
    fill = FILL_INS["neighbours"](around).of(inputs, IDS)
    everything = torch.ones_like(inputs, dtype=torch.bool)
    noise = fill(torch.zeros_like(everything)).view_as(inputs) - inputs
    expected = imputed(inputs, everything, around.mean) + noise
    torch.testing.assert_close(fill(everything).view_as(inputs), expected, atol=1e-5, rtol=1e-5)


def test_neighbours_hide_a_hole_in_a_slope(around):
    """What is linear around a hole is linear in it."""
    slope = torch.arange(9.0).double().expand(1, 1, 9, 9)
    flipped = torch.zeros(1, 1, 9, 9, dtype=torch.bool)
    flipped[..., 3:6, 3:6] = True
    found = imputed(slope, flipped, torch.zeros(1, 9, 9).double())
    torch.testing.assert_close(found, slope.clone(), atol=2e-2, rtol=0)
