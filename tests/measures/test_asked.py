"""Measures that ask the network again, of networks whose answers can be worked out."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.random import Random
from speechlrp.explainers.sensitivity import GradientXInput, Sensitivity
from speechlrp.measures import SCORES
from speechlrp.measures.removal import rectangles
from speechlrp.measures.scores import Asked, Maps
from speechlrp.measures.texture import complexity, gini

NETWORK_MEASURES = ("infidelity", "sensitivity_n", "stability", "sufficiency", "masking")


@pytest.fixture
def linear():
    torch.manual_seed(2)
    return nn.Sequential(nn.Flatten(), nn.Linear(30, 2)).double().eval()


@pytest.fixture
def inputs(generator):
    return torch.randn(3, 1, 5, 6, generator=generator, dtype=torch.float64)


TARGET = torch.tensor([0, 1, 1])


def _maps(explainer, model, inputs, relevance=None, seed=1):
    if relevance is None:
        relevance = explainer.explain(model, inputs, TARGET[: len(inputs)])[1]
    asked = Asked(explainer, model, inputs, TARGET[: len(inputs)], relevance, "softmax", seed)
    axes = np.arange(5.0), np.arange(6.0)
    return Maps(relevance[:, 0].numpy(), pd.DataFrame(), *axes, [0, 5], 1, asked)


def _scores(name, *args, **kwargs):
    return SCORES[name](_maps(*args, **kwargs))


@pytest.mark.parametrize("explainer", [GradientXInput(), Sensitivity()])
def test_of_a_linear_network_relevance_tells_every_loss(linear, inputs, explainer):
    """A slope does so times its input."""
    found = _scores("infidelity", explainer, linear, inputs)["infidelity"]
    np.testing.assert_allclose(found, np.zeros(3), atol=1e-12)
    for column in _scores("sensitivity_n", explainer, linear, inputs).values():
        np.testing.assert_allclose(column, np.ones(3), atol=1e-12)


def test_noise_tells_no_loss(linear):
    inputs = torch.randn(3, 1, 5, 6, dtype=torch.float64)
    many = [_maps(Random(seed), linear, inputs, seed=seed) for seed in range(40)]
    correlations = np.stack([c for m in many for c in SCORES["sensitivity_n"](m).values()])
    assert abs(correlations.mean()) < 0.1
    unfaithful = np.stack([SCORES["infidelity"](m)["infidelity"] for m in many])
    assert 0.6 < unfaithful.mean() <= 1


def test_infidelity_against_a_loop(inputs):
    torch.manual_seed(3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(30, 8), nn.Tanh(), nn.Linear(8, 2))
    model = model.double().eval()
    maps = _maps(GradientXInput(), model, inputs)
    found = SCORES["infidelity"](maps)["infidelity"]
    inside = rectangles(maps.asked, 64).view(64, 3, 1, 5, 6)
    for i in range(3):
        said, losses = [], []
        for patch in inside[:, i]:
            without = torch.where(patch, 0.0, inputs[i])
            both = model(torch.stack([inputs[i], without])).detach()[:, TARGET[i]]
            losses.append(float(both[0] - both[1]))
            said.append(float(maps.asked.relevance[i][patch].sum()))
        _, (rest,), *_ = np.linalg.lstsq(np.array(said)[:, None], losses, rcond=None)
        assert found[i] == pytest.approx(rest / np.square(losses).sum())


def test_rectangles_are_rectangles_of_every_size(linear, inputs):
    made = rectangles(_maps(GradientXInput(), linear, inputs).asked, 200).view(200, 3, 5, 6)
    rows, columns = made.any(3), made.any(2)
    assert torch.equal(made, rows[:, :, :, None] & columns[:, :, None, :])
    assert set(rows.sum(2).flatten().tolist()) == {1, 2, 3, 4, 5}
    assert set(columns.sum(2).flatten().tolist()) == {1, 2, 3, 4, 5, 6}


def test_stability_of_a_slope_that_is_constant_and_of_noise(linear, inputs):
    assert np.allclose(_scores("stability", Sensitivity(), linear, inputs)["max_sensitivity"], 0)
    noise = _scores("stability", Random(), linear, inputs)["max_sensitivity"]
    assert (noise > 1).all()


def test_the_stability_of_gradient_x_input_is_at_most_what_the_noise_allows(linear, inputs):
    explainer = GradientXInput()
    found = _scores("stability", explainer, linear, inputs)["max_sensitivity"]
    span = inputs.flatten(1).amax(1) - inputs.flatten(1).amin(1)
    relevance = explainer.explain(linear, inputs, TARGET)[1].flatten(1)
    weights = linear[1].weight[TARGET].detach()
    bound = 0.02 * span * weights.norm(dim=1) / relevance.norm(dim=1)
    assert ((found > 0) & (found <= bound.numpy())).all()


def test_sufficiency_and_comprehensiveness_against_a_loop(linear, inputs):
    explainer = GradientXInput()
    found = _scores("sufficiency", explainer, linear, inputs)
    relevance = explainer.explain(linear, inputs, TARGET)[1]

    def probability(x, i):
        return float(linear(x[None]).detach().softmax(1)[0, TARGET[i]])

    for i in range(3):
        whole, kept, removed = probability(inputs[i], i), [], []
        for share in (0.01, 0.05, 0.1, 0.2, 0.5):
            top = relevance[i].flatten().argsort(descending=True)[: max(1, round(30 * share))]
            mask = torch.zeros(30).double()
            mask[top] = 1
            mask = mask.view(1, 5, 6)
            kept.append(whole - probability(inputs[i] * mask, i))
            removed.append(whole - probability(inputs[i] * (1 - mask), i))
        assert found["sufficiency"][i] == pytest.approx(np.mean(kept))
        assert found["comprehensiveness"][i] == pytest.approx(np.mean(removed))


def test_masking_by_hand():
    """One bin speaks for the class, one against it: the mask keeps the first alone."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(30, 2, bias=False)).double().eval()
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].weight[0, :2] = torch.tensor([2.0, -1.0])
    inputs = torch.ones(1, 1, 5, 6).double()
    found = _scores("masking", GradientXInput(), model, inputs)
    p, q = (1 / (1 + np.exp(-logit)) for logit in (1.0, 2.0))
    assert found["drop"].tolist() == [0]
    assert found["increase"].tolist() == [1]
    assert found["gain"][0] == pytest.approx((q - p) / (1 - p))
    against = _scores("masking", GradientXInput(), model, inputs, torch.zeros_like(inputs))
    assert against["drop"][0] == pytest.approx((p - 0.5) / p)
    assert against["gain"].tolist() == against["increase"].tolist() == [0]


@pytest.mark.parametrize("name", NETWORK_MEASURES)
def test_a_batch_changes_nothing_and_constant_maps_tell_nothing(name, linear, inputs):
    whole = _scores(name, GradientXInput(), linear, inputs)
    alone = _scores(name, GradientXInput(), linear, inputs[:1])
    for column, values in whole.items():
        np.testing.assert_allclose(values[:1], alone[column], atol=1e-12)
        assert values.shape == (3,)
    for values in _scores(name, GradientXInput(), linear, inputs, 0 * inputs).values():
        assert values.shape == (3,)


@pytest.mark.parametrize("name", NETWORK_MEASURES)
def test_without_the_network_they_say_so(name):
    maps = Maps(np.zeros((1, 5, 6)), pd.DataFrame(), np.arange(5.0), np.arange(6.0), [0, 5], 1)
    with pytest.raises(SpeechLRPError, match="asks the network again"):
        SCORES[name](maps)


def test_gini_and_complexity_of_simple_maps():
    point, even, none = np.zeros((1, 4, 5)), np.full((1, 4, 5), -3.0), np.zeros((1, 4, 5))
    point[0, 1, 2] = 7
    assert gini(point)[0] == pytest.approx(1 - 1 / 20)
    assert gini(even)[0] == pytest.approx(0)
    assert complexity(point)[0] == 0
    assert complexity(even)[0] == pytest.approx(np.log(20))
    assert np.isnan([gini(none)[0], complexity(none)[0]]).all()


def test_gini_is_half_the_mean_difference_over_the_mean():
    values = np.random.default_rng(0).normal(size=(1, 3, 4))
    size = np.abs(values).ravel()
    pairs = np.abs(size[:, None] - size[None]).mean()
    assert gini(values)[0] == pytest.approx(pairs / 2 / size.mean())
