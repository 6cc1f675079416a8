import base64
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from speechlrp.report import blocks
from speechlrp.report import page as pages
from speechlrp.report.style import figure, figure_png

VOID = {"meta", "img", "br", "link", "hr", "input"}
EVIL = "data/<script>alert('x')</script>\".wav"


class Outline(HTMLParser):
    """Checks nesting and collects what the page refers to."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.sources, self.ids, self.links = [], [], [], [], []
        self.images = []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(attrs)
        self.sources += [attrs["src"]] if "src" in attrs else []
        self.links += [attrs["href"]] if "href" in attrs else []
        self.ids += [attrs["id"]] if "id" in attrs else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def outline(html):
    parser = Outline()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


@pytest.fixture
def page():
    drawn = blocks.Figure(
        figure_png(figure()), f"caption {EVIL}", f"alt {EVIL}", ("reference max",)
    )
    return pages.Page(
        title=f"Run {EVIL}",
        subtitle="a sentence",
        facts={"accuracy": "97.83 %", EVIL: EVIL},
        sections=[
            pages.Section(
                "Flip it!",
                "First.\n\nSecond.",
                [
                    blocks.Text(EVIL),
                    drawn,
                    blocks.Table(pd.DataFrame({"id": [EVIL]}), "left out", note=EVIL),
                    blocks.Folded(f"more {EVIL}", [drawn, blocks.Text(EVIL)]),
                ],
            ),
            pages.Section("Flip it?"),
        ],
        details={"config": f"path: {EVIL}"},
    )


def test_the_page_is_well_formed_and_lists_its_contents(page):
    found = outline(pages.render(page))
    assert found.links == ["#flip-it", "#flip-it-2", "#details-of-the-run"]
    assert found.ids == ["flip-it", "flip-it-2", "details-of-the-run"]
    assert found.tags.count("table") == 1
    assert found.tags.count("details") == 2


def test_nothing_comes_from_elsewhere(page):
    html = pages.render(page)
    assert all(source.startswith("data:") for source in outline(html).sources)
    bare = re.sub(r"data:[a-z/+]+;base64,[A-Za-z0-9+/=]+", "", html)
    assert len(bare) < len(html)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<link", bare, re.IGNORECASE)


def test_text_cannot_become_markup(page):
    html = pages.render(page)
    assert "script" not in outline(html).tags
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_every_figure_has_its_alt_text_caption_and_conditions(page):
    html = pages.render(page)
    images = outline(html).images
    assert [image["alt"] for image in images] == [f"alt {EVIL}"] * 2
    assert html.count('<span class="tag">reference max</span>') == 2
    assert base64.b64decode(images[0]["src"].partition(",")[2]).startswith(b"\x89PNG")


def test_an_introduction_is_split_into_paragraphs(page):
    html = pages.render(page)
    assert "<p>First.</p>" in html
    assert "<p>Second.</p>" in html


def test_an_empty_page_is_a_page():
    assert outline(pages.render(pages.Page("nothing yet"))).tags.count("h1") == 1


def test_the_style_follows_light_and_dark_and_narrow_screens(page):
    html = pages.render(page)
    assert "prefers-color-scheme: dark" in html
    assert 'name="viewport"' in html


def test_figures_know_their_width_in_inches():
    assert blocks.Figure(figure_png(figure(width=5)), "", "").inches == 5


def test_long_table_is_cut_and_says_so():
    rows = blocks.MOST_ROWS
    whole, long = (blocks.Table(pd.DataFrame({"n": range(n)}), "t") for n in (rows, rows + 5))
    assert whole.html.count("<tr>") == long.html.count("<tr>") == rows + 1
    said = f"The first {rows} of {rows + 5} rows."
    assert said not in whole.html
    assert said in long.html
    section = pages.Section("S", "", [long])
    assert said in pages.render(pages.Page("P", "p", {}, [section], {}))


def test_headings_stand_in_the_contents(page):
    some = [blocks.Heading("lrp, of test"), blocks.Text("x"), blocks.Heading("lrp, of test")]
    html = pages.render(pages.Page("t", sections=[pages.Section("Explanations", blocks=some)]))
    found = outline(html)
    assert found.links == ["#explanations", "#lrp-of-test", "#lrp-of-test-2"]
    assert found.ids == ["explanations", "lrp-of-test", "lrp-of-test-2"]


def test_a_term_is_explained_where_it_first_stands_and_only_there():
    parts = [blocks.Text("LRP hands <b>."), blocks.Banner("LRP and lrp_rev.", "note")]
    html = pages.render(pages.Page("t", sections=[pages.Section("s", "An intro.", parts)]))
    assert html.count("layer-wise relevance propagation") == 1
    assert html.index("<dfn>LRP</dfn>") < html.index("<dfn>lrp_rev</dfn>")
    assert "hands &lt;b&gt;" in html


def test_long_tables_are_folded():
    def shown(rows):
        table = blocks.Table(pd.DataFrame({"n": range(rows)}), "c")
        return pages.render(pages.Page("t", sections=[pages.Section("s", blocks=[table])]))

    assert "<summary>13 rows</summary>" in shown(13)
    assert "<summary>" not in shown(12)


def test_figures_are_small_on_the_page_and_lead_to_the_whole():
    drawn = figure()
    drawn.add_subplot().imshow(np.random.default_rng(0).normal(size=(40, 40)))
    image = figure_png(drawn)
    assert len(blocks.fewer_colours(image)) < len(image)
    block = blocks.Figure(image, "c", "a", file="figures/x.png")
    html = pages.render(pages.Page("t", sections=[pages.Section("s", blocks=[block])]))
    assert '<a href="figures/x.png"' in html


@pytest.mark.parametrize(("weight", "word"), [("warning", "Caution:"), ("note", "Note:")])
def test_banners_say_what_they_are(weight, word):
    parts = [blocks.Banner(EVIL, weight)]
    html = pages.render(pages.Page("t", sections=[pages.Section("s", blocks=parts)]))
    assert f"<strong>{word}</strong>" in html
    assert EVIL not in html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("give `--baseline <b>` now", "give <code>--baseline &lt;b&gt;</code> now"),
        ("a class `quiet", "a class `quiet"),
        ("`flip` and a label", "<code>flip</code> and a label"),
    ],
)
def test_commands_in_backticks_are_code_and_hold_no_explanation(text, html):
    assert pages.Glossary().explained(text) == html
