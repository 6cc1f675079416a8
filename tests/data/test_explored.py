import numpy as np
import pandas as pd

from speechlrp.data.recordings import explored, name_of


def test_classes_and_speakers_take_turns_and_mistakes_come_first():
    table = pd.DataFrame({"label": [0] * 6 + [1] * 2, "speaker": list("aaabbb") + list("cc")})
    predicted = np.array([0, 0, 1, 0, 0, 0, 1, 1])
    assert explored(table, predicted, 3) == [2, 3, 6]
    assert explored(table, predicted, 5) == [0, 2, 3, 4, 6]
    assert explored(table, predicted, 99) == list(range(8))


def test_a_segment_is_called_by_its_second():
    assert name_of(pd.Series({"source": "a", "start_s": 0.0})) == "a"
    assert name_of(pd.Series({"source": "a", "start_s": 2.0})) == "a, 2.0 s"
    there = {"source": "/data/mine/anna/sad/01.wav", "start_s": 1.0}
    assert name_of(pd.Series(there)) == "anna/sad/01, 1.0 s"
