"""What `speechlrp run` says: which stage of how many, and at the end what was found."""

from types import SimpleNamespace

import pytest

from speechlrp.config.composing import compose_config
from speechlrp.pipeline.record import Record
from speechlrp.stages import sequence

STEPS = [{"stage": "train"}, {"stage": "evaluate", "subset": "test_music"}, {"stage": "report"}]


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """Run three steps that do nothing but leave a record; the lines that are printed."""

    def perform(stage, config, invocation):
        notes = {"found": "It works.\n\nIt is true."} if stage.name == "report" else {}
        (tmp_path / stage.name).mkdir()
        Record(stage.name, "", {}, {}, notes=notes).write(tmp_path / stage.name)
        return tmp_path / stage.name

    monkeypatch.setattr(sequence, "perform", perform)

    def run(*, last=None):
        config = compose_config("run", ["run=x", "data_run=x"])
        chosen = SimpleNamespace(steps=STEPS, first=None, last=last)
        monkeypatch.setattr(config, "sequence", chosen)
        sequence.run_verb("run", config, None)
        return capsys.readouterr().out.splitlines()

    return run


def test_stages_are_counted_and_the_findings_close_the_run(said, tmp_path):
    lines = said()
    assert lines[0] == "stage 1 of 3: train"
    assert lines[1].startswith("stage 2 of 3: evaluate of test_music is left out")
    assert lines[2] == "stage 3 of 3: report"
    assert lines[3].startswith("3 stages in ")
    assert lines[4:] == ["It works.", "It is true.", f"the page: {tmp_path / 'report/index.html'}"]


def test_without_a_report_there_is_no_page(said):
    assert said(last="evaluate")[-1].startswith("2 stages in ")
