import os

import numpy as np
import pandas as pd
import pytest

from speechlrp.artifacts.atomic import write_csv
from speechlrp.artifacts.tables import TEXT, read_csv
from speechlrp.errors import SpeechLRPError

NAMES = ["NA", "nan", "NaN", "null", "None", "N/A", "", "01", "1e3", "1_000", "true", "-inf"]


@pytest.mark.parametrize("column", sorted(TEXT))
def test_names_are_names(tmp_path, column):
    write_csv(tmp_path / "a.csv", pd.DataFrame({column: NAMES, "n": range(len(NAMES))}))
    assert read_csv(tmp_path / "a.csv", "").loc[:, column].tolist() == NAMES


def test_names_that_all_look_like_numbers_are_names(tmp_path):
    write_csv(tmp_path / "a.csv", pd.DataFrame({"speaker": ["01", "1e3"], "class": ["nan", "2"]}))
    found = read_csv(tmp_path / "a.csv", "")
    assert found.to_numpy().tolist() == [["01", "nan"], ["1e3", "2"]]


def test_numbers_are_the_same_to_the_last_bit(tmp_path):
    powers = np.arange(-500, 500).clip(-300, 300)
    draw = np.random.default_rng(0).standard_normal(1000) * 10.0**powers
    table = pd.DataFrame(
        {
            "value": draw,
            "single": draw.clip(-1e30, 1e30).astype(np.float32).astype(np.float64),
            "count": np.arange(1000),
            "holds": np.arange(1000) % 2 == 0,
            "some": np.where(np.arange(1000) % 3, draw, np.nan),
            "beyond": np.where(np.arange(1000) % 2, np.inf, -np.inf),
        }
    )
    write_csv(tmp_path / "a.csv", table)
    pd.testing.assert_frame_equal(read_csv(tmp_path / "a.csv", ""), table, check_exact=True)


def test_what_is_neither_is_left_as_it_is(tmp_path):
    (tmp_path / "a.csv").write_text("odd,digits\nNA,9999999999999999999\n1,1\n")
    found = read_csv(tmp_path / "a.csv", "")
    assert found.odd.tolist() == ["NA", "1"]
    assert found.digits.tolist() == [1e19, 1.0]


def test_an_empty_table_keeps_its_columns(tmp_path):
    write_csv(tmp_path / "a.csv", pd.DataFrame(columns=["id", "n"]))
    assert list(read_csv(tmp_path / "a.csv", "", ["id", "n"])) == ["id", "n"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "is missing"),
        (b"", "is no table"),
        (b"id,start_s\n\xff\xfe,1\n", "is no table"),
        (b"id,start_s\na,1,2,3\nb\n1,2,3,4,5,6\n", "is no table|start_s is"),
        (b"id,start_s\na,1,x\nb,2,x\n", "is no table .line 2: 3 cells for 2 columns"),
        (b'id,start_s\n"a,1\n', "is no table|start_s is"),
        (b"id,start_s\n\na,1\n\nb\n", "line 5: 1 cells for 2 columns"),
        (b"id,start_s,note\na,1,\nb,2\n", "line 3: 2 cells for 3 columns"),
        (b"\n\n", "names no columns"),
        (b'id,start_s\n"a"b,1\n', "is no table"),
        (b'id,start_s\na,"1', "is no table .unexpected end of data"),
        (b"id\na\n", "has no column start_s"),
        (b"id,start_s,start_s\na,1,2\n", "has two columns start_s"),
        (b"id,start_s, start_s\na,1,2\n", "has two columns start_s"),
        (b"id,start_s\na,1\nb,x\n", "row 2: start_s is 'x', no number"),
        (b"id,start_s\na," + b"1" * 400 + b"x\n", "row 1: start_s is '1111"),
    ],
)
def test_what_is_no_such_table_is_said(tmp_path, content, reason):
    path = tmp_path / "a.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpeechLRPError, match=rf"(?s)a\.csv.*({reason}).*run it again") as caught:
        read_csv(path, "run it again", ["id", "start_s"])
    assert "\n" not in str(caught.value)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(SpeechLRPError, match="is missing"):
        read_csv(tmp_path / "a.csv", "")
