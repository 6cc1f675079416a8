"""The experiment that is written composes, and says what was chosen."""

import shutil

import pytest
from toy_own import write_list

from speechlrp.config.composing import CONFIG_DIR, compose_config
from speechlrp.setup.choices import choose
from speechlrp.setup.draft import draft
from speechlrp.setup.own_data import find_source
from speechlrp.setup.survey import survey

ODD = ["yes", "01", "null", "${seed}", "a: b # c", 'q"uo\\te', "grün", "[x]"]


def composed(path, tmp_path, label="mood"):
    source = find_source(path, label, None, "emo")
    chosen = choose(survey(source, label, 1), label)
    text = draft(
        source, chosen, label=label, name="emo", command="speechlrp init", told=["x " * 80]
    )
    assert all(len(line) <= 100 for line in text.splitlines() if line.lstrip().startswith("#"))
    file = tmp_path / "own" / "experiment" / "emo.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    overrides = ["experiment=emo", "run=emo", "data_run=emo", f"{CONFIG_DIR}{tmp_path / 'own'}"]
    return chosen, source, compose_config("run", overrides)


@pytest.mark.parametrize("kind", ["manifest", "folder", "kaldi", "lhotse"])
def test_every_form_of_recordings(sources, tmp_path, kind):
    chosen, source, config = composed(sources[kind], tmp_path)
    assert config.dataset["name"] == kind
    assert config.dataset["root"] == str(source.root)
    assert config.dataset.get("label", "mood") == config.task.name == "mood"
    assert config.task.classes == ["calm", "glad"]
    split = [config.split[name] for name in ("train", "validate", "test", "unit", "seed")]
    assert split == [*chosen.split.shares, "speaker", chosen.split.seed]
    assert config.features["length"] == 9600
    assert config.features["bands"] == config.model["bands"] == 64
    assert (config.trainer["loss"], config.trainer["epochs"]) == ("cross_entropy", chosen.epochs)
    assert [step["stage"] for step in config.sequence.steps][-1] == "report"


def test_names_that_are_something_else_in_yaml(rows, tmp_path):
    folder = tmp_path / "${x}"
    folder.mkdir()
    odd = [row | {"mood": ODD[n % 8]} for n, row in enumerate(rows)]
    path = write_list(folder / "my list's.csv", odd)
    _, _, config = composed(path, tmp_path)
    assert config.task.classes == sorted(ODD)
    assert (config.dataset["root"], config.dataset["file"]) == (str(folder), path.name)


def test_recordings_of_a_low_rate(tmp_path, sources):
    import soundfile

    shutil.copytree(sources["folder"], tmp_path / "low")
    for path in (tmp_path / "low").rglob("*.wav"):
        soundfile.write(path, soundfile.read(path)[0], 8000)
    _, _, config = composed(tmp_path / "low", tmp_path)
    assert (config.features["rate"], config.features["window"]) == (8000, 200)
    assert max(config.explainer["bands_hz"]) == 4000
