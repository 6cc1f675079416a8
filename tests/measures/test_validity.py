"""What the functions answer to arrays that they cannot use: a row a situation."""

import numpy as np
import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers import EXPLAINERS
from speechlrp.flipping.curve import flip
from speechlrp.flipping.hidden_bins import most_relevant
from speechlrp.flipping.strategies import flipping_order
from speechlrp.measures import texture
from speechlrp.measures.absorption import conservation
from speechlrp.measures.agreement import agreement, spearman, top_overlap
from speechlrp.measures.localisation import localisations
from speechlrp.measures.shares import concentration

MAPS, SHARE = np.zeros((2, 5)), "share of bins lies in"
BINS = torch.arange(4)[None]
IMAGE = torch.zeros(1, 1, 2, 2)


def _net():
    return nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).eval()


def _lrp(name="lrp"):
    return EXPLAINERS[name](**({"preset": "epsilon"} if name == "lrp" else {}))


SITUATIONS = {
    "spearman of one map": (lambda: spearman(np.zeros(5)), r"maps .* \[M, P\]; found \[5\]"),
    "overlap of no bins": (lambda: top_overlap(MAPS, 0), SHARE),
    "overlap of 200 %": (lambda: top_overlap(MAPS, 2), SHARE),
    "overlap of nan": (lambda: top_overlap(MAPS, float("nan")), SHARE),
    "nobody agrees": (lambda: agreement({}, 0.1), "same recordings and bins; found {}"),
    "other bins": (
        lambda: agreement({"a": np.zeros((2, 3)), "b": np.zeros((2, 4))}, 0.1),
        r"same recordings and bins; found {'a': \[2, 3\], 'b': \[2, 4\]}",
    ),
    "fewer recordings": (
        lambda: agreement({"a": np.zeros((2, 3)), "b": np.zeros((1, 3))}, 0.1),
        "same recordings",
    ),
    "one map's variation": (lambda: texture.total_variation(MAPS), r"\[N, F, T\]; found \[2, 5\]"),
    "one map's entropy": (lambda: texture.entropy(MAPS), r"\[N, F, T\]; found"),
    "one map's checkerboard": (lambda: texture.checkerboard(MAPS, 2, 1), r"\[N, F, T\]; found"),
    "one map's signs": (lambda: texture.sign_mixing(MAPS), r"\[N, F, T\]; found"),
    "regions of other bins": (
        lambda: localisations(np.zeros((1, 4, 4)), [np.zeros((1, 4, 5))]),
        r"regions of shape \[1, 4, 5\] do not fit maps of \[1, 4, 4\]",
    ),
    "nothing to concentrate": (lambda: concentration([], ["a"]), "there is no recording"),
    "conservation of none": (
        lambda: conservation(_lrp(), _net(), torch.zeros(0, 1, 2, 2), 1),
        "no example to explain",
    ),
    "conservation without rules": (
        lambda: conservation(_lrp("sensitivity"), _net(), IMAGE, 1),
        "only LRP passes relevance from layer to layer; Sensitivity does not",
    ),
    "filling nothing": (lambda: most_relevant(IMAGE, BINS, 0), SHARE),
    "filling 200 %": (lambda: most_relevant(IMAGE, BINS, 2), SHARE),
    "filling other bins": (
        lambda: most_relevant(IMAGE, BINS[:, :3], 0.5),
        r"an order must have the shape \[1, 4\]; found \[1, 3\]",
    ),
    "ranking a number each": (
        lambda: flipping_order("lrp", torch.zeros(4), "abcd", 1),
        r"\[B, \.\.\.\]",
    ),
    "ranking without names": (
        lambda: flipping_order("lrp", torch.zeros(2, 4), "a", 1),
        "there are 1 ids",
    ),
    "flipping too many": (
        lambda: next(flip(IMAGE, BINS, torch.zeros(4), [5])),
        r"must rise within 0\.\.4; found \[5\]",
    ),
    "flipping fewer and fewer": (
        lambda: next(flip(IMAGE, BINS, torch.zeros(4), [3, 1])),
        r"must rise within 0\.\.4; found \[3, 1\]",
    ),
    "flipping other bins": (
        lambda: next(flip(IMAGE, BINS[:, :2], torch.zeros(4), [1])),
        "an order must have the shape",
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_cannot_be_used_is_an_expected_error(situation):
    call, message = SITUATIONS[situation]
    with pytest.raises(SpeechLRPError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_of_no_recordings_there_are_no_numbers():
    none = np.zeros((0, 4, 4))
    for measure in (texture.total_variation, texture.entropy, texture.sign_mixing):
        assert measure(none).shape == (0,)
    assert all(len(column) == 0 for column in localisations(none, [none])[0].values())
    assert flipping_order("lrp", torch.zeros(0, 4), [], 1).shape == (0, 4)


def test_numpys_whole_numbers_are_classes():
    table = conservation(_lrp(), _net(), IMAGE + 1, np.int64(1))
    assert len(table) > 0
