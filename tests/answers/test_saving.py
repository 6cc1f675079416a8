"""Two recordings that were asked about together, on one page."""

import json

import numpy as np
import pytest

from speechlrp.answers.answer import Answer
from speechlrp.answers.saving import save_together

HERTZ, STEP = np.arange(1, 6) * 100.0, 0.01


def answer(name, begin, frames):
    values = np.random.default_rng(frames).normal(size=(2, 5, frames)).astype(np.float32)
    return Answer(
        name=name,
        label=f"like {name}",
        probability=0.8,
        probabilities={"cosine": 0.8},
        target="similarity",
        relevance=values[0],
        features=values[1],
        frequencies=HERTZ,
        times=begin + STEP * np.arange(frames),
        units="cosine",
        feature_units="dB",
        explainer="lrp",
        bands_hz=(0.0, 250.0, 500.0),
        samples=np.zeros(80, np.float32),
        rate=8000,
    )


@pytest.fixture
def index(tmp_path):
    """The index of the explorer of two recordings of other lengths and one name."""
    pair = [answer("a.wav", -0.02, 30), answer("a.wav", 0.005, 40)]
    save_together(pair, tmp_path / "pair.html")
    html = (tmp_path / "pair.html").read_text(encoding="utf-8")
    begin = html.index("data-index>") + len("data-index>")
    return json.loads(html[begin : html.index("</script>", begin)])


def test_both_are_on_one_page_and_the_second_below_the_first(index):
    ids = [entry["id"] for entry in index["recordings"]]
    assert ids == ["a.wav", "a.wav (1)"]
    assert index["opening"] == {"other": "a.wav (1)"}


def test_a_cosine_is_told_and_is_no_probability(index):
    first = index["recordings"][0]
    assert first["probabilities"] == []
    assert first["facts"]["cosine"] == "0.800"


def test_one_axis_holds_both(index):
    time = np.array(index["time"])
    np.testing.assert_allclose(np.diff(time), STEP)
    assert time[0] == 0
    assert time[-1] >= 0.02 + 0.005 + 39 * STEP - STEP
    assert [entry["onset_s"] for entry in index["recordings"]] == pytest.approx([0.02, 0.02])
