"""Two voices: the relevance of the cosine of their embeddings, in both."""

import numpy as np
import pytest
import soundfile
import torch
from torch.nn import functional

import speechlrp
from speechlrp.answers.classifier import Similarity
from speechlrp.models.resnet34 import ResNet34
from speechlrp.training.embeddings import embed


@pytest.fixture
def asked(finished, monkeypatch):
    """A run whose network has embeddings, and two recordings."""
    run = speechlrp.load(finished.run)
    monkeypatch.setattr(type(run.model), "compare", type(run.model).forward, raising=False)
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
    cosine = float(cosine.detach())
    for answer, one, other in ((first, inputs[0], second), (second, inputs[1], first)):
        assert answer.probability == pytest.approx(cosine, abs=1e-5)
        assert f"like {other.name}, cosine {cosine:.3f}; " in answer.describe()
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


def test_what_is_explained_is_what_speakers_are_compared_by(generator):
    model = ResNet34(classes=3, bands=16, channels=[4, 4, 4, 4], blocks=[1, 1, 1, 1], embedding=6)
    model.bn2.running_mean.normal_(generator=generator)  # so that it is not the dense layer's
    first, second = torch.randn(2, 1, 1, 16, 80, generator=generator)
    voice = embed(model.eval(), second)[0].clone()
    expected = functional.cosine_similarity(embed(model, first)[0], voice, dim=0)
    torch.testing.assert_close(Similarity(model, voice)(first)[0, 0], expected)
