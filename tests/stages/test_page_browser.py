"""A run's own page in a real browser: what it tells is what the run's files hold."""

import shutil

import h5py
import numpy as np
import pytest

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.relevance import Maps

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")

POINT = """([x, y]) => {
    const explorer = speechlrp.explorers[0], { picture } = explorer.sides[0];
    const at = picture.pixel(x + 0.5, y + 0.5, explorer.zoom);
    const box = picture.canvas.getBoundingClientRect();
    return [box.left + at.x, box.top + at.y];
}"""


@pytest.fixture
def page(finished):
    """The page, about which nobody complains and which asks for nothing from elsewhere."""
    said, asked = [], []
    home = (finished.run / "report").as_uri()
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 2600})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{home}/index.html")
        page.wait_for_function("speechlrp.explorers.every((one) => one.shown)")
        yield page
        browser.close()
    assert said == []
    assert [url for url in asked if not url.startswith((home, "data:", "blob:"))] == []


def test_pointing_tells_the_numbers_of_the_hdf5_files(page, finished):
    with h5py.File(finished.run / "explain/train-lrp-test/relevance.h5") as file:
        table, probability = read_table(file), file["probability"][:]
        relevance, axes = Maps(file)[:], (file["time"][:], file["frequency"][:])
    with h5py.File(finished.features / "features.h5") as file:
        features = dict(zip(read_table(file).id, file["features"][:], strict=True))
    for row, x, y in ((0, 5, 40), (len(table) - 1, 33, 2)):
        one = table.iloc[row]
        page.select_option("[data-set=recording] >> nth=0", one.id)
        page.wait_for_function(f"speechlrp.explorers[0].entry.id === '{one.id}'")
        page.wait_for_function("speechlrp.explorers[0].shown[0].data.exact")
        page.mouse.move(*page.evaluate(POINT, [x, y]))
        told = page.text_content("[data-readout] >> nth=0").split(" · ")
        found = [float(part.split(" re ")[0].split()[0]) for part in told[:2]]
        level = float(told[2].replace("−", "-").split()[0])
        value = float(told[3].replace("−", "-").removeprefix("lrp ").split()[0])
        truth = [axes[0][x], axes[1][y], features[one.id][0, y, x], relevance[row, 0, y, x]]
        np.testing.assert_allclose([*found, level, value], truth, rtol=1e-6, atol=1e-30)
        bars = page.locator("[data-bars-box] >> nth=0 >> tr").all_text_contents()
        assert f"{100 * probability[row, 0]:.1f} %" in bars[0]
