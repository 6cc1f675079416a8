"""navai by other classes than letters: bigrams, and phonemes of an aligner."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import toy_letters as toy

from speechlrp.artifacts.utterances import Utterances
from speechlrp.errors import SpeechLRPError
from speechlrp.letters.vocabulary import SYMBOLS
from speechlrp.stages.navai.search import frequent
from speechlrp.training.checkpoint import load_model, save_model


@pytest.fixture
def spelled(made_once, tmp_path_factory, project_class):
    """A project whose weights favour a, b and c over all else."""
    place = tmp_path_factory.mktemp("navai_classes")
    project = toy.trained(made_once, project_class, place, toy.SMALL)
    toy.favour(project, slice(0, 3))
    return project


def test_frequent_bigrams():
    texts = ["cab cab", "a'b"]
    assert frequent(texts, "left", 2) == ["a|b", "c|a"]
    assert frequent(texts, "left", 9) == ["a|b", "c|a", "'|b", "_|c"]
    assert frequent(texts, "right", 9) == ["a|b", "c|a", "a|'", "b|_"]
    with pytest.raises(SpeechLRPError, match="no bigram"):
        frequent(["a", ""], "left", 9)


def _level(project) -> None:
    """Let a, b and c win in turns: none of them is ahead on average."""
    path = project.run / "train/last.safetensors"
    model, meta = load_model(path)
    model.eval()
    with Utterances(project.features / "utterances.h5") as file, torch.no_grad():
        scores = model(torch.from_numpy(file.read(0).T.copy())[None])[0]
        model.layers[-1][0].bias[:3] += 100 - scores[:3].mean(1)
    save_model(path, model, meta)


def _after_another(project) -> dict[str, int]:
    """Windows whose letter differs from one that the model spelled before it, by both."""
    model, _ = load_model(project.run / "train/last.safetensors")
    model.eval()
    model.padding = "none"
    found = {}
    with Utterances(project.features / "utterances.h5") as file:
        for row in np.flatnonzero(file.table.subset == "test"):
            with torch.no_grad():
                scores = model(torch.from_numpy(file.read(int(row)).T.copy())[None])
            before = previous = None
            for symbol in scores[0].argmax(0).tolist():
                if symbol != previous:
                    before, previous = previous, symbol
                if before is not None:
                    name = f"{SYMBOLS[before]}|{SYMBOLS[symbol]}"
                    found[name] = found.get(name, 0) + 1
    return found


def test_bigrams_are_counted_where_the_letter_changes(spelled):
    _level(spelled)
    expected = _after_another(spelled)
    assert expected
    names = [f"{one}|{other}" for one in "abc" for other in "abc" if one != other]
    before = f"import speechlrp.stages.navai.search as s\ns.frequent = lambda *a: {names}\n"
    done = spelled.speechlrp("navai", "--classes", "bigrams", before=before)
    assert done.returncode == 0, done.stderr
    with h5py.File(spelled.run / "navai/train-test-bigrams-left/averages.h5") as file:
        assert json.loads(file.attrs["classes"]) == names
        frames = dict(zip(names, file["frames"][:].tolist(), strict=True))
    assert {name: count for name, count in frames.items() if count} == expected


def _times(project, folder):
    """TextGrid files that say x for the first half of every utterance, and y for the rest."""
    with Utterances(project.features / "utterances.h5") as file:
        table = file.table
    for row in table.itertuples():
        path = folder / row.speaker / f"{row.id}.TextGrid"
        path.parent.mkdir(parents=True, exist_ok=True)
        half, end = row.seconds / 2, row.seconds
        path.write_text(
            f'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n{end}\n<exists>\n1\n'
            f'"IntervalTier"\n"phones"\n0\n{end}\n2\n0\n{half}\n"x1"\n{half}\n{end}\n"y0"\n'
        )


def test_phonemes_of_an_aligner(spelled, tmp_path):
    _times(spelled, tmp_path / "grids")
    where = ("--classes", "phonemes", f"times.path={tmp_path / 'grids'}")
    done = spelled.speechlrp("navai", *where, "navai.figure=[y]")
    assert done.returncode == 0, done.stderr
    counts = pd.read_csv(spelled.run / "navai/train-test-phonemes/counts.csv")
    none = counts[counts.alignment == "none"].set_index("class").frames
    assert spelled.speechlrp("navai", "--align", "none").returncode == 0
    letters = pd.read_csv(spelled.run / "navai/train-test/counts.csv", keep_default_na=False)
    assert sorted(none.index) == ["x", "y"]
    assert none.sum() == letters[letters.alignment == "none"].frames.sum()
    again = spelled.speechlrp("navai", *where, "navai.figure=[y]")
    assert "complete, nothing to do" in again.stdout
    missing = spelled.speechlrp("navai", *where, "times.phonemes=phonemes")
    assert "(times.phonemes) 'phonemes'; known: phones" in missing.stderr
