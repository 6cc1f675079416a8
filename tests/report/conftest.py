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


@pytest.fixture(scope="module")
def kept(browser):
    """The pages there are: to open one anew costs three times what loading it does."""
    return []


@pytest.fixture
def opened(browser, kept, written):
    """Opens the page; nothing may be complained of or asked for elsewhere."""
    said, asked, free, watched = [], [], list(kept), []
    watch = {
        "console": lambda message: said.append(message.text),
        "pageerror": lambda error: said.append(str(error)),
        "request": lambda request: asked.append(request.url),
    }

    def open_at(link="", path=written, width=1200, height=1400, color_scheme="light"):
        if not free:
            kept.append(browser.new_page())
            free.append(kept[-1])
        page = free.pop()
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=color_scheme)
        for event, hear in watch.items():
            page.on(event, hear)
        watched.append((page, path.parent.as_uri()))
        page.goto(path.as_uri() + link)
        page.wait_for_function("speechlrp.explorers.every((one) => one.shown)")
        return page

    yield open_at
    homes = tuple(home for _, home in watched)
    for page, _ in watched:
        for event, hear in watch.items():
            page.remove_listener(event, hear)
        page.goto("about:blank")
    assert said == []
    assert not [url for url in asked if not url.startswith((*homes, "data:", "blob:"))]
