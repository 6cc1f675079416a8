from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from toy_explorer import CHROMIUM, RECORDINGS, write

PERCENTS = (0.0, 0.5, 1.0, 5.0, 30.0)
CURVES = {"lrp": (0.9, 0.5, 0.2, 0.1, 0.1), "lrp_rev": (0.9, 0.9, 0.9, 0.9, 0.9)}


def make_curve(**columns: str) -> pd.DataFrame:
    rows = [
        {"strategy": name, "repeat": 0, "percent": p, "bins": round(p * 10), "accuracy": a}
        for name, values in CURVES.items()
        for p, a in zip(PERCENTS, values, strict=True)
    ]
    for repeat, shift in enumerate((-0.02, 0.02)):
        rows += [
            {"strategy": "random", "repeat": repeat, "percent": p, "bins": round(p * 10),
             "accuracy": 0.8 + shift * (p > 0)}
            for p in PERCENTS
        ]  # fmt: skip
    return pd.DataFrame(rows).assign(**{"baseline": "zero", **columns})


@pytest.fixture
def curve() -> pd.DataFrame:
    return make_curve()


@pytest.fixture
def axes_hz_s() -> tuple[np.ndarray, np.ndarray]:
    return np.arange(4) * 100.0, 0.01 + np.arange(5) * 0.02


@pytest.fixture
def curve_maker():
    return make_curve


@pytest.fixture(scope="module")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The page, which holds all numbers."""
    return write(tmp_path_factory.mktemp("page"), 10**7)[0]


@pytest.fixture(scope="module")
def light(tmp_path_factory):
    """A page that holds some recordings lightly packed, and of the last ones nothing."""
    page, explorer = write(tmp_path_factory.mktemp("light"), 60_000)
    assert 1 < len(explorer.inside) < len(RECORDINGS)
    return page


@pytest.fixture
def opened(browser, written):
    """Opens the page; nothing may be complained of or asked for elsewhere."""
    said, asked, pages = [], [], []

    def open_at(link="", path=written, **options):
        page = browser.new_page(**{"viewport": {"width": 1200, "height": 1400}, **options})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append((request.url, path.parent.as_uri())))
        page.goto(path.as_uri() + link)
        page.wait_for_function("speechlrp.explorers.every((one) => one.shown)")
        pages.append(page)
        return page

    yield open_at
    for page in pages:
        page.close()
    assert said == []
    assert not [url for url, home in asked if not url.startswith((home, "data:", "blob:"))]
