"""Bins of two parts, as of a time-frequency view: a bin is changed and counted as a whole."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from speechlrp.explainers.occlusion import Occlusion
from speechlrp.explainers.sensitivity import GradientXInput, Sensitivity
from speechlrp.measures import SCORES
from speechlrp.measures.removal import random_sets, rectangles
from speechlrp.measures.scores import Asked, Maps
from speechlrp.measures.stability import randomised_logit

TARGET = torch.tensor([0, 1, 1])
EXPLAINERS = pytest.mark.parametrize("explainer", [GradientXInput(), Sensitivity()])


@pytest.fixture
def model():
    torch.manual_seed(3)
    net = nn.Sequential(nn.Flatten(), nn.Linear(60, 8), nn.Tanh(), nn.Linear(8, 2))
    return net.double().eval()


@pytest.fixture
def inputs(generator):
    return torch.randn(3, 2, 5, 6, generator=generator, dtype=torch.float64)


def judged(explainer, model, inputs):
    relevance = explainer.explain(model, inputs, TARGET)[1]
    asked = Asked(explainer, model, inputs, TARGET, relevance, "softmax", 1)
    axes = np.arange(5.0), np.arange(6.0)
    return Maps(relevance.sum(1).numpy(), pd.DataFrame(), *axes, [0, 5], 1, asked)


def answer(model, x, i, quantity):
    with torch.no_grad():
        logits = model(x[None])[0]
    return float(quantity(logits)[TARGET[i]])


def logit(logits):
    return logits


def probability(logits):
    return logits.softmax(0)


def without(x, mask):
    """Both parts of every bin that is marked, ``[F, T]``, become 0."""
    changed = x.clone()
    for row, column in zip(*np.nonzero(np.asarray(mask)), strict=True):
        changed[0, row, column] = changed[1, row, column] = 0
    return changed


def said(maps, i):
    """What each bin says in the logit, ``[F, T]``: of both parts together."""
    asked = maps.asked
    slope = isinstance(asked.explainer, Sensitivity)
    weights = asked.inputs[i] if slope else torch.ones_like(asked.inputs[i])
    return (asked.relevance[i] * weights)[0] + (asked.relevance[i] * weights)[1]


def order(maps, i):
    """Bins by falling relevance; slopes, which have a direction in each part, by their length."""
    one, other = maps.asked.relevance[i]
    slope = isinstance(maps.asked.explainer, Sensitivity)
    values = (one**2 + other**2).sqrt() if slope else one + other
    return values.flatten().argsort(descending=True).tolist(), values


@EXPLAINERS
def test_infidelity(explainer, model, inputs):
    maps = judged(explainer, model, inputs)
    inside = rectangles(maps.asked, 64).view(64, 3, 5, 6)
    for i in range(3):
        whole = answer(model, inputs[i], i, logit)
        losses = [whole - answer(model, without(inputs[i], p), i, logit) for p in inside[:, i]]
        told = [float(said(maps, i)[patch].sum()) for patch in inside[:, i]]
        _, (rest,), *_ = np.linalg.lstsq(np.array(told)[:, None], losses, rcond=None)
        wanted = rest / np.square(losses).sum()
        assert SCORES["infidelity"](maps)["infidelity"][i] == pytest.approx(wanted, abs=1e-12)


@EXPLAINERS
def test_sensitivity_n(explainer, model, inputs):
    maps = judged(explainer, model, inputs)
    columns = SCORES["sensitivity_n"](maps)
    for share, size in ((1, 1), (10, 3), (50, 15)):  # of 30 bins
        inside = random_sets(maps.asked, size).view(-1, 3, 5, 6)
        assert set(inside.sum((2, 3)).flatten().tolist()) == {size}
        for i in range(3):
            whole = answer(model, inputs[i], i, logit)
            losses = [whole - answer(model, without(inputs[i], s), i, logit) for s in inside[:, i]]
            told = [float(said(maps, i)[one].sum()) for one in inside[:, i]]
            wanted = np.corrcoef(told, losses)[0, 1]
            found = columns[f"sensitivity_{share}_percent"][i]
            assert found == pytest.approx(wanted, abs=1e-12)


@EXPLAINERS
def test_sufficiency_and_comprehensiveness(explainer, model, inputs):
    maps = judged(explainer, model, inputs)
    found = SCORES["sufficiency"](maps)
    for i in range(3):
        bins, _ = order(maps, i)
        whole, kept, removed = answer(model, inputs[i], i, probability), [], []
        for share in (0.01, 0.05, 0.1, 0.2, 0.5):
            top = np.zeros(30, bool)
            top[bins[: max(1, round(30 * share))]] = True
            top = top.reshape(5, 6)
            kept.append(whole - answer(model, without(inputs[i], ~top), i, probability))
            removed.append(whole - answer(model, without(inputs[i], top), i, probability))
        assert found["sufficiency"][i] == pytest.approx(np.mean(kept), abs=1e-12)
        assert found["comprehensiveness"][i] == pytest.approx(np.mean(removed), abs=1e-12)


@EXPLAINERS
def test_masking(explainer, model, inputs):
    maps = judged(explainer, model, inputs)
    found = SCORES["masking"](maps)
    for i in range(3):
        _, values = order(maps, i)
        mask = values.clamp(min=0) / values.max()
        p = answer(model, inputs[i], i, probability)
        q = answer(model, torch.stack([inputs[i][0] * mask, inputs[i][1] * mask]), i, probability)
        assert found["drop"][i] == pytest.approx(max(0, p - q) / p, abs=1e-12)
        assert found["gain"][i] == pytest.approx(max(0, q - p) / (1 - p), abs=1e-12)


def test_stability_is_of_whole_bins(inputs):
    """What one part wins and the other loses leaves the map as it was."""

    class Opposed(GradientXInput):
        def explain(self, model, inputs, target):
            lean = torch.stack([inputs[:, 0], -inputs[:, 0]], 1)
            return torch.zeros(len(inputs), 2), lean + 1

    assert SCORES["stability"](judged(Opposed(), nn.Identity(), inputs))[
        "max_sensitivity"
    ].max() < (1e-15)


def test_stability_moves_a_bin_no_further_than_one_of_a_single_part(inputs):
    moved = []

    class Listening(GradientXInput):
        def explain(self, model, changed, target):
            moved.append((changed - inputs).norm(dim=1).flatten(1).amax(1))
            return torch.zeros(len(changed), 2), changed

    SCORES["stability"](judged(Listening(), nn.Identity(), inputs))
    span = inputs.flatten(1).amax(1) - inputs.flatten(1).amin(1)
    largest = torch.stack(moved).amax(0) / (0.02 * span)
    assert ((largest > 0.8) & (largest <= 1)).all()


def test_the_other_class_turns_whole_bins(inputs):
    """The two classes' maps differ in parts alone."""

    class Swapped(GradientXInput):
        def explain(self, model, inputs, target):
            turned = torch.where(target.view(-1, 1, 1, 1) == 0, inputs, inputs.flip(1))
            return torch.zeros(len(inputs), 2), turned

    maps = judged(Swapped(), nn.Sequential(nn.Flatten(), nn.Linear(60, 2)).double(), inputs)
    np.testing.assert_allclose(randomised_logit(maps)["randomised_logit"], 1)


def test_the_parts_of_an_occluded_bin_share_its_loss(model, inputs):
    found = Occlusion((1, 1)).explain(model, inputs, TARGET)[1].sum(1)
    for i, row, column in ((0, 0, 0), (1, 2, 3), (2, 4, 5)):
        mask = np.zeros((5, 6), bool)
        mask[row, column] = True
        lost = answer(model, inputs[i], i, logit) - answer(
            model, without(inputs[i], mask), i, logit
        )
        assert float(found[i, row, column]) == pytest.approx(lost, abs=1e-12)
