"""The explorer in a real browser: what it shows, does and plays, by mouse and by keyboard."""

import numpy as np
import pytest
from toy_explorer import CHROMIUM, FREQUENCY, MARKS, ONSET, RATE, RECORDINGS, TIME, F, T, patterns

from speechlrp.measures.segments import segments

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium")


def point(page, x, y, side=0):
    """Where a bin's middle is on the screen."""
    return page.evaluate(
        """([x, y, side]) => {
            const explorer = speechlrp.explorers[0];
            const { picture } = explorer.sides[side];
            const at = picture.pixel(x + 0.5, y + 0.5, explorer.zoom);
            const box = picture.canvas.getBoundingClientRect();
            return [box.left + at.x, box.top + at.y];
        }""",
        [x, y, side],
    )


def read_numbers(text):
    parts = [part for part in text.split(" · ") if not part.startswith("“")]
    return [float(part.split()[-2].replace("−", "-")) for part in parts]


def shown(page):
    return page.evaluate("speechlrp.explorers[0].state")


@pytest.mark.parametrize(("x", "y"), [(0, 0), (7, 31), (T - 1, F - 1)])
def test_pointing_gives_the_files_own_numbers(opened, x, y):
    page = opened("#recording=id1&beside=b")
    page.mouse.move(*point(page, x, y))
    found = read_numbers(page.text_content("[data-readout] >> nth=0"))
    one = RECORDINGS[1]
    truth = [TIME[x], FREQUENCY[y], one.features[y, x], *(m.relevance[y, x] for m in one.maps)]
    np.testing.assert_allclose(found, truth, rtol=1e-6)


def test_both_pictures_share_the_cursor(opened):
    page = opened("#beside=b")
    page.mouse.move(*point(page, 5, 6, side=1))
    assert page.evaluate("speechlrp.explorers[0].cursor") == {"x": 5, "y": 6}


def test_the_keyboard_does_what_the_mouse_does(opened):
    page = opened()
    page.focus("canvas >> nth=0")
    for key in ("ArrowRight", "ArrowUp", "Control+ArrowLeft"):
        page.keyboard.press(key)
    cursor = {"x": T // 2 + 1 - 10, "y": F // 2 + 1}
    assert page.evaluate("speechlrp.explorers[0].cursor") == cursor
    assert "Hz" in page.text_content("[data-live] >> nth=0")
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
    page.click("[data-do=closer] >> nth=0")
    page.check("[data-set=drag][value=move] >> nth=0")
    before = page.evaluate("speechlrp.explorers[0].zoom.x0")
    start = page.evaluate(
        "speechlrp.explorers[0].sides[0].picture.canvas.getBoundingClientRect().left"
    )
    page.mouse.move(start + 400, point(page, 19, 20)[1])
    page.mouse.down()
    page.mouse.move(start + 300, point(page, 19, 20)[1], steps=5)
    page.mouse.up()
    assert page.evaluate("speechlrp.explorers[0].zoom.x0") > before


def test_recordings_are_filtered_and_sorted(opened):
    page = opened()

    def listed():
        return page.locator("[data-set=recording] >> nth=0 >> option").evaluate_all(
            "o => o.map(e => e.value)"
        )

    first = page.text_content("[data-set=recording] >> nth=0 >> option >> nth=0")
    assert first == "recording 0 · \u2068left\u2069 90 %"  # isolated: no word turns the number
    page.select_option("[data-filter=outcome] >> nth=0", "wrong")
    assert listed() == ["id2", "id3"]
    page.select_option("[data-filter=label] >> nth=0", label="right")
    assert listed() == ["id3"]
    assert page.text_content("[data-status] >> nth=0") == "1 of 6 recordings"
    page.wait_for_function("speechlrp.explorers[0].entry.id === 'id3'")
    page.select_option("[data-filter=outcome] >> nth=0", "")
    page.select_option("[data-filter=order] >> nth=0", "falling")
    assert listed() == ["id1", "id5", "id3"]
    page.select_option("[data-filter=condition] >> nth=0", label="noise")
    page.select_option("[data-filter=speaker] >> nth=0", label="s2")
    assert listed() == ["id5"]
    page.select_option("[data-filter=label] >> nth=0", label="left")
    assert page.text_content("[data-status] >> nth=0") == "No recording fits."


def whole(page):
    page.wait_for_function("speechlrp.explorers[0].shown.every(({ data }) => data.exact)")


@pytest.mark.parametrize("i", [1, 5])
def test_of_a_recording_beside_the_page_the_files_own_numbers_are_shown(opened, light, i):
    page = opened(path=light)
    page.select_option("[data-set=recording] >> nth=0", f"id{i}")
    page.wait_for_function(f"speechlrp.explorers[0].entry.id === 'id{i}'")
    whole(page)
    page.mouse.move(*point(page, 3, 4))
    found = read_numbers(page.text_content("[data-readout] >> nth=0"))
    one = RECORDINGS[i]
    expected = [one.features[4, 3], one.maps[0].relevance[4, 3]]
    np.testing.assert_allclose(found[2:], expected, rtol=1e-6)


def test_alone_the_page_shows_rounded_numbers_and_says_so(browser, light, tmp_path):
    (tmp_path / "index.html").write_bytes(light.read_bytes())
    page = browser.new_page(viewport={"width": 1200, "height": 1400})
    page.goto((tmp_path / "index.html").as_uri() + "#recording=id1")
    status = page.locator("[data-status]").first
    sync_api.expect(status).to_contain_text("rounded: recordings/explorer-1.js is not beside")
    page.mouse.move(*point(page, 3, 4))
    text = page.text_content("[data-readout] >> nth=0")
    level, relevance = RECORDINGS[1].features[4, 3], RECORDINGS[1].maps[0].relevance[4, 3]
    found = read_numbers(text)
    assert text.count("≈") == 2
    np.testing.assert_allclose(found[2], level, atol=0.7)
    np.testing.assert_allclose(found[3], relevance, atol=0.3)
    page.select_option("[data-set=recording] >> nth=0", "id5")
    sync_api.expect(status).to_contain_text("recordings/explorer-5.js is not beside this page")
    page.close()


def test_two_recordings_stand_beside_each_other_with_one_cursor_and_are_heard_apart(opened):
    page = opened("#recording=id0&other=id3&beside=b")
    assert page.locator("[data-explorer] >> nth=0 >> figure:visible").count() == 4
    page.mouse.move(*point(page, 7, 8, side=3))
    found = read_numbers(page.text_content("[data-readout] >> nth=0"))
    truth = [array[8, 7] for i in (0, 3) for array in RECORDINGS[i].arrays]
    np.testing.assert_allclose(found[2:], truth, rtol=1e-6)
    page.locator("canvas >> nth=3").focus()
    assert "id3" not in page.text_content("[data-facts-box] >> nth=0")
    assert "3.wav" in page.text_content("[data-facts-box] >> nth=0")
    page.locator("canvas >> nth=0").click()
    assert "0.wav" in page.text_content("[data-facts-box] >> nth=0")
    page.locator("[data-set=other] >> nth=0").select_option("")
    page.uncheck("[data-beside] input[value=b] >> nth=0")
    assert page.locator("[data-explorer] >> nth=0 >> figure:visible").count() == 1


def test_explainers_are_put_beside_by_keyboard(opened):
    page = opened()
    page.locator("[data-beside] input[value=b] >> nth=0").focus()
    page.keyboard.press("Space")
    assert shown(page)["beside"] == "b"
    assert page.locator("[data-explorer] >> nth=0 >> figure:visible").count() == 2


def test_what_words_and_phonemes_hold_is_told(opened):
    page = opened("#recording=id2")
    one = RECORDINGS[2]
    profile = np.abs(one.maps[0].relevance).sum(0)
    for row, (begin, end, label) in zip((1, 2), (MARKS[0][0], MARKS[1][0]), strict=True):
        (truth,) = segments(profile, TIME, [(begin, end, label)], (ONSET, ONSET + 1)).itertuples()
        told = page.locator("[data-spoken-box] tr").nth(row).locator("th, td").all_text_contents()
        expected = [label, ("phoneme", "word")[row - 1], f"{begin - ONSET:.2f}"]
        expected += [f"{100 * truth.relevance_share:.1f} %", f"{100 * truth.time_share:.1f} %"]
        assert told == [*expected, f"{truth.ratio:.2f}"]
    page.mouse.move(*point(page, 20, 8))
    assert "“p” " in page.text_content("[data-readout] >> nth=0")


def test_patterns_have_no_spectrogram_and_no_sound(opened):
    page = opened("#view=patterns&recording=t")
    assert [page.is_visible(f"[data-signs] >> nth={i}") for i in (0, 1)] == [True, False]
    state = page.evaluate("speechlrp.explorers[1].state")
    assert (state["recording"], state["beside"]) == ("t", "max")
    letters = page.locator("[data-set=recording] >> nth=1 >> option")
    assert letters.all_text_contents() == ["a", "t"]
    assert shown(page)["recording"] == "id0"
    assert page.locator("[data-sounds] >> nth=1").is_hidden()
    assert page.locator("[data-explorer] >> nth=1 >> figure:visible").count() == 2
    page.locator("[data-explorer] >> nth=1 >> canvas >> nth=0").focus()
    page.keyboard.press("ArrowLeft")
    text = page.text_content("[data-readout] >> nth=1")
    assert "NaN" not in text
    relevance = patterns()[1].maps[0].relevance[F // 2, T // 2 - 1]
    np.testing.assert_allclose(read_numbers(text)[2], relevance, rtol=1e-6)


def test_the_view_follows_the_keyboard(opened):
    page = opened()
    page.focus("canvas >> nth=0")
    page.keyboard.press("+")
    for key in ("ArrowRight", "ArrowUp"):
        for _ in range(F):
            page.keyboard.press(key)
    zoom = page.evaluate("speechlrp.explorers[0].zoom")
    np.testing.assert_allclose([zoom["x1"], zoom["y1"]], [T, F], atol=1e-4)
    assert min(zoom["x0"], zoom["y0"]) > 0


def test_of_samples_a_stretch_is_zoomed_into_and_heard(opened):
    page = opened("#view=samples")
    page.click("[data-do=closer] >> nth=2")
    zoom = page.evaluate("speechlrp.explorers[2].zoom")
    assert zoom == {"x0": RATE / 4, "x1": RATE * 3 / 4, "y0": 0, "y1": 1}
    page.fill("[data-region=t0] >> nth=2", "0.25")
    page.fill("[data-region=t1] >> nth=2", "0.5")
    assert page.is_hidden("[data-region=f0] >> nth=2")
    sound = np.array(page.evaluate("[...speechlrp.explorers[2].part('region')]"))
    inside = slice(RATE // 4 + 300, RATE // 2 - 300)
    np.testing.assert_allclose(sound[inside], RECORDINGS[0].samples[inside], atol=1e-4)
    assert np.abs(sound[: RATE // 4 - 300]).max() == 0


def test_probabilities_and_answers_are_told(opened):
    page = opened("#recording=id1&share=-0.3")
    assert "right (true)90.0 %" in page.text_content("[data-bars-box] >> nth=0").replace("\n", "")
    rows = page.locator("[data-flips-box] tr").all_text_contents()
    assert rows == [
        "bins set to zerothe network saysright then",
        "0.5 %left10.0 %",
        "5 %right80.0 %",
    ]
    assert page.text_content("[data-flips-box] [aria-current]").startswith("0.5 %")
    told = page.text_content("[data-flips-box] p >> nth=0")
    assert told == "Without the strongest 0.5 %, the network says left: right has 10.0 %."
    page.select_option("[data-set=explainer] >> nth=0", "b")
    assert page.is_hidden("[data-flips-box] >> nth=0")


def pixels(page, side=0):
    code = """side => { const { sheet } = speechlrp.explorers[0].sides[side].picture;
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_nothing_sticks_out_and_axe_has_nothing_to_say(opened, scheme, width):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = opened("#beside=b&other=id1", width=width, height=800, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    results = axe.Axe().run(page)
    assert results.violations_count == 0, results.generate_report()


def test_colours_follow_light_and_dark(opened):
    light = pixels(opened(color_scheme="light"))
    dark = pixels(opened(color_scheme="dark"))
    quiet = RECORDINGS[0].features < -70
    assert light[quiet].mean() > dark[quiet].mean()
