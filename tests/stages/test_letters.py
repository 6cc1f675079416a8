"""preprocess, train and evaluate of a recogniser of letters, through the real command line."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import toy_letters as toy

from speechlrp.artifacts.utterances import Utterances
from speechlrp.data.dataset import read_dataset
from speechlrp.letters.error_rates import count_errors
from speechlrp.letters.vocabulary import SYMBOLS
from speechlrp.pipeline.record import read_record
from speechlrp.training.checkpoint import load_model

STAGES = ("preprocess", "train", "evaluate")


@pytest.fixture(scope="session")
def spoken(tmp_path_factory) -> Path:
    """The toy corpus, made once; not to be changed."""
    data = tmp_path_factory.mktemp("spoken")
    toy.write_corpus(data / "LibriSpeech")
    return data


@pytest.fixture
def letters(project, spoken):
    """A project with that corpus and no artifacts."""
    project.data, project.toy = spoken, toy.SETTINGS
    return project


@pytest.fixture(scope="session")
def trained(spoken, tmp_path_factory, project_class):
    """A project that has gone through the stages up to evaluate; not to be changed."""
    project = project_class(spoken, tmp_path_factory.mktemp("letters") / "outputs", toy.SETTINGS)
    done = project.speechlrp("run", "--to", "evaluate")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def copied_letters(trained, tmp_path, project_class):
    """A copy of it, to be damaged."""
    shutil.copytree(trained.outputs, tmp_path / "outputs")
    return project_class(trained.data, tmp_path / "outputs", toy.SETTINGS)


def one_line(done):
    assert done.returncode == 1, done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith("error: ")
    assert "Traceback" not in done.stderr
    return lines[-1]


def test_every_stage_leaves_a_record(trained):
    records = [p.parent for p in trained.outputs.rglob("stage.json")]
    places = {"/".join(p.relative_to(trained.outputs).parts[1:]) for p in records}
    parts = {f"evaluate/train-{name}" for name in ("train", "validate", "test")}
    assert places == {"preprocess", "train", *parts}
    for place in records:
        assert read_record(place).command.startswith("speechlrp run")


def test_utterances_know_what_was_said_and_no_sentence_is_in_two_subsets(trained):
    with Utterances(trained.features / "utterances.h5") as file:
        table = file.table
        assert file.read(0).shape == (table.frames[0], 128)
    data = read_dataset(trained.features / "utterances.h5", "speechlrp preprocess")
    assert (data.classes, data.settings["name"]) == (list(SYMBOLS), "log_mel")
    assert set(table.transcript) == {text.lower() for text in toy.SENTENCES}
    assert (table.groupby("transcript").subset.nunique() == 1).all()
    assert table.groupby("subset").size().to_dict() == {"train": 8, "validate": 4, "test": 4}
    assert set(table.part) == {"train-clean-100"}
    assert pd.read_csv(trained.features / "rejected.csv").empty


def test_training_is_measured(trained):
    metrics = pd.read_csv(trained.run / "train/metrics.csv")
    rates = ["validate_letter_error_rate", "validate_word_error_rate"]
    assert list(metrics.columns) == [
        "epoch", "train_loss", "too_short", "validate_loss", *rates, "lr", "seconds",
        "model_seconds",
    ]  # fmt: skip
    assert metrics.train_loss.is_monotonic_decreasing
    _, meta = load_model(trained.run / "train")
    ranked = metrics.sort_values([rates[0], "validate_loss"], kind="stable")
    assert meta["epoch"] == ranked.epoch.iloc[0]
    assert meta["validate_letter_error_rate"] == ranked[rates[0]].iloc[0]
    notes = read_record(trained.run / "train").notes
    assert notes["best_epoch"] == ranked.epoch.iloc[0]
    assert not (trained.run / "train/state.pt").exists()


def test_evaluation_adds_up(trained):
    folder = trained.run / "evaluate/train-test"
    table = pd.read_csv(folder / "utterances.csv", keep_default_na=False, dtype={"speaker": str})
    summary = json.loads((folder / "evaluation.json").read_text())
    counts = count_errors(table.said.tolist(), table.recognised.tolist())
    assert summary["letter_error_rate"] == counts.letter_error_rate
    assert summary["word_error_rate"] == counts.word_error_rate
    assert summary["utterances"] == len(table) == 4
    speakers = pd.read_csv(folder / "per_speaker.csv", dtype={"speaker": str})
    assert speakers.speaker.tolist() == ["11", "12"]
    for name in ("letters", "letter_substitutions", "letter_deletions", "letter_insertions"):
        assert speakers[name].sum() == summary[name] == table[name].sum()
    assert pd.read_csv(folder / "per_part.csv").part.tolist() == ["train-clean-100"]


def test_a_beam_has_a_folder_of_its_own(copied_letters):
    pytest.importorskip("flashlight.lib.text")
    done = copied_letters.speechlrp("evaluate", "--decoding", "beam", "decoding.width=4")
    assert done.returncode == 0, done.stderr
    record = read_record(copied_letters.run / "evaluate/train-test-beam")
    assert record.config["decoding.width"] == 4
    assert record.notes["summary"]["utterances"] == 4
    refused = copied_letters.speechlrp("evaluate", "--decoding", "beam", "decoding.width=0")
    assert "width is 0; it must be at least 1" in one_line(refused)


def test_a_decoding_of_ones_own(copied_letters, tmp_path, monkeypatch):
    (tmp_path / "own_ends.py").write_text(
        "from speechlrp.letters.decoding import greedy\n"
        "def first(scores, steps=None, *, most=1):\n"
        "    return [one._replace(text=one.text[:most]) for one in greedy(scores, steps)]\n"
        "def texts(scores, steps=None):\n    return ['a']\n"
    )
    monkeypatch.chdir(tmp_path)
    asked = ("--decoding", "own_ends:first", "+decoding.most=2")
    assert copied_letters.speechlrp("evaluate", *asked).returncode == 0
    assert list(copied_letters.run.glob("evaluate/*first*/stage.json"))
    refused = copied_letters.speechlrp("evaluate", "decoding=own_ends:texts")
    assert "own_ends:texts gives list; it must give a list of Decoded" in one_line(refused)


def test_a_complete_stage_does_nothing(copied_letters):
    for stage in STAGES:
        assert "complete, nothing to do" in copied_letters.speechlrp(stage).stdout


@pytest.mark.parametrize(
    ("stage", "target", "calls"),
    [
        ("preprocess", "speechlrp.artifacts.shards:Shards.put", 2),
        ("train", "speechlrp.training.letter_training:_Run.validate_epoch", 3),
        ("train", "speechlrp.training.letter_training:_Run._train_step", 6),
    ],
)
def test_killed_in_the_middle_the_same_command_gives_the_same_result(
    stage, target, calls, trained, letters, killing
):
    if stage == "train":
        assert letters.speechlrp("preprocess").returncode == 0
    small = "import speechlrp.stages.preprocess.letters as p; p.UNIT = 4\n"
    killed = letters.speechlrp(stage, before=small + killing(target, calls))
    assert killed.returncode == -9, killed.stderr
    again = letters.speechlrp(stage, before=small)
    assert again.returncode == 0, again.stderr
    assert "going on where it was interrupted" in again.stdout
    (place,) = [p.parent for p in letters.outputs.rglob("stage.json") if p.parent.name == stage]
    there = trained.features if stage == "preprocess" else trained.run / stage
    if stage == "preprocess":
        with Utterances(place / "utterances.h5") as a, Utterances(there / "utterances.h5") as b:
            pd.testing.assert_frame_equal(a.table, b.table)
            assert all((x == y).all() for x, y in zip(a, b, strict=True))
        return
    for name in ("best.safetensors", "last.safetensors", "best.json"):
        assert (place / name).read_bytes() == (there / name).read_bytes()


def _with(letters, spoken, tmp_path, change):
    letters.data = tmp_path / "data"
    shutil.copytree(spoken, letters.data)
    path = letters.data / "LibriSpeech/train-clean-100/11/1/11-1.trans.txt"
    path.write_text(change(path.read_text()))


def test_transcripts_that_cannot_be_used_are_listed(letters, spoken, tmp_path):
    def change(text):
        lines = text.replace("FADE", "FADE 4").splitlines(keepends=True)
        return "".join(lines[1:])

    _with(letters, spoken, tmp_path, change)
    done = letters.speechlrp("preprocess")
    assert done.returncode == 0, done.stderr
    rejected = pd.read_csv(letters.features / "rejected.csv").set_index("id").reason
    assert rejected["11-1-0000"] == "no transcript"
    assert "'4'" in rejected["11-1-0005"]
    assert "2 of 16 recordings left out" in done.stdout
    assert read_record(letters.features).notes["rejected"] == 2


def test_a_changed_transcript_is_noticed(letters, spoken, tmp_path):
    _with(letters, spoken, tmp_path, lambda text: text)
    letters.speechlrp("preprocess")
    path = letters.data / "LibriSpeech/train-clean-100/11/1/11-1.trans.txt"
    path.write_text(path.read_text().replace("A CAB", "A CAD"))
    assert "recordings changed" in letters.speechlrp("preprocess").stdout


def test_no_transcripts_at_all(letters, spoken, tmp_path):
    letters.data = tmp_path / "data"
    shutil.copytree(spoken, letters.data)
    for path in letters.data.rglob("*.trans.txt"):
        path.unlink()
    line = one_line(letters.speechlrp("preprocess"))
    assert "none of the 16 recordings" in line
    assert "no transcript" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("train",), "no .*utterances.h5; make it with `speechlrp preprocess .*experiment=arctic"),
        (
            ("preprocess", "features=spectrogram_db"),
            "such as features=log_mel, not features=spectrogram_db",
        ),
        (("preprocess", "task=gender"), "task=gender needs features of one length"),
        (("flip",), "flip is for classes, .*; this run's task is letters"),
    ],
)
def test_what_does_not_fit_together(letters, arguments, message):
    assert re.search(message, one_line(letters.speechlrp(*arguments)))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.bands=64", "model.bands is 64, but the features have 128 bands"),
        ("trainer.max_frames=40", "more than a batch may have"),
        ("+trainer.batch_size=3", "setting of trainer for task=letters 'batch_size'"),
        ("trainer.spec_augment.band_masks=-1", "band_masks is -1"),
        ("trainer.lr=1e30", "loss is nan"),
    ],
)
def test_recipes_that_do_not_fit(copied_letters, setting, message):
    assert message in one_line(copied_letters.speechlrp("train", settings=(setting,)))


def test_a_model_that_gives_no_sequence(copied_letters):
    copied_letters.toy = tuple(s for s in toy.SETTINGS if not s.startswith("model."))
    line = one_line(copied_letters.speechlrp("train", "model=alexnet_small"))
    assert "task=letters needs a model of sequences, such as model=wav2letter" in line


def test_weights_that_are_missing_name_their_command(letters):
    letters.speechlrp("preprocess")
    line = one_line(letters.speechlrp("evaluate"))
    assert "make it with `speechlrp train " in line
    assert "experiment=arctic_letters" in line


def test_weights_of_other_features_are_refused(copied_letters, tmp_path):
    weights = tmp_path / "mine.safetensors"
    for suffix in (".safetensors", ".json"):
        shutil.copy(copied_letters.run / f"train/last{suffix}", weights.with_suffix(suffix))
    other = ("features.floor_db=-80.0",)
    assert copied_letters.speechlrp("preprocess", settings=other).returncode == 0
    line = one_line(copied_letters.speechlrp("evaluate", f"weights={weights}", settings=other))
    assert "was trained on features" in line


def test_two_processes_train_together_and_one_writes(letters):
    refused = letters.speechlrp("preprocess", ranks=2)
    assert refused.returncode
    assert "error: preprocess runs in one process; start it without torchrun" in refused.stderr
    assert letters.speechlrp("preprocess").returncode == 0
    done = letters.speechlrp("train", ranks=2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("epoch 3 of 3") == done.stdout.count("train: done") == 1
    assert len(pd.read_csv(letters.run / "train/metrics.csv")) == 3
    again = letters.speechlrp("train", ranks=2)
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("complete, nothing to do") == 1
    assert letters.speechlrp("evaluate").returncode == 0


def test_the_page_of_a_recogniser(trained):
    done = trained.speechlrp("report")
    assert done.returncode == 0, done.stderr
    page = (trained.run / "report/index.html").read_text()
    for text in ("letter errors on test", "Loss and errors per epoch", "What was recognised"):
        assert text in page
    (table,) = (trained.run / "report/tables").glob("training-*-what-was-recognised.csv")
    said = pd.read_csv(table)
    assert said.letter_error_rate.str.rstrip("%").astype(float).is_monotonic_increasing
    assert trained.speechlrp("report").stdout.count("nothing to do") == 1


def test_a_recogniser_on_another_corpus(copied_letters, project_class):
    bare = project_class(copied_letters.data, copied_letters.outputs, ("device=cpu", "workers=1"))
    other = ("--on", "dataset=librispeech", 'dataset.speakers=["11"]')
    done = bare.speechlrp("evaluate", f"run={copied_letters.run.name}", *other)
    assert done.returncode == 0, done.stderr
    (folder,) = (copied_letters.run / "on").iterdir()
    about = read_record(folder / "preprocess").notes["examples"]
    assert {name: row["utterances"] for name, row in about.items()} == {"test": 8}
    assert (folder / "evaluate/train-test/evaluation.json").is_file()
