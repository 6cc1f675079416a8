"""Embeddings of recordings, and the scores of pairs."""

import numpy as np
import pandas as pd
import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.models.resnet34 import ResNet34
from speechlrp.training import embeddings
from speechlrp.training.embeddings import cosine_scores, embed, means, verification

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
