"""From one's own recordings to the page."""

import pytest
from toy_own import write_list


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


def test_what_is_listed_twice_is_said_once(project_class, rows, tmp_path, caplog):
    again = rows[0] | {"path": rows[0]["path"].replace("/calm/", "/calm/../calm/")}
    path = write_list(tmp_path / "my.csv", [*rows, again])
    settings = ("dataset=manifest", f"dataset.file={path}", "task.name=mood", "device=cpu")
    project = project_class(tmp_path, tmp_path / "outputs", settings)
    done = project.speechlrp("preprocess", "run=own")
    assert done.returncode == 0, done.stderr
    assert caplog.text.count("twice, taken once") == 1
