import pandas as pd

from speechlrp.stages.report.exploring import spoken_in


def test_what_is_said_stands_where_the_example_has_it():
    rows = [("a", "x", 0.1, 0.4), ("a", "y", 0.4, 0.9), ("a", "z", 2.0, 2.5), ("b", "w", 0.4, 0.5)]
    times = pd.DataFrame(rows, columns=["id", "phoneme", "start_s", "end_s"])
    one = pd.Series({"source": "a", "start_s": 0.3, "duration_s": 1.0, "onset_s": 0.2})
    (first, second) = spoken_in(times, one)
    assert [round(value, 6) for value in first[:2]] == [0.0, 0.3]
    assert (first[2], second[2]) == ("x", "y")
