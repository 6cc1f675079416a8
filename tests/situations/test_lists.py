"""TextGrids, lists of trials, and addresses, damaged or made to hang: one row a situation."""

import os

import pytest
import requests

from speechlrp.corpora.fetch import fetch
from speechlrp.corpora.fetch_http import Checksum, download
from speechlrp.corpora.textgrid import intervals_of, read_textgrid
from speechlrp.corpora.voxceleb_lists import identification, trials, under_ids
from speechlrp.errors import SpeechLRPError

HEAD = '"ooTextFile" "TextGrid" 0 1 <exists> '
TIER = '"IntervalTier" "{}" 0 1 1 0 1 "a" '
GRIDS = {
    "a count of infinity": (HEAD + "1e999", "a number is inf"),
    "a count of 400 digits": (HEAD + "1" * 400, "where a number should be"),
    "digits and a letter": (HEAD + "1" * 200_000 + "x 1", "the file ends"),
    "digits and points": (HEAD + "1." * 100_000, "the file ends"),
    "a billion tiers": (HEAD + "1000000000 ", "where a string should be, the file ends"),
    "a time of infinity": (HEAD + "1 " + TIER.format("a").replace(" 1 ", " 1e999 ", 1), "inf"),
    "a quote that is not closed": (HEAD + '1 "IntervalTier', "quote that is not closed"),
    "many quotes, none closed": (HEAD + '1 "' + 'a""' * 100_000, "quote that is not closed"),
    "quotes and blanks": (HEAD + '1 "' + 'a "" ' * 100_000, "quote that is not closed"),
    "flags that are not closed": (HEAD + "<" * 200_000, "the file ends"),
    "two tiers of one name": (HEAD + "2 " + TIER.format("a") * 2, "or two tiers have this name"),
    "before 0": (HEAD + "1 " + TIER.format("a").replace('0 1 "a"', '-1 1 "a"'), "from -1 to 1 s"),
    "one behind another": (
        HEAD + "1 " + TIER.format("a").replace("0 1 1 0 1", "0 1 2 0 1") + '0.5 1 "b"',
        "from 0.5 to 1 s is out of order",
    ),
    "more than was counted": (HEAD + "1 " + TIER.format("a") * 2, "behind the last tier is 'Int"),
    "a page": ("<!DOCTYPE html><html></html>", "where a string should be"),
    "nothing": ("", "the file ends"),
    "zeros": ("\0" * 1000, "zeros, such as a disk leaves"),
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_grid_is_refused_in_one_line(lay, name):
    """The long ones would take hours, were a token looked at more than once."""
    text, reason = GRIDS[name]
    path = lay({"a.TextGrid": text}) / "a.TextGrid"
    with pytest.raises(SpeechLRPError, match=f"a.TextGrid.*{reason}") as caught:
        intervals_of(path, "a")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_what_is_wrong_with_other_tiers_does_not_matter(lay):
    odd = TIER.format("b").replace("0 1 1 0 1", "0 1 1 1 0")
    text = HEAD + "3 " + TIER.format("a") + odd * 2
    assert len(intervals_of(lay({"a.TextGrid": text}) / "a.TextGrid", "a")) == 1


def test_tiers_and_labels_are_in_composed_characters(lay):
    text = HEAD + "1 " + TIER.format("pho\u0301ns").replace('"a"', '"e\u0301"')
    grid = read_textgrid(lay({"a.TextGrid": text}) / "a.TextGrid")
    assert [(name, own[0].text) for name, own in grid.items()] == [("ph\u00f3ns", "\u00e9")]


@pytest.mark.parametrize("read", [read_textgrid, trials, identification])
def test_a_pipe_is_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / "a")
    for path in (tmp_path / "a", tmp_path / "none", tmp_path):
        with pytest.raises(SpeechLRPError, match=r"is not a file|is missing|cannot read"):
            read(path)


LISTS = {
    "utf-16": ("1 a b\n".encode("utf-16"), None),
    "a byte order mark": (b"\xef\xbb\xbf1 a b\n", None),
    "another system's lines": (b"1 a b\r\n\r\n", None),
    "a separator of lines in a name": ("1\ta\u2028c\tb\n".encode(), None),
    "no end of line": (b"1 a b", None),
    "three marks": (b"2 a b\n", "line 1: expected 0|1"),
    "one name": (b"1 a\n", "line 1: expected"),
    "latin-1": (b"1 a\xeb b\n", "is not UTF-8 text"),
    "nothing": (b"\n\n", "holds no line"),
    "lines of an old Mac": (b"1 a b\r\r", None),
    "an endless line": (b"1 " + b"x" * 100_000 + b"\n", "line 1: expected"),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_trials_is_read_or_refused_in_one_line(lay, name):
    content, reason = LISTS[name]
    path = lay({"trials.txt": content}) / "trials.txt"
    if reason is None:
        assert trials(path).same.tolist() == [True]
        return
    with pytest.raises(SpeechLRPError, match=reason) as caught:
        trials(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


IDS = ["id1/v/1", "id1/v/2"]
SAID = {
    "as ids": ("1 id1/v/1 id1/v/2", IDS),
    "of another folder, with suffixes": ("1 ../wav/id1/v/1.wav /x/id1/v/2.FLAC", IDS),
    "by ways around": ("1 wav//id1//v/./1.wav id1/x/../v/2.wav", IDS),
    "as Windows has it": ("1 wav\\id1\\v\\1.wav id1\\v\\2.wav", IDS),
    "twice, in two ways": ("1 id1/v/1 id1/v/2\n1 id1/v/2.wav id1/v/1.wav", IDS),
    "of two kinds": ("1 id1/v/1 id1/v/2\n0 id1/v/2 id1/v/1", "as of one speaker and as of two"),
    "of two kinds, in two ways": ("1 id1/v/1 id1/v/2\n0 x/id1/v/1.wav id1/v/2.wav", "as of two"),
}


@pytest.mark.parametrize("name", SAID)
def test_names_in_trials_mean_recordings(lay, name):
    text, right = SAID[name]
    listed = trials(lay({"trials.txt": text}) / "trials.txt")
    if isinstance(right, str):
        with pytest.raises(SpeechLRPError, match=right):
            under_ids(listed, IDS)
        return
    renamed = under_ids(listed, IDS)
    assert renamed.names == right
    assert len(set(renamed.pairs())) == 1


ADDRESSES = (
    *(
        "",
        "example.org/x",
        "htp://example.org",
        "ftp://example.org",
        "file:///etc/passwd",
        "http://",
    ),
    *("http://[::1", "http://a:port/", "http://a:99999/", "http://a b/", "https:/example.org"),
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_of_a_wrong_form_is_told_at_once(tmp_path, address, monkeypatch):
    def get(*args, **options):
        raise AssertionError("asked")

    monkeypatch.setattr(requests.Session, "get", get)
    with pytest.raises(SpeechLRPError, match="is no address of the web"):
        fetch("audiomnist", tmp_path, base_url=address, progress=False)
    assert list(tmp_path.iterdir()) == []


class Answer:
    """What a server sends, with a length that is none."""

    status_code, headers = 200, {}

    def __init__(self, length: str) -> None:
        self.headers = {"Content-Length": length}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def raise_for_status(self):
        return None

    def iter_content(self, size):
        yield b"content"


@pytest.mark.parametrize("length", ["abc", "-5", "", "7.0", "9" * 400, "\u00b2", "7, 7"])
def test_a_length_that_is_none_is_passed_over(tmp_path, monkeypatch, length):
    monkeypatch.setattr(requests.Session, "get", lambda *args, **options: Answer(length))
    right = Checksum("md5", "9a0364b9e99bb480dd25e1f0284c8555")
    with requests.Session() as session:
        download(session, "http://example.org/a", tmp_path / "a", right)
    assert (tmp_path / "a").read_bytes() == b"content"
