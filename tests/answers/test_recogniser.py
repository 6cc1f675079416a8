"""A recogniser, asked about one recording: letters, their times, and what they rest on."""

import numpy as np
import pytest
import toy_letters as toy

import speechlrp
from speechlrp.errors import SpeechLRPError


@pytest.fixture(scope="module")
def recogniser(made_once, tmp_path_factory, project_class):
    """A run whose weights write a and b, and a recording of its corpus."""
    place = tmp_path_factory.mktemp("answers")
    project = toy.trained(made_once, project_class, place, toy.SMALL)
    toy.predict_a_and_b(project)
    recording = sorted(project.data.rglob("*.flac"))[0]
    return speechlrp.load(project.run), recording


@pytest.mark.parametrize("explainer", ["lrp", "sensitivity"])
def test_letters_have_times_and_relevance(recogniser, explainer):
    run, recording = recogniser
    answer = run.explain(recording, explainer=explainer)
    seconds = len(answer.samples) / answer.rate
    assert set(answer.label) <= {"a", "b"}
    assert set(answer.letters.letter) <= {"a", "b"}
    assert (np.diff(answer.letters.time_s) > 0).all()
    assert answer.letters.time_s.between(0, seconds).all()
    assert answer.letters.probability.between(0, 1).all()
    assert answer.relevance.shape == answer.features.shape == (128, len(answer.times))
    assert 0 < answer.times[0] < answer.times[-1] < seconds
    assert np.abs(answer.relevance).sum() > 0
    assert recording.name in answer.describe()
    assert f"{len(answer.letters)} letters" in answer.describe()


def test_a_tier_of_letters_stands_beside_that_of_relevance(recogniser, tmp_path):
    run, recording = recogniser
    answer = run.explain(recording)
    text = answer.save(tmp_path / "a.TextGrid").read_text()
    assert 'name = "relevance"' in text
    tier = text.partition('name = "letters"')[2]
    assert [line.split('"')[1] for line in tier.splitlines() if "text =" in line] == list(
        answer.letters.letter
    )
    for suffix in (".html", ".png", ".wav", ".npz"):
        assert answer.save(tmp_path / f"a{suffix}").stat().st_size > 0


def test_a_recogniser_is_asked_about_all_it_writes(recogniser):
    run, recording = recogniser
    with pytest.raises(SpeechLRPError, match="leave out target"):
        run.explain(recording, target="a")
    with pytest.raises(SpeechLRPError, match="recording 1: too short"):
        run.explain((np.random.default_rng(0).normal(size=700) * 0.1, 16000))
