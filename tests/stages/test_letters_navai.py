"""navai through the real command line, on a recogniser that predicts letters everywhere."""

import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import toy_letters as toy

from speechlrp.artifacts.utterances import Utterances
from speechlrp.letters.vocabulary import SYMBOLS
from speechlrp.navai import ALIGNMENTS
from speechlrp.pipeline.record import read_record
from speechlrp.training.checkpoint import load_model

SMALL = toy.SMALL


@pytest.fixture(scope="session")
def spelled(made_once, tmp_path_factory, project_class):
    """A project whose weights favour a, b and c over all else; not to be changed."""
    place = tmp_path_factory.mktemp("navai")
    project = toy.trained(made_once, project_class, place, SMALL)
    toy.favour(project, slice(0, 3))
    done = project.speechlrp("navai", "--align", "all")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def copied_spelled(spelled, tmp_path, project_class):
    """A copy of it, to be changed."""
    shutil.copytree(spelled.outputs, tmp_path / "outputs")
    return project_class(spelled.data, tmp_path / "outputs", SMALL)


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
    for name in ("patterns", "examples"):
        assert (_folder(spelled) / f"{name}.png").read_bytes()[:4] == b"\x89PNG"
    bursts = pd.read_csv(_folder(spelled) / "bursts.csv", keep_default_na=False)
    assert list(zip(bursts["class"], bursts.alignment, strict=True)) == rows
    alignments = pd.read_csv(_folder(spelled) / "alignments.csv")
    assert alignments.alignment.tolist() == list(ALIGNMENTS)
    peaks = pd.read_csv(_folder(spelled) / "peaks.csv")
    assert set(peaks.hz.round(6)) <= set(_frequencies(spelled).round(6))
    assert not list(_folder(spelled).rglob("*.npz"))


def _frequencies(project):
    with h5py.File(_folder(project) / "averages.h5") as file:
        return file["frequency"][:]


def _arrays(folder):
    with h5py.File(folder / "averages.h5") as file:
        return {name: file[name][:] for name in file}


QUICK = "import speechlrp.stages.navai.frame_pass as n; n.UNIT, n.SAVE_S, n.SAVE_SHARE = 1, 0, 0\n"


ADD = "speechlrp.navai.batches:AveragePart.add"


def _killed(project, killing) -> None:
    """Leave a first run killed in its third unit."""
    shutil.rmtree(_folder(project))
    done = project.speechlrp("navai", before=QUICK + killing(ADD, 3))
    assert done.returncode == -9, done.stderr


def test_killed_in_the_middle_it_goes_on_and_gives_the_same_bytes(copied_spelled, killing):
    whole = copied_spelled.speechlrp("navai", "--force", before=QUICK)
    assert whole.returncode == 0, whole.stderr
    expected = _arrays(_folder(copied_spelled))
    _killed(copied_spelled, killing)
    before = QUICK + killing(ADD, 3)  # two units are left: a third call would kill again
    again = copied_spelled.speechlrp("navai", before=before)
    assert again.returncode == 0, again.stderr
    assert "going on where it was interrupted" in again.stdout
    found = _arrays(_folder(copied_spelled))
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_what_was_put_down_is_used_and_damage_is_said(copied_spelled, killing):
    _killed(copied_spelled, killing)
    (saved,) = _folder(copied_spelled).parent.rglob("*.npz")
    saved.write_bytes(saved.read_bytes()[:1000])
    done = copied_spelled.speechlrp("navai")
    assert done.returncode == 1
    assert "was damaged and is deleted; the same command makes it again" in done.stderr
    assert copied_spelled.speechlrp("navai").returncode == 0


def test_two_processes_share_the_units(copied_spelled):
    expected = _arrays(_folder(copied_spelled))
    done = copied_spelled.speechlrp("navai", "--force", before=QUICK, ranks=2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("letters that never occur") == done.stdout.count(": done") == 1
    found = _arrays(_folder(copied_spelled))
    for name in ("counts", "runs", "keys", "frames"):
        np.testing.assert_array_equal(found[name], expected[name])
    for name in ("sums", "squares", "pattern", "pattern_error"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-6, atol=1e-6)


def test_another_explainer_can_be_searched(copied_spelled):
    patch = ("navai.sources.occlusion.patch=[64,16]", "navai.sources.occlusion.stride=[64,16]")
    align = "max-occlusion,min-gradient_x_input"
    done = copied_spelled.speechlrp("navai", "--align", align, *patch)
    assert done.returncode == 0, done.stderr
    assert "navai.alignments changed" in done.stdout
    inputs = read_record(_folder(copied_spelled)).inputs
    assert inputs["navai.sources.occlusion"]["patch"] == [64, 16]
    assert "navai.sources.lrp" not in inputs
    counts = pd.read_csv(_folder(copied_spelled) / "counts.csv", keep_default_na=False)
    assert counts.alignment.unique().tolist() == align.split(",")
    # what no alignment searches changes nothing
    other = ("navai.sources.smoothgrad.samples=7",)
    again = copied_spelled.speechlrp("navai", "--align", align, *patch, *other)
    assert "complete, nothing to do" in again.stdout


def test_some_alignments_give_the_same_as_all(copied_spelled):
    with h5py.File(_folder(copied_spelled) / "averages.h5") as file:
        before = file["sums"][:, [1, 3]]
    done = copied_spelled.speechlrp("navai", "--align", "min-sens,max-lrp")
    assert done.returncode == 0, done.stderr
    assert "navai.align was all, is min-sens,max-lrp, navai.alignments changed" in done.stdout
    with h5py.File(_folder(copied_spelled) / "averages.h5") as file:
        np.testing.assert_array_equal(file["sums"][:], before)
    again = copied_spelled.speechlrp("navai", "--align", "min-sens,max-lrp")
    assert "complete, nothing to do" in again.stdout


def test_no_letter_at_all_is_one_line(copied_spelled):
    toy.favour(copied_spelled, slice(len(SYMBOLS) - 1, None), 300.0)
    done = copied_spelled.speechlrp("navai", "--force")
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: no frame of any class was found")
    assert "trainer.epochs" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--align", "mid-sens"), "unknown value of navai.align 'mid-sens'; known: all, max-grad"),
        (("--align", "max-shap"), "unknown value of navai.align 'max-shap'"),
        (("--align", "none,none"), "navai.align names an alignment twice: none,none"),
        (("--align", "max-smoothgrad", "navai.sources.smoothgrad.samples=0"), "samples is 0"),
        (
            ("--align", "max-occlusion", "+navai.sources.occlusion.view=stft"),
            "navai.sources.occlusion.view=stft is for networks of waveforms",
        ),
        (
            ("--align", "max-occlusion", "navai.sources.occlusion.reference=silence"),
            "navai.sources.occlusion.reference is silence; frames are z-normalised",
        ),
        (
            ("--align", "max-occlusion", "navai.sources.occlusion.patch=[16,5000]"),
            "explainer.patch [16, 5000] does not fit inputs",
        ),
        (("--align", "max-a", "+navai.sources.a={kind: lrp, rulez: 1}"), "'rulez'"),
        (
            (
                "--align",
                "max-a",
                "+navai.sources.a={kind: lrp, rules: [{layers: Linear, rule: zero}]}",
            ),
            "matches no selector",
        ),
        (("navai.classes=words",), "unknown value of navai.classes 'words'"),
        (("--classes", "phonemes"), "times are known of what `speechlrp synth` made"),
        (("--classes", "phonemes", "times.path=/nowhere"), "there is no .TextGrid file"),
        (("navai.figure=[ab]",), "unknown class in navai.figure 'ab'"),
        (("navai.groups=1",), "navai.groups is 1; it must be 0, or from 2"),
        (("navai.within_s=0",), "navai.within_s is 0.0; it must be above 0, or null"),
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
