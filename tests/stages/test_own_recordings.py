"""From one's own recordings to the page."""

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("label", ["mood", "speaker"])
def test_two_commands(project_class, sources, tmp_path, monkeypatch, label):
    monkeypatch.chdir(tmp_path)
    project = project_class(tmp_path / "data", tmp_path / "outputs", ())
    source = str(sources["kaldi" if label == "speaker" else "manifest"])
    done = project.speechlrp("init", source, "--label", label, "--run", "own")
    assert done.returncode == 0, done.stderr
    quick = ("trainer.epochs=2", "flipping.limit=4", "compare.examples=4", "device=cpu",
             "compare.explainers=random", "flipping.repeats=1")  # fmt: skip
    done = project.speechlrp("run", "run=own", *quick)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "outputs/own/report/index.html").read_text()
    assert label in page
