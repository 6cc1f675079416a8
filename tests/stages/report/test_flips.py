"""The report's flipping sections, from records and curves alone."""

import json
import math

import pandas as pd
import pytest

from speechlrp.pipeline.contents import RunFiles
from speechlrp.report.blocks import Figure, Table
from speechlrp.report.curves import flipping_curve
from speechlrp.stages.report.flips import _halves, augmentation, flipping

NAMES = ["strategy", "baseline", "repeat", "bins", "percent", "n", "accuracy"]
ROWS = [("lrp", "zero", 0, b, p, 10, 0.9 - p / 100) for b, p in ((0, 0), (515, 1.0), (2576, 5.0))]
FLIPPED = {"explainer": "lrp", "subset": "test", "grid": "table", "baseline": "zero"}
FLIPPED |= {"strategy": "all"}


@pytest.fixture
def files(tmp_path):
    """A run of two networks, flipped."""
    settings = {"task.name": "gender", "features.reference": "max", "model.name": "resnet34"}
    for where in ("preprocess", "train", "flip/a", "flip/b"):
        folder = tmp_path / where
        folder.mkdir(parents=True)
        stage = where.split("/")[0]
        facts = FLIPPED | {"weights": {"flip/b": "aug-mean, really"}.get(where, "train")}
        record = {"stage": stage, "command": "", "config": settings, "inputs": {}, "facts": facts}
        (folder / "stage.json").write_text(json.dumps(record))
        if stage == "flip":
            pd.DataFrame(ROWS, columns=NAMES).to_csv(folder / "curve.csv", index=False)
    return RunFiles(tmp_path, tmp_path)


def tables(section):
    return [block for block in section.blocks if isinstance(block, Table)]


def test_nobodys_numbers_stand_beside_a_run_that_names_no_work(files):
    for section in (flipping(files, None, 0.5), augmentation(files, None, 0.5)):
        for table in tables(section):
            assert not [name for name in table.frame.index if "thesis" in name]
        for block in section.blocks:
            assert "Table 6" not in block.caption
            assert "Figure 6" not in block.caption


def test_the_thesis_stands_beside_where_the_run_repeats_it(files):
    (table,) = tables(flipping(files, "thesis", 0.5))
    assert table.caption.startswith("T Table 6.1")
    assert list(table.frame.index) == ["lrp", "lrp (thesis)"]


def test_a_network_is_called_by_its_own_name(files):
    (table,) = tables(augmentation(files, None, 0.5))
    assert set(table.frame.index) == {"resnet34", "aug-mean, really"}


def test_where_half_is_passed_is_marked(files):
    rows = files.curves.assign(grid="bins")
    rows = rows.assign(accuracy=rows.bins.map({0: 0.9, 515: 0.6, 2576: 0.4}))
    assert _halves(rows) == {"lrp": pytest.approx(515 + (2576 - 515) / 2, abs=0.06)}
    assert math.isnan(_halves(rows.assign(accuracy=0.9))["lrp"])


def test_chance_reaches_every_curve(files, monkeypatch):
    seen = []

    def spy(*args, **options):
        seen.append(options["chance"])
        return flipping_curve(*args, **options)

    monkeypatch.setattr("speechlrp.stages.report.flips.flipping_curve", spy)
    blocks = [*flipping(files, None, 0.1).blocks, *augmentation(files, None, 0.1).blocks]
    figures = [block for block in blocks if isinstance(block, Figure)]
    assert seen == [0.1] * len(figures)
    assert figures
