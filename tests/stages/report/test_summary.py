"""The findings, from records and tables alone."""

import json
import shutil

import pandas as pd
import pytest

from speechlrp.pipeline.contents import RunFiles
from speechlrp.report.blocks import Banner
from speechlrp.stages.report.class_sections import _evaluation, cautions
from speechlrp.stages.report.letter_sections import found
from speechlrp.stages.report.summary import what_was_found

EVALUATION = {
    "n": 80, "accuracy": 0.9, "wilson_low": 0.82, "wilson_high": 0.95, "speakers": 8,
    "speaker_low": 0.8, "speaker_high": 0.97,
}  # fmt: skip
FLIP = {"weights": "train", "explainer": "lrp", "subset": "test", "grid": "table"}
FLIP |= {"baseline": "zero", "strategy": "all"}


def record(folder, stage, facts=None, notes=None):
    folder.mkdir(parents=True)
    held = {"stage": stage, "command": "", "config": {}, "inputs": {}}
    text = json.dumps(held | {"facts": facts or {}, "notes": notes or {}})
    (folder / "stage.json").write_text(text)


@pytest.fixture
def run(tmp_path):
    record(tmp_path / "preprocess", "preprocess")
    record(tmp_path / "flip/a", "flip", FLIP)
    rows = [
        (name, "zero", 0, f"s{i}", 10, area + i / 1000)
        for name, area in {"lrp": 0.2, "random": 0.8, "lrp_rev": 0.9}.items()
        for i in range(8)
    ]
    columns = ["strategy", "baseline", "repeat", "speaker", "n", "area"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "flip/a/areas.csv", index=False)
    return tmp_path


def evaluated(run, weights="train"):
    facts = {"weights": weights, "subset": "test"}
    record(run / f"evaluate/{weights}", "evaluate", facts, {"summary": EVALUATION})


def test_accuracy_comes_with_its_intervals_and_chance(run):
    evaluated(run)
    evaluated(run, "aug_mean")
    (text,) = what_was_found(RunFiles(run, run), ["a", "b", "c", "d"]).blocks
    assert "90.0% of 80" in text.text
    assert "82.0% to 95.0% over recordings, 80.0% to 97.0% over 8 speakers" in text.text
    assert "chance 25.0%" in text.text
    assert "After training on, as aug_mean" in text.text


def test_copies_with_something_mixed_in_are_told_of(run):
    evaluated(run)
    facts = {"weights": "train", "subset": "test+test_music+test_noise"}
    record(run / "evaluate/mixed", "evaluate", facts, {"summary": EVALUATION})
    rows = [("clean", 1.0, 0.9, 1.0), ("music", 0.936, 0.894, 0.962), ("noise", 0.667, 0.6, 0.73)]
    table = pd.DataFrame(rows, columns=["condition", "accuracy", "low", "high"])
    table.to_csv(run / "evaluate/mixed/per_condition.csv", index=False)
    (text,) = what_was_found(RunFiles(run, run), ["a", "b"]).blocks
    assert (
        "mixed in, it is right in 93.6% with music (89.4% to 96.2%), 66.7% with noise (60.0% to"
    ) in text.text


def test_of_one_speaker_there_is_no_interval_over_speakers(run, monkeypatch):
    nan = float("nan")
    monkeypatch.setitem(EVALUATION, "speakers", 1)
    monkeypatch.setitem(EVALUATION, "speaker_low", nan)
    monkeypatch.setitem(EVALUATION, "speaker_high", nan)
    evaluated(run)
    (text,) = what_was_found(RunFiles(run, run), ["a", "b"]).blocks
    assert "82.0% to 95.0% over recordings, all of one speaker; chance 50.0%" in text.text
    assert _evaluation(EVALUATION)["over speakers"] == "not known: one speaker"


def test_a_recogniser_is_told_by_its_splits(run):
    known = {"letter_error_rate": 0.349, "letter_low": 0.328, "letter_high": 0.372}
    known |= {"word_error_rate": 0.738, "utterances": 60}
    for weights, subset, way in (("train", "test", ""), ("train_best", "validate", "beam")):
        facts = {"weights": weights, "subset": subset, "decoding": way}
        record(run / f"evaluate/{weights}-{subset}", "evaluate", facts, {"summary": known})
    (text,) = found(RunFiles(run, run)).blocks
    assert "On the test split, 34.9% of the letters are wrong (95 % over utt" in text.text
    assert (
        "On the validate split, with the weights train_best, with decoding=beam, 34.9%" in text.text
    )


def test_what_holds_in_part_shows_which_order_does_not(run):
    areas = pd.read_csv(run / "flip/a/areas.csv")
    areas.loc[areas.strategy == "random", "area"] = 0.2
    areas.to_csv(run / "flip/a/areas.csv", index=False)
    (*_, text) = what_was_found(RunFiles(run, run), ["a", "b"]).blocks
    assert (
        "to zero, order holds in part (random 20 ≈ lrp 20 < lrp_rev 90; lrp_rev - lrp: 70"
        in text.text
    )


def test_verdicts_come_with_their_evidence(run):
    (*_, text) = what_was_found(RunFiles(run, run), ["a", "b"]).blocks
    told = "lrp 20 < random 80 < lrp_rev 90; lrp_rev - lrp: 70 (70 to 70); n 80, 8 speakers"
    assert f"to zero, ✓ order holds ({told})" in text.text
    *_, asked, verdict, believed = text.text.split("\n\n")
    assert "should fall below that of random bins" in asked
    assert verdict.startswith("By lrp: to zero")
    assert "speechlrp bench" in believed


def test_where_nothing_was_flipped_no_curve_is_doubted(run):
    shutil.rmtree(run / "flip")
    evaluated(run)
    (text,) = what_was_found(RunFiles(run, run), ["a", "b"]).blocks
    assert "bench" not in text.text


def test_a_page_without_an_evaluation_says_so(run):
    banner, _ = what_was_found(RunFiles(run, run), ["a", "b"]).blocks
    assert isinstance(banner, Banner)
    assert "speechlrp evaluate" in banner.text


def test_a_network_at_chance_is_told_once(run):
    for name in ("lrp", "random"):
        facts = {"weights": "train", "explainer": name, "subset": "test"}
        record(run / f"explain/{name}", "explain", facts, {"guessing": "the network is at chance"})
    files = RunFiles(run, run)
    (banner,) = cautions(files, files.of("explain"))
    assert banner.text == "train, test: the network is at chance."


def test_how_near_alignments_come_to_the_phonemes_is_told_the_nearest_first(run):
    record(run / "navai/train-test", "navai", {"weights": "train", "subset": "test"})
    rows = [
        ("max-lrp", "all", 436, 0.19, 0.16, 0.23, 0.06),
        ("none", "all", 436, 0.77, 0.72, 0.81, 0.06),
        ("none", "a", 40, 0.9, 0.8, 1.0, 0.06),
    ]
    columns = ["alignment", "letter", "n"]
    columns += ["within_50", "within_50_low", "within_50_high", "uniform_within_50"]
    pd.DataFrame(rows, columns=columns).to_csv(run / "navai/train-test/truth.csv", index=False)
    _, text = found(RunFiles(run, run)).blocks
    assert "77% by none (72% to 81%), 19% by max-lrp (16% to 23%) of 436 frames" in text.text
    assert "steps drawn evenly in 6%" in text.text
