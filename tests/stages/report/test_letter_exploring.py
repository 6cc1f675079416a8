"""Patterns to explore: letters, by alignments beside each other."""

import json

import numpy as np
import pytest

from speechlrp.artifacts.maps import AVERAGES, Array, write_maps
from speechlrp.pipeline.contents import RunFiles
from speechlrp.stages.report.letter_exploring import patterns_explorer

AXES = ("class", "alignment", "frequency", "offset")


@pytest.fixture
def pattern(tmp_path):
    """Of three letters, of which one never occurs, by two alignments; bare where none reaches."""
    values = np.random.default_rng(0).normal(size=(3, 2, 4, 5)).astype(np.float32)
    values[0, 1, :, 0] = np.nan
    counts = np.broadcast_to(np.array([7, 0, 3])[:, None, None], (3, 2, 5))
    (tmp_path / "navai/train-test").mkdir(parents=True)
    arrays = {
        "pattern": Array(values, AXES),
        "normaliser": Array(values[0], AXES[1:]),
        "counts": Array(counts, ("class", "alignment", "offset")),
        "frequency": Array(np.arange(4) * 100.0, ("frequency",)),
        "offset_ms": Array(np.arange(-2, 3) * 8.0, ("offset",)),
    }
    attributes = {"classes": ["a", "q", "t"], "alignments": ["none", "min-sens"]}
    path = tmp_path / "navai/train-test/averages.h5"
    write_maps(path, AVERAGES, arrays, attributes=attributes)
    return values


def test_letters_that_occur_are_shown_by_every_alignment(pattern, tmp_path):
    explorer = patterns_explorer(RunFiles(tmp_path, tmp_path), "navai/train-test")
    index = json.loads(explorer.index)
    assert (index["name"], index["one"], index["by"]) == ("navai-train-test", "letter", "alignment")
    assert index["opening"] == {"beside": "min-sens"}
    assert index["time"] == pytest.approx([-0.016, -0.008, 0, 0.008, 0.016])
    letters = {recording.id: recording for recording in explorer.recordings}
    assert list(letters) == ["a", "t"]
    assert letters["a"].facts == {"none": "7 frames", "min-sens": "7 frames"}
    for name, place in (("a", 0), ("t", 2)):
        for at, one in enumerate(letters[name].maps):
            np.testing.assert_array_equal(one.relevance, np.nan_to_num(pattern[place, at]))
    assert np.isnan(letters["a"].features).all()
