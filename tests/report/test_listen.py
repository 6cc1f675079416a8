"""Tables of players: a sound in every cell, linked from where the page is."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd

from speechlrp.report.listen import listening
from speechlrp.report.page import Page, render

SETTINGS = {"strength": 2.0, "share": 0.1, "floor_db": -30.0}
COLUMNS = [
    *("file", "source", "what", "letter", "place", "beside", "seconds", "distance_db"),
    *("heard", "score"),
]
ROWS = [
    ("patterns/all-none.wav", "patterns", "all letters", None, "none", None, 1.0, 0.5, "", np.nan),
    (
        "patterns/a-none.wav",
        "patterns",
        "pattern",
        "a",
        "none",
        "patterns/all-none.wav",
        1,
        1.25,
        "",
        np.nan,
    ),
    (None, "patterns", "pattern", "q", "none", "patterns/all-none.wav", 0.0, np.nan, "", np.nan),
    (
        "maximized/8-3.wav",
        "maximized",
        "wanted",
        "a",
        "layer 8, neuron 3",
        None,
        0.9,
        2.0,
        "",
        np.nan,
    ),
    ("utterances/x y-whole.wav", "utterances", "whole", "<b>", "x y", "", 2.5, np.nan, "<i>", 0.5),
    ("utterances/x y-for.wav", "utterances", "for", "<b>", "x y", "", 2.5, np.nan, "b", 0.25),
    ("recordings/r-whole.wav", "recordings", "whole", "yes", "r", "", 1.0, np.nan, "no", 0.25),
    ("", "recordings", "for", "yes", "r", "", 0.0, np.nan, "", np.nan),
]
INDEX = pd.DataFrame(ROWS, columns=COLUMNS)


class _Audio(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "audio":
            about = dict(attrs)
            self.found[about["aria-label"]] = about["src"]


def test_every_sound_has_a_player_that_is_linked():
    sections = listening(INDEX, SETTINGS, "../listen/here/")
    assert len(sections) == 4
    page = render(Page("t", sections=sections))
    assert _Audio(page).found == {
        "all letters, none": "../listen/here/patterns/all-none.wav",
        "a, none": "../listen/here/patterns/a-none.wav",
        "layer 8, neuron 3, what it wants": "../listen/here/maximized/8-3.wav",
        "x y: <b>, whole": "../listen/here/utterances/x%20y-whole.wav",
        "x y: <b>, only what speaks for it": "../listen/here/utterances/x%20y-for.wav",
        "r: yes, whole": "../listen/here/recordings/r-whole.wav",
    }
    assert "<b>" not in page
    assert "‘&lt;i&gt;’: 50% of the letters wrong" in page
    assert "<bdi>yes</bdi> 25.0%; the network says <bdi>no</bdi>" in page
    assert "1.00 s, 1.2 dB" in page


def test_a_letter_that_never_occurs_says_so():
    (section,) = listening(INDEX[INDEX.source == "patterns"], SETTINGS)
    html = section.blocks[0].html
    assert re.search(r'<th scope="row">q</th><td>no frame</td>', html)
    assert "2 deviations" in section.intro


def test_a_missing_sound_leaves_its_cell_empty():
    (section,) = listening(INDEX[INDEX.source == "utterances"], SETTINGS)
    players = section.blocks[0]
    assert players.columns == ["whole", "only what speaks for it", "only what speaks against it"]
    assert players.html.count("<td></td>") == 1
    assert "10% of a recording" in section.intro
    assert "by 30 dB" in section.intro


def test_where_no_bin_speaks_so_the_cell_says_it():
    (section,) = listening(INDEX[INDEX.source == "recordings"], SETTINGS)
    assert "no bin speaks so" in section.blocks[0].html
