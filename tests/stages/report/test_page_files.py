import numpy as np
import pandas as pd
import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.report.blocks import Figure, Table
from speechlrp.report.explorer import Explorer
from speechlrp.report.packing import Recording
from speechlrp.report.page import Section
from speechlrp.report.style import figure, figure_png
from speechlrp.stages.report.exploring import heard
from speechlrp.stages.report.page_files import _written


def test_figures_tables_and_recordings_lie_beside_the_page(tmp_path):
    values = np.zeros((2, 3), np.float32)
    recordings = [Recording(name, name, values, [1.0], []) for name in "abc"]
    explorer = Explorer(["yes"], np.arange(2.0), np.arange(3.0), "dB", recordings)
    blocks = [
        Figure(figure_png(figure()), "A caption. More.", "alt", ("reference max", "baseline zero")),
        Table(pd.DataFrame({"n": [1]}), "A table."),
        explorer,
    ]
    section = _written(tmp_path, Section("Flipping", blocks=blocks), room=0)
    drawn, _, explored = section.blocks
    assert (tmp_path / drawn.file).read_bytes() == drawn.image
    assert drawn.file == "figures/flipping-01-a-caption-baseline-zero.png"
    assert (tmp_path / "tables/flipping-02-a-table.csv").exists()
    assert sorted(explored.inside) == ["explorer-0"]
    names = sorted(path.name for path in (tmp_path / "recordings").iterdir())
    assert names == [f"explorer-{i}.js" for i in range(3)]  # the first is in the page lightly


def test_a_recording_that_is_gone_is_named(tmp_path):
    with pytest.raises(SpeechLRPError, match=r"gone\.wav: the file is missing"):
        heard(str(tmp_path / "gone.wav"), 0.0, 1.0, None)
