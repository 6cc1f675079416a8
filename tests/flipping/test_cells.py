"""What is counted while bins are flipped."""

import numpy as np
import pandas as pd
import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.flipping.cells import CELL, Flips, rates, scores

TABLE = pd.DataFrame(
    {"id": list("abcd"), "label": [0, 1, 1, 1], "speaker": ["x", "y", "y", "z"]}, index=[4, 2, 7, 9]
)


def _by_sum(inputs):
    """Class 1 where more than 5 of the sum is left."""
    total = inputs.flatten(1).sum(1)
    logits = torch.stack([torch.full_like(total, 5), total], 1)
    return logits, logits.softmax(1)


class _Value:
    def __init__(self, value):
        self.value = value

    def of(self, inputs, ids):
        return torch.full((10,), self.value)


def _flips(**more):
    counts = np.array([0, 3, 10])
    baselines = {"zero": _Value(0.0), "two": _Value(2.0), "same": _Value(0.0)}
    settings = {"strategies": ("lrp", "random"), "repeats": 2, "seed": 1}
    settings = {"predict": _by_sum, **settings, **more}
    return Flips(counts=counts, baselines=baselines, **settings)


def test_counts_against_a_loop():
    inputs, relevance = torch.ones(4, 1, 2, 5), torch.randn(4, 1, 2, 5)
    cells = _flips().cells(inputs, relevance, TABLE)
    assert list(cells.columns[:4]) == CELL
    assert cells.groupby("strategy").repeat.nunique().to_dict() == {"lrp": 1, "random": 2}
    for row in cells.itertuples():
        some = TABLE[(TABLE.label == row.label) & (TABLE.speaker == row.speaker)]
        total = 10 + row.bins * {"zero": -1, "two": 1, "same": -1}[row.baseline]
        logits = torch.tensor([5.0, total])
        right = int(logits.argmax()) == row.label
        assert (row.n, row.correct) == (len(some), len(some) * right)
        assert row.probability == pytest.approx(len(some) * float(logits.softmax(0)[row.label]))
    by_speaker = rates(cells, [*CELL, "speaker"], 10)
    assert by_speaker.n.sum() == 4 * 3 * 3 * 3
    assert rates(cells, CELL, 10).percent.unique().tolist() == [0, 30, 100]


def test_a_batch_is_the_sum_of_its_halves():
    inputs, relevance = torch.rand(4, 1, 2, 5), torch.randn(4, 1, 2, 5)
    whole = _flips().cells(inputs, relevance, TABLE)
    halves = [_flips().cells(inputs[s], relevance[s], TABLE[s]) for s in (slice(2), slice(2, 4))]
    pd.testing.assert_frame_equal(rates(pd.concat(halves), CELL, 10), rates(whole, CELL, 10))


def test_logits_decide_where_probabilities_are_saturated():
    logits = torch.tensor([[200.0, 300.0], [300.0, 200.0], [-90.0, 40.0]])
    correct, probability = scores(logits, logits.sigmoid(), torch.tensor([1, 1, 1]))
    assert correct.tolist() == [True, False, True]
    torch.testing.assert_close(probability, torch.ones(3).double())


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_an_output_that_is_not_finite_is_never_counted(value):
    logits = torch.tensor([[0.0, 1.0], [value, 1.0]])
    with pytest.raises(SpeechLRPError, match=r"not finite .* for 1 of 2 examples"):
        scores(logits, logits.softmax(1), torch.tensor([0, 0]))


def test_where_every_bin_is_flipped_the_network_is_asked_once():
    asked = []

    def predict(inputs):
        asked.append(inputs.clone())
        return _by_sum(inputs)

    orders = ("lrp", "lrp_rev", "random")
    inputs, relevance = torch.rand(4, 1, 2, 5), torch.randn(4, 1, 2, 5)
    cells = _flips(predict=predict, strategies=orders).cells(inputs, relevance, TABLE)
    whole = [x for x in asked if len(x.unique()) == 1]
    assert sorted(x.unique().item() for x in whole) == [0, 2]
    assert len(asked) == 1 + 2 * (2 * 2) + 2  # as they are; zero and two at 3 bins; all
    at_end = cells[cells.bins == 10].groupby(["baseline", "strategy", "repeat"])
    assert at_end.n.sum().nunique() == 1
    assert len(at_end) == 3 * (1 + 1 + 2)
