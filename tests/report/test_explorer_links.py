"""The explorer in a real browser: a link leads to any of its states."""

import pytest
from toy_explorer import CHROMIUM, F, T

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")


def test_a_link_leads_to_the_state_it_was_made_of(opened):
    page = opened("#recording=id2&explainer=b&sign=-1&share=0&opacity=0.5&region=0.2,0.4,500,900")
    assert page.locator("[data-set=recording]").first.input_value() == "id2"
    assert page.locator("[data-set=explainer] >> nth=0").input_value() == "b"
    assert page.is_checked("[data-set=sign][value='-1'] >> nth=0")
    assert page.text_content("[data-of=share] >> nth=0") == "1 %"
    assert page.locator("[data-region=f1]").first.input_value() == "900"
    again = opened("#" + page.get_attribute("[data-link] >> nth=0", "href").removeprefix("#"))
    state = "speechlrp.explorers[0].state"
    assert again.evaluate(state) == page.evaluate(state)


@pytest.mark.parametrize(
    "link",
    ["sign=5", "sign=%22", "drag=x", "share=", "opacity=-1", "toString=x", "zoom=1,1,0,0",
     "zoom=9,9,9,9", "zoom=-5,-4,-100,-50", "region=1,2,3", "region=a,b,c,d", "recording=nope",
     "explainer=nope&beside=nope,b,b", "other=nope&class=nope"],
)  # fmt: skip
def test_a_link_that_says_nonsense_leads_to_what_there_is(opened, link):
    page = opened(f"#{link}")
    ends = {"x0": 0, "x1": T, "y0": 0, "y1": F}
    assert page.evaluate("speechlrp.explorers[0].zoom") == ends
    assert page.evaluate("speechlrp.explorers[0].region") is None
    state = page.evaluate("speechlrp.explorers[0].state")
    assert (state["recording"], state["explainer"]) == ("id0", "lrp")
    assert (state["sign"], state["drag"], state["share"], state["opacity"]) == (
        "0", "select", "2", "1")  # fmt: skip


def test_a_region_told_backwards_is_the_same(opened):
    there, back = opened("#region=0.2,0.4,500,900"), opened("#region=0.4,0.2,900,500")
    code = "[speechlrp.explorers[0].region, [...speechlrp.explorers[0].part('region')]]"
    assert there.evaluate(code) == back.evaluate(code)
