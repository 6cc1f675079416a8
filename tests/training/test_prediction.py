"""A pass over examples: what is not finite is never counted."""

import math

import h5py
import numpy as np
import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.training.losses import probabilities
from speechlrp.training.metrics import tabulate
from speechlrp.training.prediction import predict

CPU = torch.device("cpu")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_outputs_that_are_not_finite_are_no_predictions(toy, features, value):
    model = toy.toy_model()
    with torch.no_grad():
        model.head.bias[1] = value
    model.train()
    with pytest.raises(SpeechLRPError, match=r"not finite .* for 8 of 8 examples"):
        predict(model, toy.batches(features)[1], CPU)
    assert model.training


@pytest.mark.parametrize("loss", ["bce", "cross_entropy"])
def test_probabilities_of_what_is_not_finite_are_none(loss):
    with pytest.raises(SpeechLRPError, match="for 1 of 2 examples"):
        probabilities(loss, torch.tensor([[0.0, 1.0], [math.nan, 1.0]]))


@pytest.mark.parametrize("cache_mb", [0, 1])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_features_that_are_not_finite_are_named(toy, features, tmp_path, value, cache_mb):
    with h5py.File(features, "r+") as file:
        file["features"][25, 0, 1, 2] = value
    train, validate = toy.batches(features, cache_mb=cache_mb)
    with pytest.raises(SpeechLRPError, match=r"features of example 25 .*preprocess --force"):
        predict(toy.toy_model(), validate, CPU)
    assert sum(len(batch.rows) for batch in train.epoch(0)) == 22
    with pytest.raises(SpeechLRPError, match="example 25"):
        toy.train(tmp_path / "run", features)


def test_large_logits_that_saturate_are_told_apart(toy, features):
    """Both sigmoids are 1; the second class has the larger logit."""

    class Sure(torch.nn.Module):
        def forward(self, x):
            return torch.tensor([[200.0, 300.0]]).expand(len(x), 2)

    _, validate = toy.batches(features)
    evaluation = tabulate(predict(Sure(), validate, CPU), classes=["a", "b"])
    assert set(evaluation.rows.prediction) == {"b"}
    assert evaluation.accuracy == np.mean(validate.labels == 1)
