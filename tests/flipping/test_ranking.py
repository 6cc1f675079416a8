"""The orders in which bins are flipped."""

import sys

import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.flipping import STRATEGIES, THESIS, strategies_of
from speechlrp.flipping.sorting import falling
from speechlrp.flipping.strategies import flipping_order, ranked

IDS = ["a", "b", "c"]


@pytest.fixture
def relevance(generator):
    return torch.randn(3, 1, 5, 7, generator=generator)


def test_falls_from_most_positive_to_most_negative():
    order = flipping_order("lrp", torch.tensor([[[0.0, -3.0], [5.0, 2.0]]]), ["a"], 1)
    assert order.tolist() == [[2, 3, 0, 1]]


def test_equal_values_come_in_an_order_that_is_drawn():
    few = torch.tensor([[1.0, 0.0, 1.0, 0.0, 2.0, 1.0, -1.0, -1.0]])
    seen = {tuple(flipping_order("lrp", few, ["a"], seed)[0].tolist()) for seed in range(300)}
    assert len(seen) == 24  # 3! of the ones, 2 of the zeros, 2 of the last
    for order in seen:
        assert [few[0, i] for i in order] == [2, 1, 1, 1, 0, 0, -1, -1]


def test_a_map_that_says_nothing_flips_no_frequency_first():
    """By position, the low ones came first, whatever the network makes of them."""
    order = ranked(torch.zeros(400, 20), [str(i) for i in range(400)], seed=1)
    place = order.argsort(dim=1).double()
    assert (place[:, :5].mean() - place[:, 15:].mean()).abs() < 1


def test_a_draw_depends_on_recording_seed_and_repeat_not_on_the_batch():
    zeros = torch.zeros(3, 300)
    whole = ranked(zeros, IDS, seed=1)
    assert ranked(zeros[:2], ["c", "a"], seed=1).tolist() == whole[[2, 0]].tolist()
    others = whole, ranked(zeros, IDS, seed=2), ranked(zeros, IDS, seed=1, repeat=1)
    assert len({tuple(row) for order in others for row in order.tolist()}) == 9


def test_negative_zero_equals_zero():
    zeros = torch.tensor([[-0.0, 0.0]])
    assert (
        len({tuple(flipping_order("lrp", zeros, ["a"], seed)[0].tolist()) for seed in range(9)})
        == 2
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 3e38])
def test_numbers_of_every_size_fall_as_a_stable_sort_has_them(generator, dtype, scale):
    values = torch.randn(4, 500, generator=generator).clamp(-1, 1) * scale
    values = values.round(decimals=1) if scale == 1 else values
    values = values.to(dtype).clamp(torch.finfo(dtype).min, torch.finfo(dtype).max)
    values[:, ::7], values[:, 1::7] = 0.0, -0.0
    draw = torch.stack([torch.randperm(500, generator=generator) for _ in values])
    for row, places, order in zip(values, draw, falling(values, draw), strict=True):
        wanted = sorted(places.tolist(), key=lambda bin: -row[bin].item())
        assert order.tolist() == wanted


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("lrp", [2, 3, 0, 1]),
        ("lrp_rev", [1, 0, 3, 2]),
        ("lrp_abs", [1, 2, 3, 0]),
        ("lrp_abs_rev", [0, 3, 2, 1]),
    ],
)
def test_what_each_flips_first(strategy, expected):
    relevance = torch.tensor([[[0.5, -8.0], [5.0, 2.0]]])
    assert flipping_order(strategy, relevance, ["a"], seed=1).tolist() == [expected]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_order_is_a_permutation_and_reverses_point_at_each_other(relevance, strategy):
    order = flipping_order(strategy, relevance, IDS, seed=1, repeat=2)
    assert order.dtype == torch.int64
    assert order.sort(dim=1).values.tolist() == [list(range(35))] * 3
    reverse = STRATEGIES[strategy].reverse
    if reverse:
        assert STRATEGIES[reverse].reverse == strategy
        other = flipping_order(reverse, relevance, IDS, seed=1)
        assert order.tolist() == [row[::-1] for row in other.tolist()]


def test_all_are_the_thesis_three():
    assert strategies_of("all") == THESIS == ("lrp", "random", "lrp_rev")
    assert strategies_of("lrp_abs") == ("lrp_abs",)


def test_a_random_order_does_not_depend_on_relevance_nor_on_torchs_seed(relevance):
    torch.manual_seed(1)
    first = flipping_order("random", relevance, IDS, seed=1, repeat=2)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    second = flipping_order("random", relevance.flip(0), IDS, seed=1, repeat=2)
    assert first.tolist() == second.tolist()
    assert torch.equal(torch.get_rng_state(), state)


def test_random_orders_are_uniform():
    relevance = torch.arange(4.0).repeat(2000, 1)
    order = flipping_order("random", relevance, [str(i) for i in range(2000)], seed=1, repeat=0)
    share = torch.stack([(order == b).double().mean(0) for b in range(4)])
    assert (share - 0.25).abs().max() < 0.04  # four standard deviations


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "own_strategies_1.py").write_text(
        "from speechlrp.flipping.strategies import Strategy\n"
        "class Middle(Strategy):\n"
        "    def priority(self, relevance):\n"
        "        return -(relevance - relevance.median(1, keepdim=True).values).abs()\n"
        "class Few(Strategy):\n"
        "    def priority(self, relevance):\n        return relevance[:, :3]\n"
        "class Nothing(Strategy):\n"
        "    def priority(self, relevance):\n        return None\n"
        "class Pole(Strategy):\n"
        "    def priority(self, relevance):\n        return 1 / (0 * relevance)\n"
        "def priority(relevance):\n    return relevance\n"
    )
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("own_strategies_1", None)


@pytest.mark.usefixtures("mine")
def test_one_of_ones_own_sees_the_relevance():
    relevance = torch.tensor([[0.0, 5.0, 2.0, -9.0, 2.5]])
    order = flipping_order("own_strategies_1:Middle", relevance, ["a"], seed=1)
    assert order.tolist() == [[2, 4, 0, 1, 3]]


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("lrp_reverse", "'lrp_reverse'; known: lrp, lrp_abs, lrp_abs_rev, lrp_rev, random"),
        ("own_strategies_1:Few", r"gives \[3, 3\]; it must give priorities \[3, 35\]"),
        ("own_strategies_1:Nothing", "gives NoneType; it must give priorities"),
        ("own_strategies_1:Pole", "cannot be ranked by numbers that are not finite"),
        ("own_strategies_1:priority", "must be a class derived from .*:Strategy"),
    ],
)
def test_what_is_no_strategy_is_refused(relevance, strategy, message):
    with pytest.raises(SpeechLRPError, match=message) as caught:
        flipping_order(strategy, relevance, IDS, seed=1)
    assert "\n" not in str(caught.value)


def test_relevance_that_is_not_finite_is_refused(relevance):
    relevance[1, 0, 2, 3] = torch.nan
    with pytest.raises(SpeechLRPError, match="not finite"):
        flipping_order("lrp", relevance, IDS, seed=1)
