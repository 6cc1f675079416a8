"""Two voices: the relevance of the cosine of their embeddings, in both."""

import numpy as np
import pytest
import soundfile
import torch
from torch.nn import functional

import speechlrp


@pytest.fixture
def asked(finished, monkeypatch):
    """A run whose network has embeddings, and two recordings."""
    run = speechlrp.load(finished.run)
    monkeypatch.setattr(type(run.model), "embed", type(run.model).forward, raising=False)
    speakers = ("01", "04")
    return run, [finished.data / f"audiomnist/data/{s}/0_{s}_0.wav" for s in speakers]


def test_it_is_the_gradient_of_the_cosine_times_the_input(asked):
    run, paths = asked
    first, second = run.explain_pair(*paths, explainer="gradient_x_input")
    inputs = [
        torch.from_numpy(answer.features)[None, None] * run._network.scale
        for answer in (first, second)
    ]
    inputs = [one.requires_grad_() for one in inputs]
    cosine = functional.cosine_similarity(*(run.model(one)[0] for one in inputs), dim=0)
    cosine.backward()
    for answer, one, other in ((first, inputs[0], second), (second, inputs[1], first)):
        assert answer.probability == pytest.approx(float(cosine), abs=1e-5)
        assert f"like {other.name}, cosine {float(cosine):.3f}; " in answer.describe()
        expected = (one * one.grad)[0, 0].detach().numpy()
        bound = 1e-4 * np.abs(expected).max()
        np.testing.assert_allclose(answer.relevance, expected, atol=bound)


def test_the_explainers_settings_are_taken(asked):
    run, paths = asked
    asking = {"explainer": "smoothgrad", "settings": ["explainer.samples=1"]}
    few, more = (
        run.explain_pair(*paths, **asking)[0],
        run.explain_pair(*paths, explainer="smoothgrad")[0],
    )
    assert not np.array_equal(few.relevance, more.relevance)


def test_samples_are_voices_too(asked):
    run, paths = asked
    sounds = [soundfile.read(path, dtype="float32") for path in paths]
    names = [answer.name for answer in run.explain_pair(*sounds)]
    assert names == ["recording 1", "recording 2"]
