"""The orders in which bins are flipped."""

import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.flipping import STRATEGIES
from speechlrp.flipping.ranking import falling_order, flipping_order

IDS = ["a", "b", "c"]


@pytest.fixture
def falling(generator):
    return falling_order(torch.randn(3, 1, 5, 7, generator=generator))


def test_falls_from_most_positive_to_most_negative():
    order = falling_order(torch.tensor([[[0.0, -3.0], [5.0, 2.0]]]))
    assert order.tolist() == [[2, 3, 0, 1]]


def test_equal_values_stay_in_their_places():
    relevance = torch.tensor([[1.0, 0.0, 1.0, 0.0, 2.0, 1.0, -1.0, -1.0]])
    assert falling_order(relevance).tolist() == [[4, 0, 2, 5, 1, 3, 6, 7]]
    assert falling_order(torch.zeros(2, 300)).tolist() == [list(range(300))] * 2


def test_negative_zero_equals_zero():
    assert falling_order(torch.tensor([[-0.0, 0.0, -0.0]])).tolist() == [[0, 1, 2]]


def test_lrp_is_the_falling_order_and_lrp_rev_its_exact_reverse(falling):
    lrp = flipping_order("lrp", falling, IDS, seed=1, repeat=0)
    reverse = flipping_order("lrp_rev", falling, IDS, seed=1, repeat=0)
    assert lrp.tolist() == falling.tolist()
    assert reverse.tolist() == [row[::-1] for row in falling.tolist()]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_order_is_a_permutation(falling, strategy):
    order = flipping_order(strategy, falling, IDS, seed=1, repeat=2)
    assert order.dtype == torch.int64
    assert order.sort(dim=1).values.tolist() == [list(range(35))] * 3


def test_a_random_order_does_not_depend_on_the_batch(falling):
    whole = flipping_order("random", falling, IDS, seed=1, repeat=2)
    some = flipping_order("random", falling[[2, 0]], ["c", "a"], seed=1, repeat=2)
    assert some.tolist() == whole[[2, 0]].tolist()


def test_a_random_order_does_not_depend_on_relevance_nor_on_torchs_seed(falling):
    torch.manual_seed(1)
    first = flipping_order("random", falling, IDS, seed=1, repeat=2)
    torch.manual_seed(2)
    second = flipping_order("random", falling.flip(0), IDS, seed=1, repeat=2)
    assert first.tolist() == second.tolist()


def test_random_orders_differ_by_recording_repeat_and_seed(falling):
    orders = [
        tuple(row)
        for seed in (1, 2, 12)
        for repeat in (0, 1, 2)
        for row in flipping_order("random", falling, IDS, seed=seed, repeat=repeat).tolist()
    ]
    assert len(set(orders)) == 27


def test_random_leaves_the_global_generator_alone(falling):
    state = torch.get_rng_state()
    flipping_order("random", falling, IDS, seed=1, repeat=0)
    assert torch.equal(torch.get_rng_state(), state)


def test_random_orders_are_uniform():
    falling = torch.arange(4).repeat(2000, 1)
    order = flipping_order("random", falling, [str(i) for i in range(2000)], seed=1, repeat=0)
    share = torch.stack([(order == b).double().mean(0) for b in range(4)])
    assert (share - 0.25).abs().max() < 0.04  # four standard deviations


def test_an_unknown_strategy_is_refused_with_those_there_are(falling):
    with pytest.raises(SpeechLRPError, match="'lrp_reverse'; known: lrp, lrp_rev, random"):
        flipping_order("lrp_reverse", falling, IDS, seed=1, repeat=0)
