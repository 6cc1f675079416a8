"""What the explorer's page is given: numbers to the last bit, text that stays text."""

import base64
import json
import zlib

import numpy as np
import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.report.explorer import Explanation, Explorer, Recording, Reply, pack
from speechlrp.report.page import Page, Section, render

FREQUENCY, TIME = np.arange(4) * 100.0, np.arange(6) * 0.01
VALUES = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)


def recording(name="a", **more):
    maps = [Explanation("lrp", "yes", -VALUES, "share", [Reply(1.0, True, 0.6)], "zero")]
    return Recording(name, name, VALUES, [0.25, 0.75], maps, **more)


def explorer(*recordings, **more):
    return Explorer(["no", "yes"], FREQUENCY, TIME, "dB", recordings or [recording()], **more)


def unpacked(text):
    raw = zlib.decompress(base64.b64decode(text), wbits=-15)
    count = VALUES.size
    maps = [
        np.frombuffer(raw, np.uint8, 4 * count, 4 * count * i).reshape(4, count).T.copy()
        for i in range(2)
    ]
    return [m.view("<f4").reshape(VALUES.shape) for m in maps], np.frombuffer(
        raw[8 * count :], "<i2"
    )


def test_numbers_are_packed_to_the_last_bit():
    samples = np.array([0.0, 0.5, -1.0, 2.0, np.nan])
    (features, relevance), sound = unpacked(pack(recording(samples=samples, rate=8000)))
    np.testing.assert_array_equal(features, VALUES)
    np.testing.assert_array_equal(relevance, -VALUES)
    assert sound.tolist() == [0, 16384, -32767, 32767, 0]


def test_the_index_says_what_is_known():
    index = json.loads(explorer(recording(label="no", speaker="12", marks=[[(0, 0.1, "a")]])).index)
    (entry,) = index["recordings"]
    assert entry["predicted"] == "yes"
    assert (entry["label"], entry["speaker"], entry["marks"]) == ("no", "12", [[[0, 0.1, "a"]]])
    assert entry["maps"][0]["answers"] == [{"percent": 1, "correct": True, "probability": 0.6}]
    assert entry["maps"][0]["baseline"] == "zero"
    assert index["frequency"] == FREQUENCY.tolist()


@pytest.mark.parametrize("words", ["</script><script>alert(1)</script>", "<!--", "a & b", "\u2028"])
def test_no_name_becomes_markup(words):
    html = render(Page(words, sections=[Section("s", blocks=[explorer(recording(words))])]))
    assert "<script>alert" not in html
    assert html.count("</script>") == html.count("<script")
    begin = html.index("data-index>") + len("data-index>")
    index = json.loads(html[begin : html.index("</script>", begin)])
    assert index["recordings"][0]["name"] == words


def test_what_does_not_fit_the_page_lies_beside_it():
    many = [recording(f"r{i}") for i in range(5)]
    size = len(pack(many[0]))
    some = explorer(*many, inside_bytes=3 * size)
    assert list(some.inside) == ["recording-0", "recording-1", "recording-2"]
    assert list(some.beside) == ["recordings/3.js", "recordings/4.js"]
    assert some.beside["recordings/3.js"].startswith('speechlrp.receive("r3", ')
    assert list(explorer(*many, inside_bytes=0).inside) == ["recording-0"]


def test_a_page_without_an_explorer_has_no_script():
    assert "<script" not in render(Page("t", sections=[Section("s")]))


@pytest.mark.parametrize(
    ("recordings", "message"),
    [
        ([], "no recording to explore"),
        ([recording("a"), recording("a")], "two recordings have the id 'a'"),
        ([Recording("a", "a", VALUES[:2], [1.0], [])], r"\(2, 6\) does not fit axes of \(4, 6\)"),
    ],
)
def test_what_cannot_be_shown_is_refused(recordings, message):
    with pytest.raises(SpeechLRPError, match=message):
        Explorer(["no", "yes"], FREQUENCY, TIME, "dB", recordings)
