"""navai through the real command line, on a recogniser that predicts letters everywhere."""

import importlib.util
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from speechlrp.artifacts.record import read_record
from speechlrp.artifacts.utterances import Utterances
from speechlrp.letters.vocabulary import SYMBOLS
from speechlrp.navai import ALIGNMENTS
from speechlrp.training.checkpoint import load_model, save_model


def _toy():
    spec = importlib.util.spec_from_file_location("letters", Path(__file__).with_name("letters.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


toy = _toy()
SMALL = (*toy.SETTINGS, "model.kernels=[8,3,4]", "trainer.epochs=1")
SMALL = tuple(s for s in SMALL if s != "trainer.epochs=3")


@pytest.fixture(scope="session")
def spelled(tmp_path_factory, project_class):
    """A project whose weights favour a, b and c over all else; not to be changed."""
    place = tmp_path_factory.mktemp("navai")
    toy.write_corpus(place / "data/LibriSpeech")
    project = project_class(place / "data", place / "outputs", SMALL)
    for stage in ("preprocess", "train"):
        done = project.speechlrp(stage)
        assert done.returncode == 0, done.stderr
    _favour(project.run / "train/last.safetensors", slice(0, 3))
    done = project.speechlrp("navai", "--align", "all")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def copied_spelled(spelled, tmp_path, project_class):
    """A copy of it, to be changed."""
    shutil.copytree(spelled.outputs, tmp_path / "outputs")
    return project_class(spelled.data, tmp_path / "outputs", SMALL)


def _favour(path: Path, symbols: slice, by: float = 100.0) -> None:
    model, meta = load_model(path)
    with torch.no_grad():
        model.layers[-1][0].bias[symbols] += by
    save_model(path, model, meta)


def _folder(project):
    return project.run / "navai/train-test"


def _expected_none(project):
    """Sums and counts of the windows by letter: each window through the model on its own."""
    model, _ = load_model(project.run / "train/last.safetensors")
    model.eval()
    model.padding = "none"
    width, totals = model.receptive_field, {}
    with Utterances(project.features / "utterances.h5") as file:
        for row in np.flatnonzero(file.table.subset == "test"):
            x = file.read(int(row)).T
            for start in range(0, x.shape[1] - width + 1, model.stride):
                window = x[:, start : start + width]
                with torch.no_grad():
                    symbol = int(model(torch.from_numpy(window.copy())[None])[0, :, 0].argmax())
                if symbol < 26:
                    totals.setdefault(symbol, []).append(window.astype(np.float64))
    return {symbol: np.array(windows) for symbol, windows in totals.items()}


def test_sums_and_counts_are_those_of_the_windows_one_by_one(spelled):
    expected = _expected_none(spelled)
    assert 1 <= len(expected) <= 3
    every = np.concatenate(list(expected.values()))
    with h5py.File(_folder(spelled) / "averages.h5") as file:
        assert file.attrs["kind"] == "averages"
        assert json.loads(file.attrs["alignments"]) == list(ALIGNMENTS)
        assert json.loads(file.attrs["classes"]) == list(SYMBOLS[:26])
        frames, sums = file["frames"][:], file["sums"][:, 0]
        pattern, offsets = file["pattern"][:, 0], file["offset_ms"][:]
        assert [d.label for d in file["sums"].dims] == ["class", "alignment", "frequency", "offset"]
    assert {int(c): int(frames[c]) for c in np.flatnonzero(frames)} == {
        symbol: len(windows) for symbol, windows in expected.items()
    }
    for symbol, windows in expected.items():
        np.testing.assert_allclose(sums[symbol], windows.sum(0), atol=1e-8)
        mean = windows.mean(0) - every.mean(0)
        np.testing.assert_allclose(pattern[symbol], mean, rtol=1e-5, atol=1e-6)
    assert offsets[every.shape[2] // 2] == 0
    np.testing.assert_allclose(np.diff(offsets), 8)


def test_key_steps_are_the_extremes_of_the_gradient(spelled):
    model, _ = load_model(spelled.run / "train/last.safetensors")
    model.eval()
    model.padding = "none"
    keys = {"min-sens": [], "max-sens": []}
    for windows in _expected_none(spelled).values():
        for window in windows:
            x = torch.tensor(window, dtype=torch.float32)[None].requires_grad_()
            model(x)[0, :, 0].max().backward()
            keys["min-sens"].append(int(x.grad[0].amin(0).argmin()))
            keys["max-sens"].append(int(x.grad[0].amax(0).argmax()))
    with h5py.File(_folder(spelled) / "averages.h5") as file:
        stored = file["keys"][:].sum(0)
    for name, steps in keys.items():
        here = stored[list(ALIGNMENTS).index(name)]
        assert np.abs(np.bincount(steps, minlength=len(here)) - here).sum() <= 0.02 * len(steps)


def test_tables_have_a_row_for_every_letter_and_alignment(spelled):
    counts = pd.read_csv(_folder(spelled) / "counts.csv", keep_default_na=False)
    table = pd.read_csv(_folder(spelled) / "specificity.csv", keep_default_na=False)
    rows = [(c, a) for c in SYMBOLS[:26] for a in ALIGNMENTS]
    for found in (counts, table):
        assert list(zip(found["class"], found.alignment, strict=True)) == rows
    none = counts[counts.alignment == "none"]
    assert (none.frames == none.reach_start).all()
    assert not none.at_edge.any()
    notes = read_record(_folder(spelled)).notes
    assert sum(notes["frames"].values()) == none.frames.sum() <= notes["windows"]
    assert (_folder(spelled) / "patterns.png").read_bytes()[:4] == b"\x89PNG"


def test_some_alignments_give_the_same_as_all(copied_spelled):
    with h5py.File(_folder(copied_spelled) / "averages.h5") as file:
        before = file["sums"][:, [1, 3]]
    done = copied_spelled.speechlrp("navai", "--align", "min-sens,max-lrp")
    assert done.returncode == 0, done.stderr
    assert "navai.align was all, is min-sens,max-lrp; running again" in done.stdout
    with h5py.File(_folder(copied_spelled) / "averages.h5") as file:
        np.testing.assert_array_equal(file["sums"][:], before)
    again = copied_spelled.speechlrp("navai", "--align", "min-sens,max-lrp")
    assert "complete, nothing to do" in again.stdout


def test_no_letter_at_all_is_one_line(copied_spelled):
    _favour(copied_spelled.run / "train/last.safetensors", slice(len(SYMBOLS) - 1, None), 300.0)
    done = copied_spelled.speechlrp("navai", "--force")
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: no frame of any class was found")
    assert "trainer.epochs" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--align", "mid-sens"), "unknown value of navai.align 'mid-sens'; known: all, max-lrp"),
        (("navai.crop=no",), "unknown value of navai.crop 'no'"),
        (("navai.rate=1.5",), "navai.rate is 1.5; it must be between 0 and 1"),
        (("navai.batch=0",), "navai.batch is 0; it must be at least 1"),
        (("--subset", "validate", "task=gender"), "navai is for task=letters"),
    ],
)
def test_what_there_is_not(copied_spelled, arguments, message):
    done = copied_spelled.speechlrp("navai", *arguments)
    assert done.returncode == 1
    assert message in done.stderr.strip().splitlines()[-1]
