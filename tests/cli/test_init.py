"""`speechlrp init`, and the runs that begin with what it wrote."""

import json
import re
from pathlib import Path

import pytest

from speechlrp.pipeline.identity import remember

HERE = Path("conf/experiment/emo.yaml")


@pytest.fixture
def begun(speechlrp, sources):
    """The command line in a folder with an experiment for one's own recordings."""
    done = speechlrp("init", str(sources["manifest"]), "--label", "mood", "--run", "emo")
    assert done.exit_code == 0, done.stderr
    return speechlrp


def test_it_says_what_it_found_and_chose(speechlrp, sources):
    done = speechlrp("init", str(sources["manifest"]), "--label", "mood", "--run", "emo")
    assert "32 recordings of 8 speakers" in done.stdout
    assert "mood: 2 classes: calm 16, glad 16" in done.stdout
    assert "no speaker in two subsets" in done.stdout
    assert done.stdout.splitlines()[-1] == "    speechlrp run run=emo"
    assert "the list my.csv: 32 recordings of 8 speakers" in HERE.read_text()


def test_the_name_of_the_run_is_all_that_later_commands_need(begun):
    for words in (["run=emo"], ["--run", "emo"], ["experiment=emo"]):
        done = begun("train", *words, "--cfg", "job", "--resolve")
        assert done.exit_code == 0, done.stderr
        assert "name: mood" in done.stdout
        assert re.search(r"^run: emo$", done.stdout, re.MULTILINE)


def test_another_folder_is_named(speechlrp, sources):
    given = ("--label", "mood", "--run", "emo", "--config-dir", "my own")
    done = speechlrp("init", str(sources["manifest"]), *given)
    assert done.stdout.splitlines()[-1].endswith("run=emo --config-dir 'my own'")
    done = speechlrp("train", "run=emo", "--config-dir", "my own", "--cfg", "job")
    assert "name: mood" in done.stdout


def test_what_is_given_comes_after_the_file(begun):
    done = begun("train", "run=other", "experiment=emo", "trainer.epochs=2", "--cfg", "job")
    assert "epochs: 2" in done.stdout
    assert "name: mood" in done.stdout


def test_a_run_that_is_made_remembers_where_the_file_is(begun, monkeypatch, tmp_path):
    small = ("features.bands=8", "model.bands=8", "features.window=128", "features.hop=100")
    done = begun("preprocess", "run=emo", *small)
    assert done.exit_code == 0, done.stderr
    remembered = json.loads(Path("outputs/emo/run.json").read_text())["overrides"]
    assert "experiment=emo" in remembered
    assert f"--config-dir={tmp_path / 'conf'}" in remembered
    monkeypatch.setenv("SPEECHLRP_OUTPUTS", str(tmp_path / "outputs"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    done = begun("preprocess", "run=emo")
    assert "complete, nothing to do" in done.stdout, done.stderr


def test_a_run_remembers_where_its_recordings_are(begun):
    small = ("features.bands=8", "model.bands=8", "features.window=128", "features.hop=100")
    begun("preprocess", "run=emo", *small, "paths.data=elsewhere")
    assert "data: elsewhere" in begun("explain", "run=emo", "--cfg", "job").stdout
    moved = begun("explain", "run=emo", "paths.data=moved", "--cfg", "job").stdout
    assert "data: moved" in moved


def test_a_bench_remembers_what_it_is_of(speechlrp, monkeypatch):
    given = ("bench.seeds=[4]", "--with", "trainer.epochs=2", "--explainers", "lrp,random")
    calls = []
    monkeypatch.setattr("speechlrp.stages.sequence.run_verb", lambda *a: calls.append(a[1:]))
    assert speechlrp("bench", "run=mine", "experiment=bench_quick", *given).exit_code == 0
    remember(calls[0][0], calls[0][1].overrides, of_data=False)
    assert speechlrp("bench", "run=mine", "bench.seeds=[5]").exit_code == 0
    first, second = (vars(config.bench) for config, _ in calls)
    assert second == {**first, "seeds": [5]}


def test_a_run_of_another_experiments_name_begins_with_it(speechlrp):
    done = speechlrp("train", "run=planted_cue", "--cfg", "job")
    assert "name: cue" in done.stdout


def test_a_file_is_replaced_only_when_asked_and_then_kept(begun, refused, sources):
    HERE.write_text("mine")
    again = ("init", str(sources["manifest"]), "--label", "mood", "--run", "emo")
    assert "emo.yaml is there already" in refused(*again)
    assert HERE.read_text() == "mine"
    assert begun(*again, "--force").exit_code == 0
    assert HERE.with_suffix(".yaml.old").read_text() == "mine"
    assert "experiment" not in HERE.with_suffix(".yaml.old").suffixes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.csv", "--label", "mood", "--run", "emo"], "there is no nothing.csv; give a CSV"),
        (["my.csv", "--run", "emo"], r"which label\? .* mood \(2 classes\)"),
        (["my.csv", "--label", "mood", "--run", "demo"], "demo is an experiment of speechlrp"),
        (["my.csv", "--label", "mood", "--run", "a b"], "run=a b cannot name a run"),
        (["my.csv", "--label", "path", "--run", "emo"], "no recording has a label 'path'"),
    ],
)
def test_what_is_refused_is_one_line_and_writes_nothing(refused, sources, arguments, message):
    assert re.search(message, refused("init", *arguments))
    assert not Path("conf").exists()


def test_the_name_of_a_run_that_there_is(begun, refused, sources):
    Path("outputs/emo2").mkdir(parents=True)
    Path("outputs/emo2/run.json").write_text(json.dumps({"name": "emo2"}))
    line = refused("init", str(sources["manifest"]), "--label", "mood", "--run", "emo2")
    assert "there is a run emo2 already" in line


def test_a_file_that_was_changed_asks_for_another_run(begun, refused):
    small = ("features.bands=8", "model.bands=8", "features.window=128", "features.hop=100")
    assert begun("preprocess", "run=emo", *small).exit_code == 0
    HERE.write_text(HERE.read_text().replace("train: 0.6", "train: 0.5"))
    line = refused("preprocess", "run=emo")
    assert "was made with split.train=0.6, not split.train=0.5" in line
    assert line.endswith("run=NAME experiment=emo")
    assert begun("preprocess", "run=two", "experiment=emo", *small).exit_code == 0
