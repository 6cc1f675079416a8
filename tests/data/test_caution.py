"""What must be known before an explanation is believed, is said and kept."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from speechlrp.data.explaining import caution_of_guessing, caution_of_losses


class Spoken:
    """A context that keeps what it is told."""

    def __init__(self):
        self.config, self.said, self.notes = SimpleNamespace(seed=1), [], {}

    def say(self, words):
        self.said.append(words)

    def note(self, key, value):
        self.notes[key] = value


def table(speakers=4, each=6):
    labels = np.tile([0, 1], speakers * each // 2)
    return pd.DataFrame({"label": labels, "speaker": np.repeat(list("abcd")[:speakers], each)})


def test_a_network_that_guesses_is_told_and_noted():
    context, rows = Spoken(), table()
    caution_of_guessing(context, rows, np.zeros(len(rows), int), 2)
    (said,) = context.said
    assert said == f"caution: {context.notes['guessing']}"
    assert "accuracy 50.0% of 24" in said


def test_of_a_network_that_works_nothing_is_said():
    context, rows = Spoken(), table()
    caution_of_guessing(context, rows, rows.label.to_numpy(), 2)
    assert context.said == []
    assert context.notes == {"guessing": ""}


def test_losses_are_said_with_the_explainers_name():
    context = Spoken()
    rows = {"operation": ["linear", "all"], "bias_share": [0, 0.1], "stabiliser_share": [0, 0.9]}
    caution_of_losses(context, pd.DataFrame(rows), "lrp_x")
    assert context.said[0].startswith("note: lrp_x: biases absorb 10% and stabilisers 90%")
    caution_of_losses(context, pd.DataFrame(rows).assign(stabiliser_share=0.0), "lrp_x")
    assert len(context.said) == 1
