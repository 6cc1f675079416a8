"""What the explorer's page is given, and text that stays text."""

import json

import numpy as np
import pytest

from speechlrp.report.explorer import Explorer
from speechlrp.report.packing import Explanation, Recording
from speechlrp.report.page import Page, Section, render

FREQUENCY, TIME = np.arange(4) * 100.0, np.arange(6) * 0.01
VALUES = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)


def recording(name="a", **more):
    maps = [Explanation("lrp", "yes", -VALUES, "share", [(1.0, True, 0.6)], "zero")]
    return Recording(name, name, VALUES, [0.25, 0.75], maps, **more)


def explorer(*recordings, **more):
    return Explorer(["no", "yes"], FREQUENCY, TIME, "dB", recordings or [recording()], **more)


def test_the_index_says_what_is_known():
    index = json.loads(explorer(recording(label="no", speaker="12", marks=[[(0, 0.1, "a")]])).index)
    (entry,) = index["recordings"]
    assert entry["predicted"] == "yes"
    assert (entry["label"], entry["speaker"], entry["marks"]) == ("no", "12", [[[0, 0.1, "a"]]])
    assert entry["maps"][0]["answers"] == [[1.0, 1, 0.6]]
    assert entry["probabilities"] == [["no", 0.25], ["yes", 0.75]]
    assert entry["sure"] == 0.25
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


def test_of_many_classes_the_likeliest_and_the_true_one_are_told():
    classes = [f"c{i}" for i in range(50)]
    probabilities = np.linspace(0, 1, 50) / 25
    one = Recording("a", "a", VALUES, probabilities, [], label="c3")
    (entry,) = json.loads(Explorer(classes, FREQUENCY, TIME, "dB", [one]).index)["recordings"]
    names = [name for name, _ in entry["probabilities"]]
    assert names == [*(f"c{i}" for i in range(49, 41, -1)), "c3"]


def noise(i):
    generator = np.random.default_rng(i)
    values = generator.normal(size=(40, 60)).astype(np.float32)
    maps = [Explanation(name, "yes", generator.permuted(values)) for name in "abcd"]
    return Recording(f"r{i}", f"r{i}", values, [0.25, 0.75], maps)


def test_what_does_not_fit_the_page_lies_beside_it():
    many = [noise(i) for i in range(6)]
    axes = np.arange(40.0), np.arange(60.0)

    def made(room):
        return Explorer(["no", "yes"], *axes, "dB", many, inside_bytes=room)

    whole = made(10**7)
    assert [light for _, light in whole.packed] == [None] * 6
    assert list(whole.beside) == []
    exact = len(whole.index) + sum(map(len, whole.inside.values()))
    lights = made(exact // 2)
    assert len(lights.inside) == 6
    assert all(light for _, light in lights.packed)
    assert [path for path, _ in lights.beside] == [f"recordings/explorer-{i}.js" for i in range(6)]
    assert next(lights.beside)[1].startswith('speechlrp.receive("r0", ')
    assert len(lights.index) + sum(map(len, lights.inside.values())) <= exact // 2
    few = made(exact // 10)
    assert 0 < len(few.inside) < 6
    assert len(list(few.beside)) == 6
    assert list(made(0).inside) == ["explorer-0"]


def test_a_page_without_an_explorer_has_no_script():
    assert "<script" not in render(Page("t", sections=[Section("s")]))
