"""Embeddings of recordings, and the scores of pairs."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlrp.errors import SpeechLRPError
from speechlrp.models.resnet34 import ResNet34
from speechlrp.training import embeddings
from speechlrp.training.embeddings import (
    cosine_scores,
    embed,
    equal_error_rate,
    error_rates,
    means,
    min_dcf,
    verification,
)

SMALL = {"bands": 8, "channels": (4,), "blocks": (1,), "strides": (1,), "embedding": 5}


def test_a_recordings_embedding_is_the_mean_over_its_segments():
    torch.manual_seed(0)
    model, x = ResNet34(3, **SMALL).eval(), torch.randn(5, 1, 8, 12)
    found = means(embed(model, x).numpy(), ["b", "a", "b", "a", "b"])
    assert list(found) == ["b", "a"]
    each = [model.bn2(model.embed(x[i : i + 1]))[0].detach().numpy() for i in range(5)]
    np.testing.assert_allclose(found["b"], (each[0] + each[2] + each[4]) / 3, atol=1e-5)


def test_scores_are_cosines(monkeypatch):
    known = np.array([[1.0, 0.0], [3.0, 3.0], [-2.0, 0.0]], np.float32)
    pairs = np.array([0, 0, 1]), np.array([1, 2, 1])
    for some in (2, 65536):
        monkeypatch.setattr(embeddings, "PAIRS", some)
        np.testing.assert_allclose(cosine_scores(known, *pairs), [0.5**0.5, -1.0, 1.0])
    assert known[1, 0] == 3  # left as it was


def test_errors_of_scored_trials():
    table = pd.DataFrame({"same": [1, 1, 0, 0], "score": [0.9, 0.4, 0.6, 0.1]}).astype(
        {"same": bool}
    )
    found = verification(table)
    assert found["equal_error_rate"] == pytest.approx(0.5)
    assert (found["trials"], found["same"]) == (4, 2)
    assert found["min_dcf_0.01"] == pytest.approx(0.5)  # half of the same are missed, none taken in


def test_a_network_without_embeddings_is_refused():
    with pytest.raises(SpeechLRPError, match="Linear has no embeddings"):
        embed(torch.nn.Linear(2, 2), torch.zeros(1, 2))


TRIALS = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=30).filter(
    lambda rows: len({same for _, same in rows}) == 2
)


def counted(rows: list[tuple[int, bool]]) -> list[tuple[float, float]]:
    """(P_miss, P_fa) at every threshold, by counting, the highest threshold first."""
    ones = [score for score, same in rows if same]
    others = [score for score, same in rows if not same]
    return [
        (sum(s < t for s in ones) / len(ones), sum(s >= t for s in others) / len(others))
        for t in np.arange(5.5, -6, -0.5)
    ]


@settings(max_examples=60, deadline=None)
@given(TRIALS)
def test_errors_equal_counting(rows):
    scores, same = map(np.array, zip(*rows, strict=True))
    miss, false, thresholds = error_rates(scores, same)
    expected = list(dict.fromkeys(counted(rows)))
    assert list(zip(miss, false, strict=True)) == [pytest.approx(pair) for pair in expected]
    assert np.all(np.diff(thresholds) < 0)


@settings(max_examples=60, deadline=None)
@given(TRIALS, st.floats(0.01, 0.99))
def test_min_dcf_equals_the_least_of_all(rows, target):
    scores, same = map(np.array, zip(*rows, strict=True))
    least = min(target * m + (1 - target) * f for m, f in counted(rows)) / min(target, 1 - target)
    assert min_dcf(scores, same, target=target) == pytest.approx(least)


@settings(max_examples=60, deadline=None)
@given(TRIALS)
def test_the_equal_error_lies_on_the_line_between_two_thresholds(rows):
    """Where both errors are walked along finely, it is where they are nearest."""
    scores, same = map(np.array, zip(*rows, strict=True))
    points = np.array(counted(rows))
    steps = np.linspace(0, len(points) - 1, 20001)
    miss, false = (np.interp(steps, np.arange(len(points)), points[:, i]) for i in (0, 1))
    nearest = np.abs(miss - false).argmin()
    assert equal_error_rate(scores, same) == pytest.approx(miss[nearest], abs=2e-3)


def test_known_values():
    same = np.array([1, 1, 1, 1, 0, 0, 0, 0], bool)
    apart = np.array([4, 4, 3, 3, 1, 1, 0, 0.0])
    assert equal_error_rate(apart, same) == 0
    assert min_dcf(apart, same) == 0
    assert equal_error_rate(-apart, same) == 1
    assert min_dcf(-apart, same) == 1
    one_wrong = np.array([4, 4, 3, 0.5, 1, 0.4, 0, 0])
    assert equal_error_rate(one_wrong, same) == 0.25
    assert equal_error_rate(np.zeros(8), same) == 0.5


def test_scores_of_two_normal_distributions_have_the_known_error():
    """Means two apart, deviation 1: the error is that of one deviation, 15.87 %."""
    draw = np.random.default_rng(1)
    same = np.arange(200_000) % 2 == 0
    found = equal_error_rate(draw.normal(size=same.size) + 2 * same, same)
    assert found == pytest.approx(0.158655, abs=0.003)


@pytest.mark.parametrize(
    ("scores", "same", "message"),
    [
        ([1.0, 2.0], [True], r"scores of shape \(2,\) do not fit trials of \(1,\)"),
        ([1.0, np.nan], [True, False], "1 of 2 scores are not numbers"),
        ([1.0, 2.0], [True, True], "2 of 2 trials are of one speaker; both kinds"),
        ([], [], "0 of 0 trials"),
    ],
)
def test_what_cannot_be_judged_is_said(scores, same, message):
    with pytest.raises(SpeechLRPError, match=message):
        error_rates(np.array(scores), np.array(same))


@pytest.mark.parametrize("target", [0.0, 1.0])
def test_a_prior_out_of_range_is_said(target):
    with pytest.raises(SpeechLRPError, match="minDCF needs a prior within 0 to 1"):
        min_dcf(np.array([0.0, 1.0]), np.array([False, True]), target=target)
