"""navai's check of its alignments, on a toy corpus whose letters are tones at known times."""

import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
import toy_letters as toy

from speechlrp.artifacts.utterances import Utterances
from speechlrp.config.sections import Times
from speechlrp.letters.vocabulary import LETTERS, SYMBOLS
from speechlrp.navai import ALIGNMENTS
from speechlrp.navai.batches import FrameTable
from speechlrp.navai.frames import Clock
from speechlrp.pipeline.record import read_record
from speechlrp.pipeline.stage import Context
from speechlrp.stages.navai.known_times import known_truth, write_truth
from speechlrp.timing.linking import Truth
from speechlrp.training.checkpoint import load_model

SMALL = toy.SMALL
SOUNDS = {"A": "æ", "B": "b", "C": "k", "D": "d", "E": "ɛ", "F": "f"}
EVERY = 0.1


def _write_times(root: Path) -> None:
    """Every letter is one phoneme of 0.1 s."""
    words, phonemes = [], []
    for speaker in ("11", "12"):
        for number, text in enumerate(toy.SENTENCES):
            key, at = f"{speaker}-1-{number:04d}", 0
            for word in text.split():
                spans = [(EVERY * (at + k), EVERY * (at + k + 1)) for k in range(len(word))]
                words.append((key, word, spans[0][0], spans[-1][1]))
                sounds = [SOUNDS[letter] for letter in word]
                phonemes += [(key, s, *span) for s, span in zip(sounds, spans, strict=True)]
                at += len(word) + 1
    for name, rows in (("word", words), ("phoneme", phonemes)):
        columns = ["id", name, "start_s", "end_s"]
        pd.DataFrame(rows, columns=columns).to_csv(root / f"{name}s.csv", index=False)


def _write_grids(folder: Path, phonemes: Path) -> None:
    """The same times as a forced aligner writes them, in ARPABET; words of one speaker only."""
    arpabet = {"æ": "AE1", "b": "B", "k": "K", "d": "D", "ɛ": "EH0", "f": "F"}
    folder.mkdir()
    words = dict(iter(pd.read_csv(phonemes.with_name("words.csv")).groupby("id")))
    for key, rows in pd.read_csv(phonemes).groupby("id"):
        tiers = [_tier("phones", rows, [arpabet[sound] for sound in rows.phoneme])]
        if key.startswith("11"):
            tiers.append(_tier("words", words[key], words[key].word.str.lower()))
        lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", 0, rows.end_s.max()]
        lines += ["<exists>", len(tiers), *(line for tier in tiers for line in tier)]
        (folder / f"{key}.TextGrid").write_text("\n".join(map(str, lines)) + "\n")


def _tier(name: str, rows: pd.DataFrame, texts) -> list:
    spans = zip(rows.start_s, rows.end_s, texts, strict=True)
    cells = [cell for start, end, text in spans for cell in (start, end, f'"{text}"')]
    return ['"IntervalTier"', f'"{name}"', 0, rows.end_s.max(), len(rows), *cells]


@pytest.fixture(scope="session")
def timed(tmp_path_factory, project_class):
    """A project whose weights favour a, b and e; not to be changed."""
    place = tmp_path_factory.mktemp("truth")
    toy.write_corpus(place / "data/LibriSpeech")
    _write_times(place / "data/LibriSpeech")
    project = project_class(place / "data", place / "outputs", SMALL)
    for stage in ("preprocess", "train"):
        done = project.speechlrp(stage)
        assert done.returncode == 0, done.stderr
    toy.favour(project, [SYMBOLS.index(letter) for letter in "abe"])
    done = project.speechlrp("navai", "--align", "all")
    assert done.returncode == 0, done.stderr
    return project, done.stdout


def _folder(project):
    return project.run / "navai/train-test"


def _read(project, name):
    return pd.read_csv(_folder(project) / name, keep_default_na=False, na_values=[""])


def _predicted(project):
    """Letter and first frame of every window, each through the model on its own."""
    model, _ = load_model(project.run / "train/last.safetensors")
    model.eval()
    model.padding = "none"
    rows = []
    with Utterances(project.features / "utterances.h5") as file:
        for row in np.flatnonzero(file.table.subset == "test"):
            x = torch.from_numpy(file.read(int(row)).T.copy())
            with torch.no_grad():
                said = model(x[None])[0].argmax(0).tolist()
            rows += [
                (file.table.id[row], SYMBOLS[symbol], step * model.stride)
                for step, symbol in enumerate(said)
            ]
    return pd.DataFrame(rows, columns=["id", "letter", "start"]), model.receptive_field


def test_frames_are_all_accounted_for(timed):
    project, said = timed
    frames, _ = _predicted(project)
    frames = frames[frames.letter.isin(list("abcdefghijklmnopqrstuvwxyz"))]
    coverage = _read(project, "coverage.csv").set_index("letter")
    for letter in "abe":
        assert coverage.frames[letter] == (frames.letter == letter).sum()
    kinds = coverage[["frames_linked", "frames_no_match", "frames_silent"]]
    assert (kinds.sum(axis=1) == coverage.frames).all()
    assert coverage.frames_linked["all"] > 0
    table = _read(project, "truth.csv").set_index(["alignment", "letter"])
    for name in ALIGNMENTS:
        assert table.n[name, "all"] <= coverage.frames_linked["all"]
    assert table.n["none", "all"] == coverage.frames_linked["all"]
    assert "none: " in said
    assert f"{table.within_50['none', 'all']:.1%}" in said
    notes = read_record(_folder(project)).notes
    assert notes["letters_with_a_phoneme"] == pytest.approx(coverage.text_share["all"])


def test_errors_of_the_window_centre_are_differences_of_known_times(timed):
    """Of every linked frame the error is its centre's time minus the middle of some letter's."""
    project, _ = timed
    errors = _read(project, "truth_errors.csv")
    own = errors[errors.alignment == "none"]
    frames, width = _predicted(project)
    text = pd.read_csv(project.data / "LibriSpeech/phonemes.csv")
    letters = {sound: letter.lower() for letter, sound in SOUNDS.items()}
    text["letter"] = text.phoneme.map(letters)
    pairs = frames.merge(text, on=["id", "letter"])
    at = 0.016 + 0.008 * (pairs.start + width // 2)
    possible = 1000 * (at - (pairs.start_s + pairs.end_s) / 2)
    for letter, rows in own.groupby("letter"):
        bins = np.rint(possible[pairs.letter == letter] / 10) * 10
        assert set(rows.error_ms) <= set(bins)


def test_other_times_are_measured_anew_textgrids_too_and_without_there_is_no_table(
    timed, tmp_path, project_class
):
    shutil.copytree(timed[0].outputs, tmp_path / "outputs")
    shutil.copytree(timed[0].data, tmp_path / "data")
    project = project_class(tmp_path / "data", tmp_path / "outputs", SMALL)
    before = _read(project, "truth.csv").set_index(["alignment", "letter"])
    words, phonemes = (tmp_path / f"data/LibriSpeech/{n}.csv" for n in ("words", "phonemes"))
    late = pd.read_csv(phonemes)
    late[["start_s", "end_s"]] += 0.05
    late.assign(end_s=late.end_s.round(6), start_s=late.start_s.round(6)).to_csv(phonemes)
    shifted = pd.read_csv(words)
    shifted[["start_s", "end_s"]] += 0.05
    shifted.to_csv(words)
    done = project.speechlrp("navai")
    assert done.returncode == 0, done.stderr
    after = _read(project, "truth.csv").set_index(["alignment", "letter"])
    assert after.bias_ms["none", "all"] < before.bias_ms["none", "all"]
    words.unlink()
    phonemes.unlink()
    _write_grids(tmp_path / "grids", timed[0].data / "LibriSpeech/phonemes.csv")
    done = project.speechlrp("navai", f"times.path={tmp_path / 'grids'}")
    assert done.returncode == 0, done.stderr
    aligned = _read(project, "truth.csv").set_index(["alignment", "letter"])
    pd.testing.assert_frame_equal(aligned, before)  # words follow from the transcripts
    done = project.speechlrp("navai")
    assert done.returncode == 0, done.stderr
    assert not (_folder(project) / "truth.csv").exists()


def test_where_no_frame_has_its_letter_the_coverage_says_so(tmp_path):
    _write_times(tmp_path)
    tables = [pd.read_csv(tmp_path / f"{name}.csv") for name in ("words", "phonemes")]
    truth = Truth(*(table[table.id == "11-1-0000"] for table in tables), 50, Clock(0.01, 0.0))
    gathered = FrameTable(["12-1-0000", "11-1-0000"], ["none"])
    z = LETTERS.index("z")
    rows = {"utterance": [0, 1], "class": [0, z], "run": [0, 1], "start": [0, 0]}
    gathered.append(rows | {"step none": [30, 30]})
    said, notes = [], {}
    config = SimpleNamespace(subset="test")
    context = SimpleNamespace(
        folder=tmp_path, note=notes.__setitem__, say=said.append, config=config
    )
    context.write = partial(Context.write, context)
    write_truth(context, truth, gathered)
    assert said == ["no frame has a letter that is in its text: the alignments are not measured"]
    assert notes == {"letters_with_a_phoneme": 1.0, "utterances_measured": 1}
    coverage = pd.read_csv(tmp_path / "coverage.csv").set_index("letter")
    assert coverage.text_letters[[*"abcz", "all"]].tolist() == [2, 1, 1, 0, 4]
    assert coverage.frames[[*"abcz", "all"]].tolist() == [0, 0, 0, 1, 1]
    assert not (tmp_path / "truth.csv").exists()


@pytest.mark.parametrize(("classes", "times"), [("bigrams", True), ("letters", False)])
def test_only_letters_of_known_times_are_measured(classes, times, tmp_path):
    if times:
        _write_times(tmp_path)
    navai, times = SimpleNamespace(classes=classes), Times()
    config = SimpleNamespace(navai=navai, times=times, dataset={"root": str(tmp_path)})
    assert known_truth(SimpleNamespace(config=config), None, 0) is None
