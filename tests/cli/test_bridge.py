"""Between click and Hydra: what runs, and what is refused in one line."""

import json
import re
from pathlib import Path

import pytest
import yaml

from speechlrp.cli import bridge
from speechlrp.cli.runs import hints


def _shown(result) -> dict:
    assert result.exit_code == 0, result.stderr
    return yaml.safe_load(result.stdout)


def test_a_member_of_a_sweep_is_named_as_itself():
    asked = ["run=${run_name:emo,seed}", "seed=1"]
    assert hints(asked, None, "emo-seed-1") == ("run=emo-seed-1",)
    assert hints(["run=emo", "seed=1"], None, None) == ("run=emo", "seed=1")
    assert hints(["seed=1"], None, "demo-seed-1") == ("seed=1",)


def test_options_and_overrides_in_any_order(speechlrp):
    arguments = ("flip", "flipping.baseline=silence", "--cfg", "job", "--strategy", "lrp")
    shown = _shown(speechlrp(*arguments))
    assert shown["flipping"]["strategy"] == "lrp"
    assert shown["flipping"]["baseline"] == "silence"
    assert shown["dataset"]["root"] == "${paths.data}/audiomnist"


@pytest.mark.parametrize(
    ("arguments", "path", "expected"),
    [
        (["train", "experiment=demo", "trainer.epochs=3"], "trainer.epochs", 3),
        (["train", "experiment=demo"], "run", "demo"),
        (["train", "experiment=demo", "trainer.epochs=3"], "run", "demo-epochs-3"),
        (["train", "experiment=demo", "trainer.epochs=3"], "data_run", "demo"),
        (["flip", "--strategy", "lrp_rev"], "flipping.strategy", "lrp_rev"),
        (["flip", "--baseline", "all", "flipping.baseline=all"], "flipping.baseline", "all"),
        (["augment", "--fill", "zero"], "augment.fill", "zero"),
        (["train", "--device", "cuda:1", "--force"], "device", "cuda:1"),
        (["train", "--force", "force=true"], "force", True),
        (["run", "--from", "train", "--to", "flip"], "sequence.first", "train"),
        (["run", "--from", "train", "--to", "flip"], "sequence.last", "flip"),
        (["evaluate", "--weights", "/a b/c,d='e'.safetensors"], "weights",
         "/a b/c,d='e'.safetensors"),
        (["report", "--compare", "demo,features.reference=silence", "--compare", "x"], "beside",
         ["demo,features.reference=silence", "x"]),
        (["explain", "--subset", "train", "--checkpoint", "best"], "checkpoint", "best"),
        (["train", "paths.outputs=elsewhere"], "paths.outputs", "elsewhere"),
        (["preprocess", "dataset=voxceleb"], "dataset.root", "data/voxceleb"),
        (["explain", "lrp=resnet_eps"], "explainer.name", "lrp_resnet_eps"),
        (["explain", "lrp=lrp_gamma"], "explainer.name", "lrp_gamma"),
        (["train", "model=mine:net"], "model.factory", "mine:net"),
        (["train", "dataset=mine:reader", "split=mine:half"], "dataset.name", "mine:reader"),
        (["train", "dataset=mine:reader", "split=mine:half"], "split.name", "mine:half"),
        (["preprocess", "features=mine:Power"], "features.name", "mine:Power"),
    ],
)  # fmt: skip
def test_what_is_said_arrives(speechlrp, arguments, path, expected):
    shown = _shown(speechlrp(*arguments, "--cfg", "job", "--resolve"))
    for key in path.split("."):
        shown = shown[key]
    assert shown == expected


def test_unknown_rules_are_named_as_explainers(refused):
    line = refused("explain", "lrp=resnet_epsilon")
    assert "lrp_resnet_epsilon" in line
    assert "lrp_resnet_eps, " in line


def test_folders_come_from_the_environment(speechlrp, monkeypatch):
    monkeypatch.setenv("SPEECHLRP_DATA", "/corpora")
    monkeypatch.setenv("SPEECHLRP_OUTPUTS", "/results")
    shown = _shown(speechlrp("train", "--cfg", "job", "--resolve"))
    assert shown["dataset"]["root"] == "/corpora/audiomnist"
    assert shown["paths"]["outputs"] == "/results"


def test_a_folder_of_the_users_own(speechlrp, tmp_path):
    (tmp_path / "mine" / "experiment").mkdir(parents=True)
    own = tmp_path / "mine" / "experiment" / "own.yaml"
    own.write_text("# @package _global_\ntrainer: {epochs: 7}\n")
    arguments = ("train", "--config-dir", "mine", "experiment=own")
    shown = _shown(speechlrp(*arguments, "--cfg", "job"))
    assert shown["trainer"]["epochs"] == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "trainer.epoch=3"], "setting of trainer 'epoch'; known: .*'epochs'?"),
        (["train", "trianer.epochs=3"], "setting 'trianer'; known: .*'trainer'?"),
        (["train", "experimnt=demo"], "setting 'experimnt'; known: .*'experiment'?"),
        (["train", "sed=3"], "setting 'sed'; known: .*'seed'?"),
        (["train", "dataset=manifest", "dataset.fil=x"], "'fil'; known: file, name, path"),
        (["train", "features.reference.x=3"], "features.reference has no settings below it"),
        (["train", "experiment=dmeo"],
         "unknown experiment 'dmeo'; known: [a-z0-9_, ]+. Did you mean 'demo'?"),
        (["train", "model=alexnt"], "unknown model 'alexnt'; known: alexnet, [a-z0-9, _]+. Did"),
        (["explain", "--explainer", "lpr"], "unknown explainer 'lpr'; known: .*'lrp'"),
        (["flip", "--grid", "tabel"], "flipping.grid 'tabel'; known: .*Did you mean 'table'?"),
        (["flip", "flipping.strategy=lpr"], "'lpr'; known: all, lrp, lrp_abs, .*random"),
        (["train", "subset=tets"], "subset 'tets'; known: test, .*, train, validate"),
        (["train", "seed=many"], "seed is many; it must be a whole"),
        (["train", "+colour=red"], "colour"),
        (["train", "trainer.epochs=["], r"cannot read 'trainer.epochs=\['"),
        (["train", "seed=1,2"], "'seed=1,2'.* -m"),
        (["evaluate", "--weights", "last"], "'last'; known: .*, aug_none, aug_zero, .*, train"),
        (["run", "--from", "flip", "--to", "train"], "nothing lies between"),
        (["list", "modles"], "unknown list 'modles'; known: .*Did you mean 'models'?"),
        (["download", "audiomnits"], "known: audiomnist, .*Did you mean 'audiomnist'?"),
    ],
)  # fmt: skip
def test_a_misspelling_is_one_line_with_what_is_known(refused, arguments, message):
    line = refused(*arguments)
    assert re.search(message, line), line
    assert "provider" not in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--forse"], "No such option '--forse'."),
        (["flip", "--strateg", "lrp"], "Did you mean '--strategy'?"),
        (["flip", "--strategy", "lpr"], "'lpr' is not one of 'all', 'lrp', 'random', 'lrp_rev'"),
        (["trian"], "No such command 'trian'"),
        (["train", "demo"], "'demo' is not a setting; settings are KEY=VALUE"),
        (["flip", "--strategy", "lrp", "flipping.strategy=random"],
         "--strategy lrp and flipping.strategy=random disagree"),
        (["train", "++device=cpu", "--device", "cuda"], "--device cuda and device=cpu disagree"),
        (["train", "--force", "force=false"], "--force and force=false disagree"),
        (["train", "--config-dir", "nowhere"], "'nowhere' does not exist"),
    ],
)  # fmt: skip
def test_usage_errors_exit_with_2(speechlrp, arguments, message):
    result = speechlrp(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["train"], "speechlrp preprocess"),
        (["train", "experiment=demo", "trainer.epochs=3"],
         "speechlrp preprocess experiment=demo trainer.epochs=3"),
        (["flip", "--strategy", "lrp", "paths.outputs=there"],
         "speechlrp preprocess paths.outputs=there"),
        (["report", "dataset.speakers=[a, b]"], "speechlrp preprocess 'dataset.speakers=[a, b]'"),
    ],
)  # fmt: skip
def test_a_missing_stage_is_answered_with_its_command(refused, arguments, command):
    assert f"make it with `{command}`" in refused(*arguments)


def test_each_member_of_a_sweep_is_answered(speechlrp):
    result = speechlrp("train", "-m", "seed=4,5")
    for line, seed in zip(result.stderr.splitlines(), (4, 5), strict=False):
        assert f"make it with `speechlrp preprocess seed={seed}`" in line


def test_missing_recordings_are_answered_with_their_command(refused):
    assert "speechlrp download audiomnist" in refused("preprocess")


@pytest.mark.parametrize("stage", ["preprocess", "train"])
def test_outputs_that_cannot_be_written(refused, tmp_path, stage):
    (tmp_path / "file").write_text("")
    assert str(tmp_path / "file") in refused(stage, f"paths.outputs={tmp_path}/file")


@pytest.fixture
def launched(monkeypatch):
    """What the bridge hands to the stages, which do nothing."""
    found = []
    monkeypatch.setattr(
        "speechlrp.stages.sequence.run_verb", lambda *arguments: found.append(arguments)
    )
    return found


def test_a_stage_is_given_its_configuration_and_command(speechlrp, launched):
    result = speechlrp("train", "seed=2", "--force", "experiment=demo", "device=cpu")
    assert result.exit_code == 0, result.stderr
    [(verb, config, invocation)] = launched
    assert verb == "train"
    assert (config.seed, config.force, config.run) == (2, True, "demo-seed-2")
    assert invocation.command == "speechlrp train seed=2 experiment=demo device=cpu force=true"
    assert invocation.hints == ("experiment=demo", "seed=2")


def test_a_sweep_runs_every_member_where_a_single_run_would_be(speechlrp, launched):
    assert speechlrp("train", "-m", "seed=1,2", "trainer.lr=1,2").exit_code == 0
    assert not list(Path().rglob("multirun.yaml"))  # of Hydra's own
    runs = [config.run for _, config, _ in launched]
    assert len(set(runs)) == 4
    commands = [invocation.command for _, _, invocation in launched]
    assert commands[1] == "speechlrp train seed=1 trainer.lr=2"
    launched.clear()
    speechlrp("train", "seed=2", "trainer.lr=1")
    assert launched[0][1].run in runs


def test_the_command_in_the_record_can_be_pasted(speechlrp, launched):
    speechlrp("train", "dataset.speakers=[a, b]")
    assert launched[0][2].command == "speechlrp train 'dataset.speakers=[a, b]'"


def test_the_folder_of_the_users_own_stays_in_the_command(speechlrp, launched, tmp_path):
    speechlrp("train", "--config-dir", ".", "seed=2")
    invocation = launched[0][2]
    assert invocation.command == f"speechlrp train seed=2 --config-dir {tmp_path}"
    assert invocation.hints == ("seed=2", "--config-dir", str(tmp_path))


def test_a_later_verb_knows_the_members_of_a_sweep(speechlrp, launched):
    for seed in (1, 2):
        given = ["experiment=demo", "trainer.epochs=2", f"seed={seed}", "trainer.lr=3"]
        folder = Path(f"outputs/emo-seed-{seed}")
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"name": folder.name, "overrides": given}))
    assert speechlrp("evaluate", "-m", "run=emo", "seed=1,2", "trainer.lr=4").exit_code == 0
    config = launched[1][1]
    assert (config.run, config.seed, config.trainer["epochs"]) == ("emo-seed-2", 2, 2)
    assert config.trainer["lr"] == 4  # what is given comes after what is remembered
    launched.clear()
    speechlrp("evaluate", "run=emo", "seed=2")
    assert launched[0][1].trainer["epochs"] != 2  # a run of that name is another thing


@pytest.mark.parametrize("members", ["seed=range(3,3)", "explainer=glob(zzz*)", "seed=glob(*)"])
def test_a_sweep_of_nothing_is_refused(speechlrp, launched, members):
    result = speechlrp("train", "-m", members)
    assert result.exit_code == 1
    assert f"{members} has no member" in result.stderr


def test_choices_of_ones_own_are_members(speechlrp, monkeypatch, tmp_path):
    (tmp_path / "mine/experiment").mkdir(parents=True)
    (tmp_path / "mine/experiment/zzz.yaml").write_text("# @package _global_\nseed: 7\n")
    seeds = []
    monkeypatch.setattr("speechlrp.stages.sequence.run_verb", lambda *a: seeds.append(a[1].seed))
    result = speechlrp("train", "-m", "experiment=glob(zzz*)", "--config-dir", "mine")
    assert (result.exit_code, seeds) == (0, [7])


def test_hydra_leaves_no_files_of_its_own(speechlrp, launched, tmp_path):
    assert speechlrp("train").exit_code == 0
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_values_in_hydras_grammar():
    assert bridge._as_value("train") == "train"
    assert bridge._as_value(True) == "true"
    assert bridge._as_value(("a", "b c")) == "[a,'b c']"
    assert bridge._as_value("it's") == r"'it\'s'"
