"""Evaluation: tables counted by hand."""

import math

import pytest
import torch

from speechlrp.training.intervals import speaker_bootstrap, wilson
from speechlrp.training.metrics import tabulate
from speechlrp.training.prediction import Outputs, over_recordings, predict

CLASSES = ["male", "female"]
SPEAKERS = ["x", "01", "01", "02", "02", "03"]  # row 0 is not evaluated
OUTPUTS = Outputs(
    logits=torch.tensor([[2.0, -1.0], [-1.0, 1.0], [3.0, 0.0], [0.5, 1.0], [0.0, 4.0]]),
    labels=torch.tensor([0, 0, 0, 1, 1]),
    rows=torch.tensor([1, 2, 3, 4, 5]),
)


@pytest.fixture
def found():
    return tabulate(OUTPUTS, classes=CLASSES, speakers=SPEAKERS, seed=4)


def test_the_whole(found):
    assert (found.n, found.correct, found.accuracy) == (5, 4, 0.8)
    assert found.interval == wilson(4, 5)
    assert found.speaker_interval == speaker_bootstrap([1, 2, 1], [2, 2, 1], seed=4)
    assert found.loss == pytest.approx(found.rows["loss"].mean())
    assert found.summary()["speakers"] == 3
    assert found.summary()["wilson_low"] == found.interval[0]


def test_per_class(found):
    table = found.per_class.set_index("class")
    assert table.loc["male", ["n", "correct"]].tolist() == [3, 2]
    assert table.loc["female", ["n", "correct"]].tolist() == [2, 2]
    assert tuple(table.loc["male", ["low", "high"]]) == wilson(2, 3)


def test_per_speaker(found):
    table = found.per_speaker.set_index("speaker")
    assert table["n"].to_dict() == {"01": 2, "02": 2, "03": 1}
    assert table["accuracy"].to_dict() == {"01": 0.5, "02": 1.0, "03": 1.0}


def test_confusion(found):
    assert found.confusion.loc["male"].to_dict() == {"male": 2, "female": 1}
    assert found.confusion.loc["female"].to_dict() == {"male": 0, "female": 2}


def test_rows(found):
    second = found.rows.iloc[1]
    assert (second["row"], second["speaker"]) == (2, "01")
    assert (second["label"], second["prediction"]) == ("male", "female")
    assert second["probability"] == pytest.approx(1 / (1 + math.exp(-1)))
    assert second["probability_true"] == pytest.approx(1 / (1 + math.exp(1)))
    assert second["loss"] == pytest.approx(math.log(1 + math.exp(1)))


def test_both_intervals_are_said(found):
    text = found.describe()
    assert text.startswith("accuracy 80.00 % of 5 ")
    assert "if recordings were independent" in text
    assert "bootstrap over 3 speakers" in text


def test_without_speakers():
    found = tabulate(OUTPUTS, classes=CLASSES, loss="cross_entropy")
    assert found.per_speaker.empty
    assert math.isnan(found.speaker_interval[0])
    assert "bootstrap" not in found.describe()
    assert found.rows["probability"][0] == pytest.approx(1 / (1 + math.exp(-3)))


def test_a_class_nobody_says_or_is():
    found = tabulate(OUTPUTS, classes=[*CLASSES, "child"])
    assert found.confusion.shape == (3, 3)
    assert math.isnan(found.per_class["accuracy"][2])


def test_the_model_runs_in_evaluation_mode(toy, features):
    _, validate = toy.batches(features)
    model = toy.toy_model().train()
    outputs = [predict(model, validate, torch.device("cpu")) for _ in range(2)]
    one, two = (tabulate(each, classes=["a", "b"]) for each in outputs)
    assert one.rows.equals(two.rows)  # dropout was off
    assert one.rows["row"].tolist() == list(range(22, 30))
    assert model.training


def test_segments_of_a_recording_are_pooled_by_their_mean_log_probability():
    """Two of three segments are wrong, and less sure of it than the third is of the truth."""
    outputs = Outputs(
        logits=torch.tensor([[0.0, 9.0], [0.5, 0.0], [3.0, 5.0], [1.0, 0.6]]),
        labels=torch.tensor([1, 1, 0, 1]),
        rows=torch.tensor([4, 1, 0, 2]),
    )
    names = ["b", "a", "a", "unused", "a"]
    pooled = over_recordings(outputs, names)
    assert pooled.rows.tolist() == [4, 0]
    assert pooled.labels.tolist() == [1, 0]
    log = torch.stack([outputs.logits[k].log_softmax(0) for k in (0, 1, 3)]).mean(0)
    torch.testing.assert_close(pooled.logits[0].log_softmax(0), log.log_softmax(0))
    torch.testing.assert_close(pooled.logits[1], outputs.logits[2])
    whole = tabulate(pooled, classes=CLASSES, loss="cross_entropy")
    assert (whole.n, whole.correct) == (2, 1)
    assert tabulate(outputs, classes=CLASSES).correct == 1


def test_what_was_counted_is_named(found):
    assert "80.00 % of 5 segments (95 %" in found.describe("segments")
