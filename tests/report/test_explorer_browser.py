"""The explorer in a real browser: what it shows, does and plays, by mouse and by keyboard."""

import shutil

import numpy as np
import pytest

from speechlrp.report.explorer import Explanation, Explorer, Recording, Reply
from speechlrp.report.page import Page, Section, render

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")

F, T, RATE, ONSET = 40, 60, 8000, 0.1
FREQUENCY, TIME = 50.0 + np.arange(F) * 100.0, np.arange(T) * 0.02
CLASSES = ["left", "right"]
MARKS = [[(0.1, 0.5, "p")], [(0.1, 0.9, "word")]]
BANDS = [500, 1000]


def drawn(generator):
    return generator.normal(size=(F, T)).astype(np.float32)


def recording(i, label, probability):
    generator = np.random.default_rng(i)
    features = generator.uniform(-80, 0, (F, T)).astype(np.float32)
    maps = [
        Explanation(name, label, drawn(generator), "share", answers, "zero")
        for name, answers in (("lrp", [Reply(0.5, False, 0.1), Reply(5, True, 0.8)]), ("b", []))
    ]
    seconds = np.arange(RATE) / RATE
    sound = 0.4 * np.sin(2 * np.pi * 600 * seconds) + 0.4 * np.sin(2 * np.pi * 2500 * seconds)
    return Recording(
        f"id{i}", f"recording {i}", features, [1 - probability, probability], maps, label,
        f"s{i % 3}", "noise" if i % 2 else "", sound, RATE, ONSET, MARKS,
        {"file": f"{i}.wav"},
    )  # fmt: skip


RECORDINGS = [recording(i, CLASSES[i % 2], p) for i, p in enumerate((0.1, 0.9, 0.6, 0.3, 0.2, 0.8))]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The page; its last three recordings lie beside it."""
    folder = tmp_path_factory.mktemp("page")
    explorer = Explorer(CLASSES, FREQUENCY, TIME, "dB", RECORDINGS, [500, 1000])
    size = max(map(len, explorer.packed))
    explorer = Explorer(
        CLASSES, FREQUENCY, TIME, "dB", RECORDINGS, [500, 1000], inside_bytes=3 * size + 9
    )
    (folder / "recordings").mkdir()
    for path, text in explorer.beside.items():
        (folder / path).write_text(text)
    page = Page("A run", sections=[Section("Explorer", "Look.", [explorer])])
    (folder / "index.html").write_text(render(page), encoding="utf-8")
    return folder / "index.html"


@pytest.fixture
def opened(browser, written):
    """Opens the page; nothing may be complained of or asked for elsewhere."""
    said, asked, pages = [], [], []

    def open_at(link="", **options):
        page = browser.new_page(**{"viewport": {"width": 1200, "height": 1400}, **options})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(written.as_uri() + link)
        page.wait_for_function("speechlrp.explorers[0].entry")
        pages.append(page)
        return page

    yield open_at
    for page in pages:
        page.close()
    assert said == []
    assert not [url for url in asked if not url.startswith((written.parent.as_uri(), "data:"))]


def point(page, x, y, side="first"):
    """Where a bin's middle is on the screen."""
    return page.evaluate(
        """([x, y, side]) => {
            const explorer = speechlrp.explorers[0];
            const { picture } = explorer.pictures[side === "first" ? 0 : 1];
            const at = picture.pixel(x + 0.5, y + 0.5, explorer.zoom);
            const box = picture.canvas.getBoundingClientRect();
            return [box.left + at.x, box.top + at.y];
        }""",
        [x, y, side],
    )


def read_numbers(text):
    return [float(part.split()[-2].replace("−", "-")) for part in text.split(" · ")]


def shown(page):
    return page.evaluate("speechlrp.explorers[0].state")


@pytest.mark.parametrize(("x", "y"), [(0, 0), (7, 31), (T - 1, F - 1)])
def test_pointing_gives_the_files_own_numbers(opened, x, y):
    page = opened("#recording=id1&second=b")
    page.mouse.move(*point(page, x, y))
    found = read_numbers(page.text_content("[data-readout]"))
    one = RECORDINGS[1]
    truth = [TIME[x], FREQUENCY[y], one.features[y, x], *(m.relevance[y, x] for m in one.maps)]
    np.testing.assert_allclose(found, truth, rtol=1e-6)


def test_both_pictures_share_the_cursor(opened):
    page = opened("#second=b")
    page.mouse.move(*point(page, 5, 6, "second"))
    assert page.evaluate("speechlrp.explorers[0].cursor") == {"x": 5, "y": 6}


def test_the_keyboard_does_what_the_mouse_does(opened):
    page = opened()
    page.focus("canvas")
    for key in ("ArrowRight", "ArrowUp", "Control+ArrowLeft"):
        page.keyboard.press(key)
    cursor = {"x": T // 2 + 1 - 10, "y": F // 2 + 1}
    assert page.evaluate("speechlrp.explorers[0].cursor") == cursor
    assert "Hz" in page.text_content("[data-live]")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    t0, t1, f0, f1 = map(float, shown(page)["region"].split(","))
    np.testing.assert_allclose([t0, t1], [TIME[21] - 0.01, TIME[22] + 0.01])
    np.testing.assert_allclose([f0, f1], [FREQUENCY[21] - 50, FREQUENCY[22] + 50])
    page.keyboard.press("+")
    assert shown(page)["zoom"]
    page.keyboard.press("0")
    page.keyboard.press("Escape")
    assert (shown(page)["zoom"], shown(page)["region"]) == ("", "")


def test_dragging_selects_or_moves(opened):
    page = opened()
    page.mouse.move(*point(page, 10, 10))
    page.mouse.down()
    page.mouse.move(*point(page, 19, 29), steps=4)
    page.mouse.up()
    region = [float(value) for value in shown(page)["region"].split(",")]
    np.testing.assert_allclose(region, [TIME[10] - 0.01, TIME[19] + 0.01, 1000, 3000])
    page.click("[data-do=closer]")
    page.check("[data-set=drag][value=move]")
    before = page.evaluate("speechlrp.explorers[0].zoom.x0")
    start = page.evaluate(
        "speechlrp.explorers[0].pictures[0].picture.canvas.getBoundingClientRect().left"
    )
    page.mouse.move(start + 400, point(page, 19, 20)[1])
    page.mouse.down()
    page.mouse.move(start + 300, point(page, 19, 20)[1], steps=5)
    page.mouse.up()
    assert page.evaluate("speechlrp.explorers[0].zoom.x0") > before


def test_recordings_are_filtered_and_sorted(opened):
    page = opened()

    def listed():
        return page.locator("[data-set=recording] option").evaluate_all("o => o.map(e => e.value)")

    page.select_option("[data-filter=outcome]", "wrong")
    assert listed() == ["id2", "id3"]
    page.select_option("[data-filter=label]", label="right")
    assert listed() == ["id3"]
    assert page.text_content("[data-status]") == "1 of 6 recordings"
    page.wait_for_function("speechlrp.explorers[0].entry.id === 'id3'")
    page.select_option("[data-filter=outcome]", "")
    page.select_option("[data-filter=order]", "falling")
    assert listed() == ["id1", "id5", "id3"]
    page.select_option("[data-filter=condition]", label="noise")
    page.select_option("[data-filter=speaker]", label="s2")
    assert listed() == ["id5"]
    page.select_option("[data-filter=label]", label="left")
    assert page.text_content("[data-status]") == "No recording fits."


def test_a_recording_beside_the_page_is_loaded_when_chosen(opened):
    page = opened()
    page.select_option("[data-set=recording]", "id5")
    page.wait_for_function("speechlrp.explorers[0].entry.id === 'id5'")
    page.mouse.move(*point(page, 3, 4))
    found = read_numbers(page.text_content("[data-readout]"))
    np.testing.assert_allclose(found[2], RECORDINGS[5].features[4, 3], rtol=1e-6)


def test_a_link_leads_to_the_state_it_was_made_of(opened):
    page = opened("#recording=id2&explainer=b&sign=-1&share=0&opacity=0.5&region=0.2,0.4,500,900")
    assert page.locator("[data-set=recording]").input_value() == "id2"
    assert page.locator("[data-set=explainer]").input_value() == "b"
    assert page.is_checked("[data-set=sign][value='-1']")
    assert page.text_content("[data-of=share]") == "1 %"
    assert page.locator("[data-region=f1]").input_value() == "900"
    again = opened("#" + page.get_attribute("[data-link]", "href").removeprefix("#"))
    assert shown(again) == shown(page)


def test_probabilities_and_answers_are_told(opened):
    page = opened("#recording=id1&share=-0.3")
    assert "right (true)90.0 %" in page.text_content("[data-bars]").replace("\n", "")
    rows = page.locator("[data-flips] tr").all_text_contents()
    assert rows == [
        "bins set to zerothe network saysright then",
        "0.5 %left10.0 %",
        "5 %right80.0 %",
    ]
    assert page.text_content("[data-flips] [aria-current]").startswith("0.5 %")
    page.select_option("[data-set=explainer]", "b")
    assert page.is_hidden("[data-flips-box]")


def pixels(page, side=0):
    code = """side => { const { sheet } = speechlrp.explorers[0].pictures[side].picture;
      return [...sheet.getContext("2d").getImageData(0, 0, sheet.width, sheet.height).data]; }"""
    return np.array(page.evaluate(code, side)).reshape(F, T, 4)[::-1, :, :3]


@pytest.mark.parametrize(("sign", "share"), [(0, 1.0), (1, 0.1), (-1, 0.1), (0, 0.01)])
def test_the_strongest_bins_of_a_sign_are_coloured(opened, sign, share):
    page = opened(f"#sign={sign}&share={np.log10(100 * share):g}")
    relevance = RECORDINGS[0].maps[0].relevance
    strength = np.where(sign * relevance < 0, 0, np.abs(relevance))
    limit = np.sort(strength.ravel())[::-1][round(share * strength.size) - 1]
    expected = (strength >= limit) & (strength > 0)
    rgb = pixels(page)
    coloured = np.ptp(rgb, axis=2) > 0
    visible = strength > 0.02 * np.quantile(np.abs(relevance), 0.995)  # a shade can be seen
    np.testing.assert_array_equal(coloured[visible], expected[visible])
    red = rgb[..., 0] > rgb[..., 2]
    np.testing.assert_array_equal(red[expected & visible], relevance[expected & visible] > 0)


def reference_mask(samples, rate, onset, keep):
    """The same masked sound, by numpy's FFT."""
    size = 2 ** round(np.log2(rate * 0.032))
    hop, hann = size // 4, 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    padded = np.concatenate([np.zeros(size), samples, np.zeros(2 * size)])
    total, weight = np.zeros_like(padded), np.zeros_like(padded)
    hertz = np.arange(size // 2 + 1) * rate / size
    for start in range(hop - size, len(samples), hop):
        at = slice(start + size, start + 2 * size)
        seconds = onset + (start + size / 2) / rate
        spectrum = np.fft.rfft(padded[at] * hann) * [keep(seconds, f) for f in hertz]
        total[at] += np.fft.irfft(spectrum, size) * hann
        weight[at] += hann**2
    inside = slice(size, size + len(samples))
    return total[inside] / np.maximum(weight[inside], 1e-8)


def played(page, which):
    return np.array(page.evaluate(f"[...speechlrp.explorers[0].part('{which}')]"))


def test_a_region_is_heard_alone(opened):
    page = opened("#region=0.3,0.7,300,1000")
    sound = np.round(RECORDINGS[0].samples * 32767) / 32767
    keep = lambda t, f: 0.3 <= t <= 0.7 and 300 <= f <= 1000  # noqa: E731
    np.testing.assert_allclose(
        played(page, "region"), reference_mask(sound, RATE, ONSET, keep), atol=2e-6
    )
    spectrum = np.abs(np.fft.rfft(played(page, "region")[2400:4000]))
    assert spectrum[round(600 * 0.2)] > 100 * spectrum[round(2500 * 0.2)]


@pytest.mark.parametrize(("which", "sign"), [("for", 1), ("against", -1)])
def test_what_speaks_for_it_is_heard_alone(opened, which, sign):
    page = opened("#share=1.3")
    relevance = sign * RECORDINGS[0].maps[0].relevance
    limit = np.sort(np.maximum(relevance, 0).ravel())[::-1][round(10**1.3 / 100 * F * T) - 1]

    def keep(t, f):
        x, y = int(np.floor(t / 0.02 + 0.5)), int(np.floor((f - 50) / 100 + 0.5))
        inside = 0 <= x < T and 0 <= y < F
        return inside and relevance[y, x] >= limit and relevance[y, x] > 0

    sound = np.round(RECORDINGS[0].samples * 32767) / 32767
    truth = reference_mask(sound, RATE, ONSET, keep)
    assert np.corrcoef(played(page, which), truth)[0, 1] > 0.999


def test_all_of_it_is_the_sound_itself(opened):
    page = opened("#region=-1,5,-10,9000")
    sound = np.round(RECORDINGS[0].samples * 32767) / 32767
    np.testing.assert_allclose(played(page, "region"), sound, atol=1e-6)


def test_the_playhead_moves_and_stops(opened):
    page = opened()
    page.click("[data-do=play]")
    page.wait_for_function("speechlrp.explorers[0].player.at > 0.05")
    page.click("[data-do=stop]")
    assert page.evaluate("speechlrp.explorers[0].player.at") is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_sticks_out_and_axe_has_nothing_to_say(opened, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = opened("#second=b", viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    results = axe.Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_colours_follow_light_and_dark(opened):
    light = pixels(opened(color_scheme="light"))
    dark = pixels(opened(color_scheme="dark"))
    quiet = RECORDINGS[0].features < -70
    assert light[quiet].mean() > dark[quiet].mean()
