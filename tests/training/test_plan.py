"""Plans: who sees which example, and when a step is taken."""

import numpy as np
import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.training.plan import Plan


def steps(plans, number=0):
    """The examples of each step, over all processes; checks that all take as many."""
    found = []
    for plan in plans:
        mine, step = [], []
        for batch, part in zip(plan.epoch(number), plan.parts(), strict=True):
            step.append(batch)
            assert len(batch) <= plan.batch_size + 2
            if part.last:
                mine.append((np.concatenate(step), part.examples))
                step = []
        assert not step
        found.append(mine)
    whole = []
    for parts in zip(*found, strict=True):
        together = np.concatenate([batch for batch, _ in parts])
        assert {examples for _, examples in parts} == {len(together)}
        whole.append(sorted(together.tolist()))
    return whole


@pytest.mark.parametrize("ranks", [1, 2, 3])
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("examples", [24, 25, 29, 31])
def test_steps_are_those_of_one_process_with_a_larger_batch(ranks, accumulate, examples):
    size = 12 // ranks // accumulate
    about = {"shuffle": True, "seed": 5, "accumulate": accumulate, "ranks": ranks}
    several = [Plan(examples, size, rank=rank, **about) for rank in range(ranks)]
    found = steps(several, number=2)
    assert sorted(place for step in found for place in step) == list(range(examples))
    if examples % 12 == 0 or examples % 12 >= 2 * ranks:  # no rest that joins the step before
        assert found == steps([Plan(examples, 12, shuffle=True, seed=5)], number=2)
    assert all(len(plan) == len(found) for plan in several)


def test_nobody_trains_on_one_example():
    plan = Plan(9, 4, shuffle=True)
    assert [len(batch) for batch in plan.epoch(0)] == [4, 5]
    assert [len(batch) for batch in Plan(9, 4).epoch(0)] == [4, 4, 1]  # to predict is no matter


def test_orders_differ_by_epoch_and_seed():
    def first(seed, number):
        return next(iter(Plan(50, 50, shuffle=True, seed=seed).epoch(number)))

    assert first(1, 0).tolist() == list(range(50))  # rising within a batch
    halves = [set(next(iter(Plan(50, 25, shuffle=True, seed=s).epoch(n)))) for s, n in
              [(1, 0), (1, 1), (2, 0)]]  # fmt: skip
    assert halves[0] != halves[1] != halves[2] != halves[0]


def test_more_processes_than_examples():
    with pytest.raises(SpeechLRPError, match="2 examples cannot be shared by 3 processes"):
        Plan(2, 4, ranks=3)
