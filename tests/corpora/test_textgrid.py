"""TextGrid files, long and short, and broken in many ways."""

import pytest

from speechlrp.corpora.textgrid import Interval, intervals_of, read_textgrid
from speechlrp.errors import SpeechLRPError

LONG = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 0.75
tiers? <exists>
size = 3
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 0.75
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 0.75
            text = "say ""7 <b>"" ! now"
    item [2]:
        class = "TextTier"
        name = "clicks"
        xmin = 0
        xmax = 0.75
        points: size = 1
        points [1]:
            number = 0.3
            mark = "x"
    item [3]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 0.75
        intervals: size = 3
        intervals [1]:
            xmin = 0
            xmax = 0.25
            text = "s"
        intervals [2]:
            xmin = 0.25
            xmax = 5e-1
            text = "EY1"
        intervals [3]:
            xmin = 0.5
            xmax = 0.75
            text = "SIL"
"""
SHORT = """File type = "ooTextFile"
"TextGrid"

0
0.75
<exists>
3
"IntervalTier"
"words"
0
0.75
1
0
0.75
"say ""7 <b>"" ! now"
"TextTier" "clicks" 0 0.75 1 0.3 "x"
"IntervalTier"
"phones"
0
0.75
3
0
0.25
"s"
0.25
.5
"EY1" ! the vowel
0.5
0.75
"SIL"
"""
WORDS = [Interval(0.0, 0.75, 'say "7 <b>" ! now')]
PHONES = [Interval(0.0, 0.25, "s"), Interval(0.25, 0.5, "EY1"), Interval(0.5, 0.75, "SIL")]


def write(folder, text, encoding="utf-8"):
    path = folder / "one.TextGrid"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("text", [LONG, SHORT, LONG.replace("\n", "\r\n")])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_long_and_short_say_the_same(tmp_path, text, encoding):
    assert read_textgrid(write(tmp_path, text, encoding)) == {"words": WORDS, "phones": PHONES}


def test_a_grid_without_tiers(tmp_path):
    assert read_textgrid(write(tmp_path, '"ooTextFile" "TextGrid" 0 1 <absent>')) == {}


def test_every_beginning_of_a_file_is_refused(tmp_path):
    whole = SHORT.rstrip()
    for end in range(0, len(whole) - 4, 7):
        with pytest.raises(SpeechLRPError, match="no whole TextGrid"):
            read_textgrid(write(tmp_path, whole[:end]))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ooTextFile", "ooBinaryFile", "does not begin as one"),
        ('"TextGrid"', '"Pitch"', "does not begin as one"),
        ("size = 3", "size = -3", "a count is -3"),
        ("intervals: size = 3", "intervals: size = 2.5", "a count is 2.5"),
        ("intervals: size = 3", "intervals: size = 4", "where a number should be, the file ends"),
        ("intervals: size = 1", "intervals: size = 2", "there is the string 'TextTier'"),
        ('"TextTier"', '"PitchTier"', "a tier of class 'PitchTier'"),
        ("xmax = 5e-1", "xmax = 0.2", "'phones' the interval from 0.25 to 0.2 s is out of order"),
        ("xmin = 0.25", "xmin = 0.2", "'phones' the interval from 0.2 to 0.5 s is out of order"),
        ("xmax = 5e-1", "xmax = five", "where a number should be, there is the string 'EY1'"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, old, new, message):
    assert old in LONG
    with pytest.raises(SpeechLRPError) as error:
        intervals_of(write(tmp_path, LONG.replace(old, new, 1)), "phones")
    assert message in str(error.value)
    assert "one.TextGrid" in str(error.value)


@pytest.mark.parametrize("tier", ["phonemes", "clicks"])
def test_a_tier_of_intervals_that_there_is_not_holds_none(tmp_path, tier):
    assert intervals_of(write(tmp_path, LONG), tier) == []


def test_no_file_and_no_text(tmp_path):
    with pytest.raises(SpeechLRPError, match="is missing"):
        read_textgrid(tmp_path / "none.TextGrid")
    (tmp_path / "b.TextGrid").write_bytes(b"\xff\x00\xfe\xfa")
    with pytest.raises(SpeechLRPError, match="is not UTF-8 text, nor UTF-16"):
        read_textgrid(tmp_path / "b.TextGrid")
